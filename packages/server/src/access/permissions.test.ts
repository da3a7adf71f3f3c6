import { beforeAll, expect, test } from "vitest";
import { resources } from "@turnpike/contract/resources.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { ensureOrganization } from "./organizations.ts";
import { createPermissions } from "./permissions.ts";

const credentials = {
  orgId: "11111111-1111-4111-8111-111111111111",
  accessKey: "key",
  apiSecret: "secret",
};
const connection = ownConnection();

beforeAll(() =>
  ensureOrganization(connection().database, resources, { credentials, at: new Date() }),
);

test("a key that another server has removed opens nothing two seconds later, though the clock was set back", async () => {
  const { database } = connection();
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
