import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resources } from "@turnpike/contract/resources.ts";
import { startEmbeddedPostgres } from "../adapters/postgres/embedded.ts";
import { openPostgres, type PostgresConnection } from "../adapters/postgres/open.ts";
import { ensureOrganization } from "./organizations.ts";
import { createPermissions } from "./permissions.ts";

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
  const folder = await mkdtemp(join(tmpdir(), "turnpike-permissions-"));
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

test("a key that another server has removed opens nothing two seconds later, though the clock was set back", async () => {
  const { database } = state.connection ?? {};
  if (database === undefined) throw new Error("the database did not start");
  const key = await database.selectFrom("access_key").selectAll().executeTakeFirstOrThrow();
  const { orgId, accessKey } = credentials;
  const principal = { orgId, accessKey, serviceUserId: key.service_user_id };
  let [hour, steady] = [12, 0];
  const permissions = createPermissions(database, {
    now: () => new Date(Date.UTC(2025, 0, 1, hour)),
    steadyMs: () => steady,
  });
  const check = () =>
    permissions.check(principal, { action: "config:retrieve", on: "config:meter" }, undefined);
  await check();

  await database.deleteFrom("access_key").where("access_key", "=", accessKey).execute();
  [hour, steady] = [11, 2_001];

  await expect(check()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});
