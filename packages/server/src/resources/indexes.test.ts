import { sql } from "kysely";
import { expect, test } from "vitest";
import { account } from "@turnpike/contract/accounts/account.ts";
import { resources } from "@turnpike/contract/resources.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { ensureIndexes } from "./indexes.ts";

const connection = ownConnection();

const indexNames = async (): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`
    SELECT indexname AS name FROM pg_indexes WHERE tablename = 'record' ORDER BY indexname
  `.execute(connection().database);
  return rows.map(({ name }) => name);
};

test("a start that has no index to make waits for nobody who writes records", async () => {
  const { database } = connection();
  await ensureIndexes(database, resources);
  await database.transaction().execute(async (transaction) => {
    await sql`LOCK TABLE record IN ROW EXCLUSIVE MODE`.execute(transaction);
    await ensureIndexes(database, resources);
  });
}, 10_000);

test("two that start at once make what is missing once, and each index that is missing later", async () => {
  const { database } = connection();
  await Promise.all([ensureIndexes(database, resources), ensureIndexes(database, resources)]);
  const before = await indexNames();
  expect(before).toContain("record_account_parentAccountId");
  await sql`DROP INDEX "record_account_parentAccountId"`.execute(database);
  await Promise.all([ensureIndexes(database, [account]), ensureIndexes(database, [account])]);
  expect(await indexNames()).toEqual(before);
});
