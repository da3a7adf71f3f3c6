import { randomUUID } from "node:crypto";
import type { Pool } from "pg";
import { pino } from "pino";
import { emptyPosition } from "@turnpike/engine/ledger/price.ts";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import { ownConnection } from "../../adapters/postgres/own-connection.suite.ts";
import type { BatchParts } from "../batch-decision.ts";
import { DatabaseClock } from "./database-clock.ts";
import { createLedger, type Ledger } from "../ledger.ts";
import { Remembered } from "./remembered-rows.ts";
import { byId } from "./reader.ts";
import type { Work } from "../work.ts";

const logger = pino({ level: "silent" });

export interface LedgerDatabase {
  readonly pool: () => Pool;
  /** What one server knows: two of them share the database only. */
  readonly server: () => BatchParts;
  readonly ledger: () => Ledger;
  /** An organization with US dollars and these accounts; its id. */
  readonly organization: (accounts: readonly string[]) => Promise<string>;
  readonly record: (
    orgId: string,
    kind: string,
    document: { readonly code: string },
  ) => Promise<void>;
}

/** No meter of these tests derives anything. */
const derivedFields = { of: async () => ({ values: new Map(), byReceipt: new Set<string>() }) };

/** Nothing was used before these tests. */
const usage = { aggregateJointly: async () => [] };

const beginAtNothing = (_orgId: string, ids: Iterable<string>) => byId([...ids].map(emptyPosition));

/** A database for the tests of a file, without a server before it. */
export const ledgerDatabase = (): LedgerDatabase => {
  const connection = ownConnection();
  const record: LedgerDatabase["record"] = async (orgId, kind, document) => {
    const { database } = connection();
    const [id, at] = [randomUUID(), new Date()];
    const by = {
      dt_created: at,
      dt_last_modified: at,
      created_by: "test",
      last_modified_by: "test",
    };
    const key = { org_id: orgId, kind, id, code: document.code };
    const row = { ...key, version: 1, document: JSON.stringify(document), ...by };
    await database.insertInto("record").values(row).execute();
    const unique = { org_id: orgId, kind, field: "code", value: document.code, id };
    await database.insertInto("unique_value").values(unique).execute();
  };
  const ledger = (): Ledger =>
    createLedger({
      ...connection(),
      usage,
      derivedFields,
      logger,
      now: Date.now,
      hearsNews: () => false,
    });
  return {
    pool: () => connection().pool,
    ledger,
    server: () => ({
      ...ledger(),
      beginnings: { known: beginAtNothing, of: async (orgId, ids) => beginAtNothing(orgId, ids) },
      remembered: new Remembered(),
      clock: new DatabaseClock(),
    }),
    record,
    organization: async (accounts) => {
      const id = randomUUID();
      const row = { id, created_at: new Date() };
      await connection().database.insertInto("organization").values(row).execute();
      const usd = { code: "USD", name: "US dollar", scale: 6, kind: "fiat" };
      await record(id, "asset", usd);
      for (const code of accounts) await record(id, "account", { code });
      return id;
    },
  };
};

/** The accounts of commands that name one, and nothing measured. */
export const workOf = (orgId: string, commands: readonly Command[]): Work => ({
  orgId,
  accounts: commands.flatMap((command) => ("account" in command ? [command.account] : [])),
  requests: commands,
  usage: commands.map(({ id }) => new Map([[id, { fields: {}, counted: [] }]])),
});
