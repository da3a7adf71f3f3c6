import type { ClientBase, Pool } from "pg";
import { Problem } from "@turnpike/contract/problem.ts";
import { batchOf, type UsageMark } from "../../ports/usage-changes.ts";

/**
 * Who may make its usage store the database's own: `first` whoever comes first, `never` who is here for one command only,
 * `instead` who is to take the place of another.
 */
export type UsageClaim = "first" | "never" | "instead";

/** The server that keeps usage is still connected: two of them must not meter and bill. */
export class UsageStoreInUse extends Error {
  override readonly name = "UsageStoreInUse";

  constructor(name: string) {
    super(
      "The server that keeps usage is still connected to the database: stop it first. If it is gone for good, end what is " +
        `left of it: SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`,
    );
  }
}

/** What the connections of a server are called that has the store. */
const connectionName = (storeId: string): string => `turnpike ${storeId}`;

/** A usage store among those that may be the database's own. */
export class UsageClaimant {
  readonly #storeId: string;
  #isKeeper = false;

  constructor(storeId: string) {
    this.#storeId = storeId;
  }

  /**
   * For every connection, before it is used. Named from before the claim, it is seen by whoever takes the store's place;
   * one that comes back after that is of no use: USAGE_ELSEWHERE, until the server is started again.
   */
  readonly greet = async (client: ClientBase): Promise<void> => {
    // In the URL another name would win.
    const name = connectionName(this.#storeId);
    await client.query("SELECT set_config('application_name', $1, false)", [name]);
    if (this.#isKeeper && (await keeperOf(client)) !== this.#storeId)
      throw new Problem("USAGE_ELSEWHERE");
  };

  /** The store that is the database's own after this; undefined while none is. Throws `UsageStoreInUse`. */
  async claim(pool: Pool, claim: UsageClaim): Promise<string | undefined> {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      if (claim !== "never") await client.query(claiming, [this.#storeId]);
      // Whoever is replaced either reads this afterwards or is seen to be connected.
      await client.query("SELECT FROM usage_store FOR UPDATE");
      if (claim === "instead") await this.#replace(client);
      const keeper = await keeperOf(client);
      await client.query("COMMIT");
      this.#isKeeper = keeper === this.#storeId;
      return keeper;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }

  async #replace(client: ClientBase): Promise<void> {
    const keeper = await keeperOf(client);
    if (keeper === undefined) return;
    if (keeper !== this.#storeId) await this.#checkGone(client, keeper);
    // What this one does not hold is given up, also where it is an older copy of the store.
    await client.query("UPDATE usage_store SET id = $1, mark = NULL", [this.#storeId]);
    await client.query("DELETE FROM usage_unheard");
  }

  async #checkGone(client: ClientBase, keeper: string): Promise<void> {
    const name = connectionName(keeper);
    const { rowCount } = await client.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1",
      [name],
    );
    if (rowCount !== 0) throw new UsageStoreInUse(name);
  }
}

/** The last of usage that the database has heard of (`authorization/usage/relay.ts`). */
export const heardOfUsage = async (pool: Pool): Promise<string | undefined> => {
  const { rows } = await pool.query<{ mark: string | null }>("SELECT mark FROM usage_store");
  return rows[0]?.mark ?? undefined;
};

/**
 * Usage that came in before a start and that the database has never heard of is kept in mind: it has lost what was decided
 * of that, if it was restored from an older dump, and tells a call that is asked again by it (`deliveredAmong`).
 */
export const noteUnheard = async (pool: Pool, present: UsageMark): Promise<void> => {
  const heard = await heardOfUsage(pool);
  const after = heard === undefined ? 0 : batchOf(heard);
  const last = batchOf(present);
  if (last > after)
    await pool.query(
      "INSERT INTO usage_unheard (after_batch, last_batch) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      [after, last],
    );
};

const claiming = "INSERT INTO usage_store (id) VALUES ($1) ON CONFLICT DO NOTHING";

const keeperOf = async (client: ClientBase): Promise<string | undefined> => {
  const { rows } = await client.query<{ id: string }>("SELECT id FROM usage_store");
  return rows[0]?.id;
};
