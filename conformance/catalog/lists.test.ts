import { describe, expect, test } from "vitest";
import type { Page } from "../client.ts";
import { useServer } from "./fixture.ts";

const { client, account, plan, accountPlan, balance } = useServer();

const idsOf = ({ data }: Page): string[] => data.map(({ id }) => id);

describe("a search", () => {
  test("joins clauses with AND, or with OR when asked to", async () => {
    const one = await account({ name: "Premium One", currency: "USD" });
    const two = await account({ name: "Premium Two", currency: "EUR" });
    const search = "accounts/search?searchQuery=";
    const both = encodeURIComponent("name~premium$currency:USD");
    expect(idsOf(await client().list(search + both))).toEqual([one.id]);
    const either = await client().list(`${search}${both}&operator=OR`);
    expect(idsOf(either)).toEqual(expect.arrayContaining([one.id, two.id]));
  });

  test("~ finds the beginning of any word, and no pattern characters", async () => {
    const found = await account({ name: "North 100% Ltd" });
    const find = async (text: string) =>
      idsOf(await client().list(`accounts/search?searchQuery=${encodeURIComponent(text)}`));
    expect(await find("name~100%")).toEqual([found.id]);
    expect(await find("name~orth")).toEqual([]);
    expect(await find("name~N_rth")).toEqual([]);
  });

  test("sorts, and counts its pages in documents", async () => {
    for (const code of ["s3", "s1", "s2"]) await account({ name: "Sorted", code });
    const query = "accounts/search?searchQuery=name:Sorted&sortBy=code&pageSize=2";
    const first = await client().list(query);
    expect(first.data.map((found) => found["code"])).toEqual(["s1", "s2"]);
    expect(first.nextToken).toBe("2");
    const rest = await client().list(`${query}&fromDocument=2`);
    expect(rest.data.map((found) => found["code"])).toEqual(["s3"]);
    expect(rest.nextToken).toBeUndefined();
  });

  test.each([
    ["emailAddress:a@example.com", "names emailAddress"],
    ["name", "must be clauses"],
    ["dtCreated>soon", "not a date"],
  ])("%s is refused", async (query, message) => {
    const path = `accounts/search?searchQuery=${encodeURIComponent(query)}`;
    expect(await client().refusal("GET", path)).toContain(message);
  });

  test("finds commitments by a product among theirs", async () => {
    const { id: accountId } = await account();
    const { productId } = await plan();
    const terms = { startDate: "2025-01-01", endDate: "2026-01-01", currency: "USD", amount: 10 };
    const body = { accountId, productIds: [productId], ...terms };
    const { id } = await client().create("commitments", body);
    const search = `commitments/search?searchQuery=productIds:${String(productId)}`;
    expect(idsOf(await client().list(search))).toEqual([id]);
    const list = `commitments?productId=${String(productId)}`;
    expect(idsOf(await client().list(list))).toEqual([id]);
  });
});

describe("a list", () => {
  test("shows every record once, newest first, however many pages it takes", async () => {
    const { id: parentAccountId } = await account();
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) made.push((await account({ parentAccountId })).id);
    const seen: string[] = [];
    for (let next: string | undefined = ""; next !== undefined;) {
      const path = `accounts/${parentAccountId}/children?pageSize=2&nextToken=${next}`;
      const page: Page = await client().list(path);
      seen.push(...idsOf(page));
      next = page.nextToken;
    }
    expect(seen).toEqual(made.toReversed());
  });

  test("of account plans shows what is active now, or on a date, or all", async () => {
    const { id: accountId } = await account();
    const past = await accountPlan({
      accountId,
      planId: (await plan()).id,
      endDate: "2025-03-01T00:00:00Z",
    });
    const now = await accountPlan({ accountId, planId: (await plan()).id });
    const list = async (query: string) =>
      idsOf(await client().list(`accountplans?account=${accountId}${query}`));
    expect(await list("")).toEqual([now.id]);
    expect(await list("&includeall=true")).toEqual([now.id, past.id]);
    expect(await list("&date=2025-02-28")).toEqual([now.id, past.id]);
    expect(await list("&date=2025-03-01")).toEqual([now.id]);
    const message = await client().refusal("GET", "accountplans?product=x");
    expect(message).toContain("product must be used together with account");
  });

  test("of balances takes the end of the rollover for the end", async () => {
    const { id: accountId } = await account();
    const rolled = await balance({ accountId, rolloverEndDate: "2026-03-01T00:00:00Z" });
    const plain = await balance({ accountId });
    const list = async (query: string) =>
      idsOf(await client().list(`balances?accountId=${accountId}&${query}`));
    expect(await list("endDateStart=2026-01-01")).toEqual([plain.id, rolled.id]);
    expect(await list("endDateStart=2026-01-02")).toEqual([rolled.id]);
    expect(await list("endDateEnd=2026-01-02")).toEqual([plain.id]);
  });

  test("of balances shows those without a contract when it is given and empty", async () => {
    const { id: accountId } = await account();
    const term = { startDate: "2025-01-01", endDate: "2026-01-01" };
    const { id: contractId } = await client().create("contracts", {
      name: "C",
      accountId,
      ...term,
    });
    const linked = await balance({ accountId, contractId });
    const loose = await balance({ accountId });
    const list = async (query: string) =>
      idsOf(await client().list(`balances?accountId=${accountId}${query}`));
    expect(await list("")).toEqual([loose.id, linked.id]);
    expect(await list(`&contractId=${contractId}`)).toEqual([linked.id]);
    expect(await list("&contractId=")).toEqual([loose.id]);
  });

  test("of a pick list hides what is archived until it is asked for", async () => {
    const body = { name: "Refund", code: "refund" };
    const reason = await client().create("picklists/creditreasons", body);
    const archived = { ...reason, archived: true };
    await client().put(`picklists/creditreasons/${reason.id}`, archived);
    expect(idsOf(await client().list("picklists/creditreasons"))).toEqual([]);
    const all = await client().list("picklists/creditreasons?archived=true");
    expect(idsOf(all)).toEqual([reason.id]);
  });

  test("of external mappings by either side", async () => {
    const { id: m3terId } = await account();
    const one = { m3terEntity: "Account", m3terId, externalSystem: "Stripe" };
    const body = { ...one, externalTable: "Customer", externalId: "cus 1" };
    const { id } = await client().create("externalmappings", body);
    const ours = await client().list(`externalmappings/external/Account/${m3terId}`);
    const theirs = await client().list("externalmappings/externalid/Stripe/Customer/cus%201");
    const several = await client().list(`externalmappings?m3terIds=other,${m3terId}`);
    expect([ours, theirs, several].map(idsOf)).toEqual([[id], [id], [id]]);
  });
});
