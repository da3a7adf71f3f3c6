import { join, resolve } from "node:path";
import { exportLedger, verifyLedger } from "@turnpike/server/adapters/duckdb/ledger.ts";
import type { LedgerVerdict } from "@turnpike/server/adapters/duckdb/ledger.ts";
import type { Config } from "@turnpike/server/config.ts";

const sound = (verdict: LedgerVerdict): LedgerVerdict => {
  if (verdict.kind === "sound") return verdict;
  throw new Error(`The ledger is broken at batch ${verdict.sequence}: ${verdict.reason}`);
};

const storeOf = ({ dataDir }: Config): string => join(dataDir, "usage.duckdb");

/** Walks the chain of usage batches of a server that is stopped; throws at the first broken one. */
export const verifyUsage = async (config: Config): Promise<unknown> =>
  sound(await verifyLedger(storeOf(config)));

/** Writes all usage of a server that is stopped to a Parquet file. */
export const exportUsage = async (config: Config, file: string | undefined): Promise<unknown> => {
  if (file === undefined) throw new Error("ledger export needs the name of a file to write");
  // npm runs in the project's folder, whoever calls it from where.
  const path = resolve(process.env["INIT_CWD"] ?? ".", file);
  return sound(await exportLedger(storeOf(config), path));
};
