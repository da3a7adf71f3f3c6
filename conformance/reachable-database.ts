import { join } from "node:path";
import { Client } from "pg";
import { pino } from "pino";
import { startEmbeddedPostgres } from "@turnpike/server/adapters/postgres/embedded.ts";
import { BillingWorld } from "./billing-world.ts";
import { newFolder, removeFolder } from "./server.ts";

/** A server, and its database beside it: for what no client could arrange, such as a clock that was late. */
export interface ReachableWorld {
  readonly world: BillingWorld;
  readonly query: (
    text: string,
    values: readonly unknown[],
  ) => Promise<readonly Record<string, unknown>[]>;
  readonly close: () => Promise<void>;
}

export const openReachableWorld = async (): Promise<ReachableWorld> => {
  const folder = await newFolder();
  const postgres = await startEmbeddedPostgres(join(folder, "postgres"), pino({ level: "silent" }));
  const world = await BillingWorld.open({ DATABASE_URL: postgres.url });
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  return {
    world,
    query: async (text, values) => {
      const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
      return rows;
    },
    close: async () => {
      await client.end();
      await world.close();
      await postgres.stop();
      await removeFolder(folder);
    },
  };
};
