import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resources } from "@turnpike/contract/resources.ts";
import { startEmbeddedPostgres } from "../adapters/postgres/embedded.ts";
import { openPostgres, type PostgresConnection } from "../adapters/postgres/open.ts";
import { ensureOrganization } from "./organizations.ts";

const logger = pino({ level: "silent" });
const credentials = {
  orgId: "11111111-1111-4111-8111-111111111111",
  accessKey: "key",
  apiSecret: "secret",
};
const state: { connection?: PostgresConnection; readonly closers: (() => Promise<unknown>)[] } = {
  closers: [],
};

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-audit-"));
  state.closers.push(() => rm(folder, { recursive: true, force: true }));
  // The embedded database may run as another user, who must get through to its data.
  await chmod(folder, 0o755);
  const embedded = await startEmbeddedPostgres(join(folder, "postgres"), logger);
  state.closers.push(embedded.stop);
  const connection = await openPostgres(embedded.url, logger);
  state.closers.push(connection.close);
  await ensureOrganization(connection.database, resources, { credentials, at: new Date() });
  state.connection = connection;
});
afterAll(async () => {
  for (const close of state.closers.reverse()) await close();
});

test.each([
  "UPDATE change SET principal = 'somebody else'",
  "UPDATE change SET after = NULL WHERE sequence = 1",
  "DELETE FROM change WHERE sequence = 1",
  "TRUNCATE change",
  "TRUNCATE organization CASCADE",
])("the database refuses to rewrite the audit log: %s", async (statement) => {
  const { database } = state.connection ?? {};
  if (database === undefined) throw new Error("the database did not start");
  const rows = () => database.selectFrom("change").selectAll().orderBy("sequence").execute();
  const before = await rows();
  expect(before.length).toBeGreaterThan(0);
  await expect(sql.raw(statement).execute(database)).rejects.toThrow("append-only");
  expect(await rows()).toEqual(before);
});
