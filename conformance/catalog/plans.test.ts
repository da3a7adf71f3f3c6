import { beforeAll, describe, expect, test } from "vitest";
import { useServer } from "./fixture.ts";

const { client, account, product, plan, accountPlan } = useServer();

const refused = (path: string, body: unknown) => client().refusal("POST", path, body);

/** A plan group of the plans. */
const groupOf = async (...planIds: readonly string[]): Promise<string> => {
  const { id } = await client().create("plangroups", { name: "Group", currency: "USD" });
  for (const planId of planIds)
    await client().create("plangrouplinks", { planGroupId: id, planId });
  return id;
};

const start = "2025-01-01T00:00:00Z";

describe("one active plan per product and account", () => {
  const day = (text: string): string => `2025-${text}T00:00:00Z`;

  test.each([
    ["01-01", "03-01", "03-01", undefined, "allowed: one ends where the other starts"],
    ["01-01", "03-01", "02-28", "04-01", "refused"],
    ["01-01", undefined, "06-01", "07-01", "refused"],
    ["06-01", undefined, "01-01", "06-01", "allowed: the later one was there first"],
  ])("%s to %s, then %s to %s: %s", async (from, to, nextFrom, nextTo, outcome) => {
    const { id: accountId } = await account();
    const { id: planId } = await plan();
    const first = { startDate: day(from), ...(to && { endDate: day(to) }) };
    await accountPlan({ accountId, planId, ...first });
    const second = { startDate: day(nextFrom), ...(nextTo && { endDate: day(nextTo) }) };
    const answer = await client().call("POST", "accountplans", { accountId, planId, ...second });
    expect(answer.status === 200 ? "allowed" : "refused").toBe(outcome.split(":")[0]);
  });

  test("counts the plans of a group", async () => {
    const { id: accountId } = await account();
    const [one, two] = [await plan(), await plan()];
    const { id: sameProduct } = await plan({ template: { productId: one["productId"] } });
    await accountPlan({ accountId, planGroupId: await groupOf(one.id, two.id) });
    const body = { accountId, planId: sameProduct, startDate: start };
    expect(await refused("accountplans", body)).toContain("of the same product");
    const other = { accountId, planGroupId: await groupOf((await plan()).id), startDate: start };
    await client().create("accountplans", other);
  });

  test("cannot be got around by a group that is attached already", async () => {
    const { id: accountId } = await account();
    const [one, two] = [await plan(), await plan()];
    await accountPlan({ accountId, planId: one.id });
    const planGroupId = await groupOf(two.id);
    await accountPlan({ accountId, planGroupId });
    const { id: planId } = await plan({ template: { productId: one["productId"] } });
    expect(await refused("plangrouplinks", { planGroupId, planId })).toContain("same product");
  });

  test("may be lifted by the organization", async () => {
    const { id: accountId } = await account();
    const { id: planId } = await plan();
    await accountPlan({ accountId, planId });
    const config = await client().get("organizationconfig");
    const lifted = await client().put("organizationconfig", {
      ...config,
      allowOverlappingPlans: true,
    });
    await accountPlan({ accountId, planId });
    await client().put("organizationconfig", { ...lifted, allowOverlappingPlans: false });
  });
});

describe("a plan group", () => {
  test("has one plan per product", async () => {
    const one = await plan();
    const two = await plan({ template: { productId: one["productId"] } });
    const planGroupId = await groupOf(one.id);
    const message = await refused("plangrouplinks", { planGroupId, planId: two.id });
    expect(message).toContain("planId is of a product that the group already has a plan of");
  });

  test("has one cadence", async () => {
    const planGroupId = await groupOf((await plan()).id);
    const { id: planId } = await plan({ template: { billFrequency: "WEEKLY" } });
    const message = await refused("plangrouplinks", { planGroupId, planId });
    expect(message).toContain("billed at another frequency");
  });
});

describe("a bespoke plan", () => {
  test("is attached to its own account only, and keeps it", async () => {
    const [own, other] = [await account(), await account()];
    const bespoke = await plan({ bespoke: true, accountId: own.id });
    const body = { accountId: other.id, planId: bespoke.id, startDate: start };
    expect(await refused("accountplans", body)).toContain("planId is custom for another account");
    await accountPlan({ accountId: own.id, planId: bespoke.id });
    const moved = { ...bespoke, accountId: other.id };
    const message = await client().refusal("PUT", `plans/${bespoke.id}`, moved);
    expect(message).toContain("accountId cannot be changed");
  });
});

