import { Kysely, PostgresDialect } from "kysely";
import { Client, type ClientBase, Pool, types } from "pg";
import type { Logger } from "pino";
import type { Database, Tables } from "../../ports/database.ts";
import { checkFitness } from "./fitness.ts";
import { migrate } from "./migrate.ts";
import { settle } from "./session-settings.ts";

export interface PostgresConnection {
  readonly database: Database;
  /** For libraries that speak `pg` themselves, such as the job queue. */
  readonly pool: Pool;
  /** Gives up every connection: who waits for an answer on one is told that it is lost. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

interface PoolOptions {
  /** How many connections at most. */
  readonly max?: number;
  readonly onConnect?: (client: ClientBase) => Promise<void>;
}

/** Longer waits nobody for a connection: that the database is silent is an answer, too. */
const connectionMs = 10_000;

/** A date stays the text it is: as a Date it would move with the process's zone. */
types.setTypeParser(types.builtins.DATE, (text) => text);

/** Connects, brings the schema up to date, and is ready for queries. Throws `UnfitDatabase`. */
export const openPostgres = async (
  url: string,
  logger: Logger,
  { max = 16, onConnect }: PoolOptions = {},
): Promise<PostgresConnection> => {
  const clients = new Set<Client>();
  const pool = new Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: connectionMs,
    keepAlive: true,
    // A batch of decisions sends its statements together instead of waiting for each.
    pipeline: true,
    // Waited for before the connection is used.
    onConnect: async (client) => {
      if (client instanceof Client) {
        clients.add(client);
        client.once("end", () => clients.delete(client));
      }
      await settle(client);
      await onConnect?.(client);
    },
  });
  // A connection that breaks is replaced by the pool; without a listener it would end the process.
  const onLost = ({ message }: Error): void => {
    if (!pool.ending) logger.warn({ reason: message }, "database connection lost");
  };
  pool.on("error", onLost);
  pool.on("connect", (client) => client.on("error", onLost));
  const cut = (): void => {
    for (const client of clients) client.connection.stream.destroy();
  };
  try {
    await checkFitness(pool);
    await migrate(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { database, pool, cut, close: () => pool.end() };
};
