import { sql } from "kysely";
import { beforeAll, expect, test } from "vitest";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import { searchQuery } from "@turnpike/contract/query.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { conditions, listQuery, scopeConditions } from "./filters.ts";
import { ensureIndexes } from "./indexes.ts";
import { searchConditions } from "./search.ts";

const orgId = "00000000-0000-4000-8000-000000000001";
const records = 20_000;
const connection = ownConnection();
const database = () => connection().database;

const fillWith = ({ kind }: Resource): Promise<unknown> =>
  sql`
    INSERT INTO record (org_id, kind, id, code, folded_code, version, document, dt_created, dt_last_modified,
      created_by, last_modified_by)
    SELECT ${orgId}, ${kind}, gen_random_uuid(), 'c' || n, 'c' || n, 1,
      jsonb_build_object('name', 'n' || n, 'code', 'c' || n, 'accountId', 'a' || n, 'planId', 'p' || n),
      now() - n * interval '1 second', now(), 'test', 'test'
    FROM generate_series(1, ${records}::int) AS n
  `.execute(database());

beforeAll(async () => {
  await sql`INSERT INTO organization VALUES (${orgId}, now())`.execute(database());
  await ensureIndexes(database(), [account, accountPlan]);
  await fillWith(account);
  await fillWith(accountPlan);
  await sql`ANALYZE record`.execute(database());
}, 60_000);

const caller = { orgId, principal: "test" };

/** How many rows the database expects to touch for the conditions, in its own words. */
const planOf = async (wanted: readonly ReturnType<typeof sql<boolean>>[]): Promise<string> => {
  const { rows } = await sql<{ "QUERY PLAN": string }>`
    EXPLAIN SELECT record.* FROM record WHERE ${sql.join(wanted, sql` AND `)}
    ORDER BY record.dt_created DESC, record.id DESC LIMIT 101
  `.execute(database());
  return rows.map((row) => row["QUERY PLAN"]).join("\n");
};

const listPlan = (resource: Resource, given: object): Promise<string> => {
  const query = listQuery(resource).parse(given);
  const kindOf = (): string => "plan";
  const request = { orgId, resource, query, now: new Date().toISOString(), kindOf };
  return planOf([...scopeConditions({ resource, caller }), ...conditions(request)]);
};

test.each([
  [account, { codes: "c17,c18" }, "record_of_code"],
  [account, { ids: orgId }, "record_pkey"],
  [account, {}, "record_newest"],
  [accountPlan, { account: "a17", includeall: "true" }, "record_accountPlan_accountId"],
] as const)("a list of %# is read by an index", async (resource, query, index) => {
  const plan = await listPlan(resource, query);
  expect(plan).toContain(index);
  expect(plan).not.toContain("Seq Scan");
});

test.each([
  ["codes:c17,c18", "record_of_code"],
  ["code:c17", "record_of_code"],
  [`ids:${orgId}`, "record_pkey"],
  [`id:${orgId}`, "record_pkey"],
])("a search for %s is read by an index", async (text, index) => {
  const wanted = searchConditions(account, searchQuery.parse({ searchQuery: text }));
  const plan = await planOf([...scopeConditions({ resource: account, caller }), ...wanted]);
  expect(plan).toContain(index);
});
