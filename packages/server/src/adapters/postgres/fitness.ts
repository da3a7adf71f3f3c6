import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import { Problem } from "@turnpike/contract/problem.ts";
import { UnfitDatabase } from "../../ports/unfit-database.ts";

/** What a database says of itself. */
interface Facts {
  /** As `server_version_num`: 140023 is 14.23. */
  readonly version: number;
  readonly encoding: string;
  readonly isReadOnly: boolean;
}

/** The oldest whose language has all that the migrations say. */
const oldestMajor = 14;

/** Why a server cannot work with such a database. */
export const unfitness = ({ version, encoding, isReadOnly }: Facts): string | undefined => {
  const major = Math.floor(version / 10_000);
  if (major < oldestMajor)
    return `it is PostgreSQL ${major}, and ${oldestMajor} is the oldest that works`;
  if (encoding !== "UTF8") return `its encoding is ${encoding}, and only UTF8 has every character`;
  return isReadOnly ? "it can only be read, as a standby: name the one that is written" : undefined;
};

/** Before anything is written. Throws `UnfitDatabase`. */
export const checkFitness = async (pool: Pool): Promise<void> => {
  refuse(unfitness(await firstFacts(pool)));
  if (!(await keepsSessions(pool)))
    refuse(
      "the pooler before it lends sessions: each connection needs one of its own (PgBouncer: pool_mode = session)",
    );
};

/** Nobody listens, the password is wrong, there is no such database: nothing that a stack would explain. */
const firstFacts = async (pool: Pool): Promise<Facts> => {
  try {
    const { rows } = await pool.query<Facts>(`
      SELECT current_setting('server_version_num')::int AS version,
        current_setting('server_encoding') AS encoding,
        current_setting('transaction_read_only')::boolean AS "isReadOnly"`);
    const [facts] = rows;
    if (facts === undefined) throw new Error("it answers nothing");
    return facts;
  } catch (error) {
    throw new UnfitDatabase(`The database cannot be used: ${reasonOf(error)}`, { cause: error });
  }
};

/** Of a host with several addresses, what each said. */
const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
};

/** After a failover, connections can lead to a standby until it is promoted. Throws `UNAVAILABLE`. */
export const checkWritable = async (pool: Pool): Promise<void> => {
  const { rowCount } = await pool.query(
    "SELECT WHERE current_setting('transaction_read_only')::boolean",
  );
  if (rowCount !== 0) throw new Problem("UNAVAILABLE");
};

const refuse = (reason: string | undefined): void => {
  if (reason !== undefined) throw new UnfitDatabase(`The database cannot be used: ${reason}`);
};

const channel = "turnpike_sessions";
/** Said and heard within milliseconds, where it is heard at all. */
const hearingMs = 10_000;

/**
 * Whether a connection that waits hears what another says. A pooler that lends a session for one transaction passes nothing on
 * between two: prices that other servers have changed would not be heard of, and settings and locks would be somebody else's.
 */
const keepsSessions = async (pool: Pool): Promise<boolean> => {
  const listening = await pool.connect();
  try {
    await listening.query(`LISTEN ${channel}`);
    const word = randomUUID();
    const heard = new Promise<boolean>((resolve) => {
      listening.on("notification", ({ payload }) => payload === word && resolve(true));
    });
    await pool.query("SELECT pg_notify($1, $2)", [channel, word]);
    return await Promise.race([heard, delay(hearingMs, false, { ref: false })]);
  } finally {
    // It would go on listening.
    listening.release(true);
  }
};
