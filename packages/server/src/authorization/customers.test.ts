import { expect, test } from "vitest";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { createCustomers } from "./customers.ts";

const connection = ownConnection();
const orgId = crypto.randomUUID();

test("an account that is removed while it is looked up is not remembered", async () => {
  const { database, pool } = connection();
  const customers = createCustomers({ database, pool, now: () => 0 });
  const ids = async () => [...(await customers.idsOf(orgId, ["acme"])).keys()];
  const key = { org_id: orgId, kind: "account", id: crypto.randomUUID() };
  await pool.query("INSERT INTO organization (id, created_at) VALUES ($1, now())", [orgId]);
  const by = { created_by: "test", last_modified_by: "test" };
  const at = { dt_created: new Date(), dt_last_modified: new Date() };
  await database
    .insertInto("record")
    .values({ ...key, code: "acme", version: 1, document: "{}", ...by, ...at })
    .execute();
  await database
    .insertInto("unique_value")
    .values({ ...key, field: "code", value: "acme" })
    .execute();

  // It has been read by then, and is not remembered yet.
  pool.once("release", () => customers.announce({ orgId, kind: "account", isNew: false }));
  expect(await ids()).toEqual(["acme"]);
  await pool.query("DELETE FROM unique_value WHERE org_id = $1", [orgId]);
  expect(await ids()).toEqual([]);
});
