import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll } from "vitest";
import { startEmbeddedPostgres } from "./embedded.ts";
import { openPostgres, type PostgresConnection } from "./open.ts";

/** A database for the tests of a file, without a server before it: it is there once they run, and gone after them. */
export const ownConnection = (): (() => PostgresConnection) => {
  const state: { connection?: PostgresConnection } = {};
  const closers: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    const logger = pino({ level: "silent" });
    const folder = await mkdtemp(join(tmpdir(), "turnpike-own-"));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    // The embedded database may run as another user, who must get through to its data.
    await chmod(folder, 0o755);
    const embedded = await startEmbeddedPostgres(join(folder, "postgres"), logger);
    closers.push(embedded.stop);
    state.connection = await openPostgres(embedded.url, logger);
    closers.push(state.connection.close);
  }, 60_000);
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });
  return () => {
    if (state.connection === undefined) throw new Error("the database did not start");
    return state.connection;
  };
};
