import { expect, test } from "vitest";
import { type CatalogChange, changeOf, inShort } from "./catalog-change.ts";
import type { RecordRow } from "./records.ts";

const rowOf = (kind: string, document: RecordRow["document"]): RecordRow => ({
  org_id: "org",
  kind,
  id: "own",
  parent_id: null,
  code: null,
  folded_code: null,
  version: "1",
  document,
  dt_created: new Date(0),
  dt_last_modified: new Date(0),
  created_by: "somebody",
  last_modified_by: "somebody",
});

test("a change names the one account that it says something of", () => {
  const created = { action: "created" };
  const told = { orgId: "org", isNew: true };
  expect(changeOf(rowOf("account", {}), created)).toEqual({
    ...told,
    kind: "account",
    account: "own",
  });
  const attached = rowOf("accountPlan", { accountId: "a" });
  expect(changeOf(attached, created)).toEqual({ ...told, kind: "accountPlan", account: "a" });
  const limited = rowOf("budget", { scope: { account: "b" } });
  expect(changeOf(limited, created)).toEqual({ ...told, kind: "budget", account: "b" });
  const ofAll = rowOf("rateLimit", { scope: { agent: "b" } });
  expect(changeOf(ofAll, created)).toEqual({ ...told, kind: "rateLimit" });
  expect(changeOf(rowOf("plan", {}), created)).toEqual({ ...told, kind: "plan" });
});

test("a change that moves a record to another account names none", () => {
  const before = rowOf("contract", { accountId: "a" });
  const moved = changeOf(rowOf("contract", { accountId: "b" }), { action: "updated", before });
  expect(moved).toEqual({ orgId: "org", kind: "contract", isNew: false });
});

test("changes are told once each, and by their kinds where they are many", () => {
  const changed = (nth: number, isNew = true): CatalogChange => ({
    orgId: "org",
    kind: "accountPlan",
    isNew,
    account: `account-${nth}`,
  });
  expect(inShort([changed(1), changed(2), changed(1)])).toEqual([changed(1), changed(2)]);
  const many = Array.from({ length: 1000 }, (_, nth) => changed(nth));
  const short = { orgId: "org", kind: "accountPlan" };
  expect(inShort(many)).toEqual([{ ...short, isNew: true }]);
  const plan: CatalogChange = { orgId: "org", kind: "plan", isNew: false };
  expect(inShort([...many, plan, changed(0, false)])).toEqual([{ ...short, isNew: false }, plan]);
});
