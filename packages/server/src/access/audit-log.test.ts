import { sql } from "kysely";
import { beforeAll, expect, test } from "vitest";
import { resources } from "@turnpike/contract/resources.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { ensureOrganization } from "./organizations.ts";

const credentials = {
  orgId: "11111111-1111-4111-8111-111111111111",
  accessKey: "key",
  apiSecret: "secret",
};
const connection = ownConnection();

beforeAll(() =>
  ensureOrganization(connection().database, resources, { credentials, at: new Date() }),
);

test.each([
  "UPDATE change SET principal = 'somebody else'",
  "UPDATE change SET after = NULL WHERE sequence = 1",
  "DELETE FROM change WHERE sequence = 1",
  "TRUNCATE change",
  "TRUNCATE organization CASCADE",
])("the database refuses to rewrite the audit log: %s", async (statement) => {
  const { database } = connection();
  const rows = () => database.selectFrom("change").selectAll().orderBy("sequence").execute();
  const before = await rows();
  expect(before.length).toBeGreaterThan(0);
  await expect(sql.raw(statement).execute(database)).rejects.toThrow("append-only");
  expect(await rows()).toEqual(before);
});