describe("replacing an account plan", () => {
  test("ends the old one where the new one starts", async () => {
    const { id: accountId } = await account();
    const one = await plan();
    const two = await plan({ template: { productId: one["productId"] } });
    const old = await accountPlan({ accountId, planId: one.id });
    const startDate = "2025-07-01T00:00:00.000Z";
    const body = { accountId, planId: two.id, startDate };
    const answer = await client().call("POST", `accountplans/${old.id}/replace`, body);
    expect(answer.body).toMatchObject({
      originalAccountPlan: { id: old.id, version: 2, endDate: startDate },
      newAccountPlan: { planId: two.id, startDate, version: 1 },
    });
  });

  test("changes nothing when the new one is refused", async () => {
    const { id: accountId } = await account();
    const old = await accountPlan({ accountId, planId: (await plan()).id });
    const body = { accountId, planId: "00000000-0000-0000-0000-000000000000", startDate: start };
    await client().refusal("POST", `accountplans/${old.id}/replace`, body);
    expect(await client().get(`accountplans/${old.id}`)).toEqual(old);
  });
});

describe("end-dating", () => {
  const endDate = "2025-06-30T22:00:00.000Z";
  const made: { accountId: string; contractId: string; attached: string; loose: string } = {
    accountId: "",
    contractId: "",
    attached: "",
    loose: "",
  };
  beforeAll(async () => {
    const { id: accountId } = await account();
    const { id: contractId } = await client().create("contracts", {
      name: "Contract",
      accountId,
      startDate: "2025-01-01",
      endDate: "2026-01-01",
    });
    const attached = await accountPlan({ accountId, contractId, planId: (await plan()).id });
    const loose = await accountPlan({ accountId, planId: (await plan()).id });
    Object.assign(made, { accountId, contractId, attached: attached.id, loose: loose.id });
  });

  test("of a contract ends what is linked to it, and itself only when it is named", async () => {
    const path = `contracts/${made.contractId}/enddatebillingentities`;
    const first = { endDate, billingEntities: ["ACCOUNTPLAN"] };
    expect((await client().call("PUT", path, first)).body).toMatchObject({
      updatedEntities: { ACCOUNTPLAN: [made.attached] },
      failedEntities: {},
    });
    expect(await client().get(`accountplans/${made.attached}`)).toMatchObject({
      endDate,
      version: 2,
    });
    const second = { endDate, billingEntities: ["CONTRACT"] };
    await client().call("PUT", path, second);
    const contract = await client().get(`contracts/${made.contractId}`);
    expect(contract).toMatchObject({ endDate: "2025-06-30", version: 2 });
  });

  test("of an account ends the rest, and says what begins too late", async () => {
    const { id: late } = await accountPlan({
      accountId: made.accountId,
      planId: (await plan()).id,
      startDate: "2030-01-01T00:00:00Z",
    });
    const path = `accounts/${made.accountId}/enddatebillingentities`;
    const body = { endDate, billingEntities: ["ACCOUNTPLAN", "PREPAYMENT"] };
    expect((await client().call("PUT", path, body)).body).toMatchObject({
      updatedEntities: { ACCOUNTPLAN: [made.loose] },
      failedEntities: { ACCOUNTPLAN: [late] },
    });
  });

  test("reaches children only when asked to", async () => {
    const { id: parentAccountId } = await account();
    const child = await account({ parentAccountId });
    const attached = await accountPlan({ accountId: child.id, planId: (await plan()).id });
    const path = `accounts/${parentAccountId}/enddatebillingentities`;
    const body = { endDate, billingEntities: ["ACCOUNTPLAN"] };
    expect((await client().call("PUT", path, body)).body).toMatchObject({ updatedEntities: {} });
    const wide = { ...body, applyToChildren: true };
    expect((await client().call("PUT", path, wide)).body).toMatchObject({
      updatedEntities: { ACCOUNTPLAN: [attached.id] },
    });
  });
});

