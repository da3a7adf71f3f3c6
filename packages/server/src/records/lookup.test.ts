import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { isReferred, lookupCodes, lookupReferring } from "./lookup.ts";

const connection = ownConnection();
const orgId = randomUUID();
const [owner, attached] = [randomUUID(), randomUUID()];

beforeAll(async () => {
  const { pool } = connection();
  await pool.query("INSERT INTO organization (id, created_at) VALUES ($1, now())", [orgId]);
  for (const [kind, id] of [
    [account.kind, owner],
    [accountPlan.kind, attached],
  ])
    await pool.query(
      `INSERT INTO record (org_id, kind, id, version, document, dt_created, dt_last_modified, created_by, last_modified_by)
       VALUES ($1, $2, $3, 1, '{}', now(), now(), 'test', 'test')`,
      [orgId, kind, id],
    );
  await pool.query("INSERT INTO unique_value VALUES ($1, 'account', 'code', 'acme', $2)", [
    orgId,
    owner,
  ]);
  await pool.query(
    `INSERT INTO reference (org_id, from_kind, from_id, field, to_kind, to_id)
     VALUES ($1, $2, $3, 'accountId', $4, $5)`,
    [orgId, accountPlan.kind, attached, account.kind, owner],
  );
});

/** More than a statement of PostgreSQL may have parameters: as many accounts as an organization has budgets. */
const manyIds = () => [owner, ...Array.from({ length: 70_000 }, () => randomUUID())];

test("any number of records is looked up at once, by what they are called and by what they name", async () => {
  const { database } = connection();
  const codes = ["acme", ...manyIds()];
  expect(await lookupCodes(database, account, { orgId, codes })).toMatchObject([{ id: owner }]);
  const named = { orgId, field: "accountId", ids: manyIds() };
  expect(await lookupReferring(database, accountPlan, named)).toMatchObject([{ id: attached }]);
  expect(await isReferred(database, accountPlan, named)).toBe(true);
});