describe("hierarchies", () => {
  test("have one level", async () => {
    const top = await account();
    const middle = await account({ parentAccountId: top.id });
    const body = { name: "n", code: "bottom", emailAddress: "a@example.com" };
    const message = await refused("accounts", { ...body, parentAccountId: middle.id });
    expect(message).toContain("parentAccountId must not itself have a parent");
    const above = { ...top, parentAccountId: (await account()).id };
    expect(await client().refusal("PUT", `accounts/${top.id}`, above)).toContain("has children");
  });
});

describe("deleting", () => {
  test("is refused while something points to it, which is named", async () => {
    const { id: accountId } = await account();
    const attached = await accountPlan({ accountId, planId: (await plan()).id });
    const message = await client().refusal("DELETE", `accounts/${accountId}`);
    expect(message).toContain(`is named as accountId by accountPlan ${attached.id}`);
  });
});

describe("a counter adjustment", () => {
  test("is the only one of its account, counter and day", async () => {
    const { id: accountId } = await account();
    const { id: counterId } = await client().create("counters", { name: "Seats", unit: "seat" });
    const body = { accountId, counterId, date: "2025-03-04", value: 15 };
    const first = await client().create("counteradjustments", body);
    const second = { ...body, value: 20 };
    expect(await refused("counteradjustments", second)).toContain("accountId, counterId, date");
    await client().put(`counteradjustments/${first.id}`, { ...second, version: 1 });
    const nextDay = { ...body, date: "2025-03-05" };
    const later = await client().create("counteradjustments", nextDay);
    const list = `counteradjustments?counterId=${counterId}&accountId=${accountId}`;
    const between = await client().list(`${list}&dateStart=2025-03-05&dateEnd=2025-03-06`);
    expect(between.data.map(({ id }) => id)).toEqual([later.id]);
    const oldestFirst = await client().list(`${list}&sortOrder=ASC`);
    expect(oldestFirst.data.map(({ id }) => id)).toEqual([first.id, later.id]);
  });
});

describe("a price", () => {
  const bands = [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 1 }];

  test("of a counter is the only one at its time", async () => {
    const { id: planId } = await plan();
    const { id: counterId } = await client().create("counters", { name: "Seats", unit: "seat" });
    const body = { planId, counterId, pricingBands: bands };
    const ended = { ...body, startDate: start, endDate: "2025-06-01T00:00:00Z" };
    await client().create("counterpricings", ended);
    const next = { ...body, startDate: "2025-06-01T00:00:00Z" };
    await client().create("counterpricings", next);
    expect(await refused("counterpricings", ended)).toContain("overlaps counterPricing");
  });

  test("is for plans of the product that is counted", async () => {
    const { id: planId } = await plan();
    const { id: productId } = await product();
    const fields = { name: "Seats", unit: "seat", productId };
    const { id: counterId } = await client().create("counters", fields);
    const body = { planId, counterId, pricingBands: bands, startDate: start };
    expect(await refused("counterpricings", body)).toContain("belongs to another product");
  });

  test("of a compound aggregation follows the segments of what it is made of", async () => {
    const meter = await client().create("meters", {
      name: "Calls",
      code: "calls",
      dataFields: [
        { category: "MEASURE", code: "calls", name: "Calls", unit: "1" },
        { category: "WHERE", code: "region", name: "Region" },
      ],
      derivedFields: [],
    });
    const shared = { quantityPerUnit: 1, rounding: "NONE", unit: "calls" };
    await client().create("aggregations", {
      ...shared,
      name: "Calls",
      code: "calls",
      meterId: meter.id,
      targetField: "calls",
      aggregation: "SUM",
      segmentedFields: ["region"],
      segments: [{ region: "eu" }, { region: "*" }],
    });
    const compound = await client().create("compoundaggregations", {
      ...shared,
      name: "Double",
      calculation: "aggregation.calls * 2",
    });
    expect(compound).toMatchObject({ segments: [{ region: "eu" }, { region: "*" }] });
    const { id: planId } = await plan();
    const body = { planId, compoundAggregationId: compound.id, startDate: start };
    const priced = { ...body, pricingBands: bands };
    expect(await refused("pricings", priced)).toContain("segment is required");
    const pricing = await client().create("pricings", { ...priced, segment: { region: "eu" } });
    expect(pricing).toMatchObject({ aggregationType: "COMPOUND", segmentString: "eu" });
  });
});
