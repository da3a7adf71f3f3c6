import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Entity } from "../client.ts";
import { useServer } from "./fixture.ts";

const { client, account, plan, accountPlan, balance } = useServer();

let count = 0;
const unique = (): string => `r${(count += 1)}`;
const refused = (path: string, body: object) => client().refusal("POST", path, body);
const refusedPut = (path: string, { version, ...body }: Entity, change: object) =>
  client().refusal("PUT", path, { ...body, ...change, version });

const meterFields = [
  { category: "MEASURE", code: "calls", name: "Calls", unit: "1" },
  { category: "WHERE", code: "region", name: "Region" },
];
const meter = () =>
  client().create("meters", {
    name: "Calls",
    code: unique(),
    dataFields: meterFields,
    derivedFields: [],
  });
const aggregation = (meterId: string, fields: object = {}) =>
  client().create("aggregations", {
    name: "Calls",
    code: unique(),
    meterId,
    targetField: "calls",
    aggregation: "SUM",
    rounding: "NONE",
    quantityPerUnit: 1,
    unit: "call",
    ...fields,
  });

describe("a notification", () => {
  const path = "notifications/configurations";
  const rule = (fields: object) => ({
    name: "Told",
    description: "When it happens",
    code: unique(),
    active: true,
    alwaysFireEvent: true,
    ...fields,
  });

  test("waits for an event that there can be", async () => {
    expect(await refused(path, rule({ eventName: "configuration.nothing.updated" }))).toContain(
      "eventName names no event",
    );
    for (const eventName of [
      "configuration.commitment.updated",
      "billing.bill.created",
      "ingest.validation.failure",
      "integration.perform.error",
    ]) {
      await client().create(path, rule({ eventName }));
    }
  });

  test("may wait for a scheduled event, once that is made", async () => {
    const eventName = "scheduled.bill.overdue";
    expect(await refused(path, rule({ eventName }))).toContain("names no event");
    const scheduled = { name: eventName, entity: "Bill", field: "dueDate", offset: 10 };
    await client().create("scheduledevents/configurations", scheduled);
    await client().create(path, rule({ eventName, calculation: "new.dueDate != null" }));
  });

  test("calculates with the fields of its event", async () => {
    const eventName = "configuration.commitment.updated";
    const calculation = "(new.amountSpent >= ((new.amount*90)/100)) AND (old.amountSpent == null)";
    await client().create(path, rule({ eventName, calculation }));
    const wrong = { eventName, calculation: "new.amountSpend > 1" };
    expect(await refused(path, rule(wrong))).toContain("the event has no field new.amountSpend");
    const created = {
      eventName: "configuration.commitment.created",
      calculation: "old.amount > 1",
    };
    expect(await refused(path, rule(created))).toContain("no field old.amount");
    const tried = await client().call("POST", "notifications/evaluate", wrong);
    expect(tried.body).toMatchObject({ success: false });
  });
});

test.each([
  [{ entity: "Nothing", name: "scheduled.nothing.x" }, "entity is none"],
  [{ field: "billTotal" }, "field must be a date of the entity"],
  [{ name: "scheduled.contract.x" }, "name must be scheduled.Bill"],
  [{ entity: "Contract", name: "scheduled.contract.x", field: "name" }, "startDate, endDate"],
])("a scheduled event with %j is refused", async (fields, message) => {
  const scheduled = { name: "scheduled.bill.x", entity: "Bill", field: "endDate", offset: 5 };
  expect(await refused("scheduledevents/configurations", { ...scheduled, ...fields })).toContain(
    message,
  );
});

test("a statement shows fields that its meters have", async () => {
  const { id: meterId } = await meter();
  const definition = (fields: object) => ({ aggregationFrequency: "DAY", ...fields });
  const path = "statementdefinitions";
  await client().create(
    path,
    definition({
      dimensions: [{ meterId, name: "region", filter: ["*"] }],
      measures: [{ meterId, name: "calls" }, { meterId, name: "" }, {}],
    }),
  );
  const wrong = definition({
    dimensions: [{ meterId, name: "calls", filter: ["*"] }],
    measures: [{ meterId, name: "none" }, { meterId: crypto.randomUUID() }],
  });
  const message = await refused(path, wrong);
  expect(message).toContain("dimensions[0].name names no text field");
  expect(message).toContain("measures[0].name names no number field");
  expect(message).toContain("measures[1].meterId names no meter");
});

describe("an aggregation", () => {
  test("keeps the kind of the field that it targets", async () => {
    const made = await meter();
    await aggregation(made.id);
    const [, region] = meterFields;
    const dataFields = [{ category: "WHAT", code: "calls", name: "Calls" }, region];
    expect(await refusedPut(`meters/${made.id}`, made, { dataFields })).toContain("must suit");
  });

  test("keeps the segments that have a price", async () => {
    const segmentation = {
      segmentedFields: ["region"],
      segments: [{ region: "eu" }, { region: "us" }],
    };
    const made = await aggregation((await meter()).id, segmentation);
    await client().create("pricings", {
      planId: (await plan()).id,
      aggregationId: made.id,
      segment: { region: "eu" },
      startDate: "2025-01-01T00:00:00Z",
      pricingBands: [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 1 }],
    });
    const path = `aggregations/${made.id}`;
    const [, us] = segmentation.segments;
    expect(await refusedPut(path, made, { segments: [us] })).toContain("segments must keep");
    await client().put(path, { ...made, segments: [{ region: "eu" }] });
  });

  test("that is priced as a whole gets no segments, which would be charged once more", async () => {
    const made = await aggregation((await meter()).id);
    const compound = await client().create("compoundaggregations", {
      name: "Double",
      calculation: `aggregation.${String(made["code"])} * 2`,
      quantityPerUnit: 1,
      rounding: "NONE",
      unit: "calls",
    });
    const segmentation = { segmentedFields: ["region"], segments: [{ region: "eu" }] };
    const price = async (source: object) =>
      client().create("pricings", {
        ...source,
        planId: (await plan()).id,
        startDate: "2025-01-01T00:00:00Z",
        pricingBands: [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 1 }],
      });
    const path = `aggregations/${made.id}`;
    const message = "segments must leave it without segments";
    for (const source of [{ aggregationId: made.id }, { compoundAggregationId: compound.id }]) {
      const { id } = await price(source);
      expect(await refusedPut(path, made, segmentation)).toContain(message);
      await client().remove(`pricings/${id}`);
    }
    const segmented = await client().put(path, { ...made, ...segmentation });
    await price({ compoundAggregationId: compound.id, segment: { region: "eu" } });
    expect(await refusedPut(path, segmented, { segments: [] })).toContain("segments must keep");
    const formula = `compoundaggregations/${compound.id}`;
    const without = await refusedPut(formula, compound, { calculation: "2" });
    expect(without).toContain("calculation must keep");
  });

  test("keeps its code and stays while a compound names it", async () => {
    const made = await aggregation((await meter()).id);
    const compound = await client().create("compoundaggregations", {
      name: "Twice",
      quantityPerUnit: 1,
      rounding: "NONE",
      unit: "u",
      calculation: `aggregation.${String(made["code"])} * 2`,
    });
    const path = `aggregations/${made.id}`;
    expect(await refusedPut(path, made, { code: unique() })).toContain(compound.id);
    expect(await client().refusal("DELETE", path)).toContain(compound.id);
    await client().remove(`compoundaggregations/${compound.id}`);
    await client().remove(path);
  });
});

describe("a contract", () => {
  const contract = async (fields: object) =>
    client().create("contracts", {
      name: "One",
      startDate: "2025-01-01",
      endDate: "2026-01-01",
      ...fields,
    });

  test("keeps its account while something belongs to it, as a balance does", async () => {
    const [{ id: accountId }, { id: other }] = [await account(), await account()];
    const made = await contract({ accountId });
    const linked = await balance({ accountId, contractId: made.id });
    const change = { accountId: other };
    expect(await refusedPut(`contracts/${made.id}`, made, change)).toContain(linked.id);
    const charge = await client().create("charges", {
      name: "Fee",
      code: unique(),
      accountId,
      currency: "USD",
      entityType: "BALANCE",
      entityId: linked.id,
      lineItemType: "BALANCE_FEE",
      amount: 1,
      servicePeriodStartDate: "2025-01-01T00:00:00Z",
      servicePeriodEndDate: "2025-02-01T00:00:00Z",
    });
    const moved = { ...change, contractId: undefined };
    expect(await refusedPut(`balances/${linked.id}`, linked, moved)).toContain(charge.id);
  });

  test("filters by dimensions, which may be measured later", async () => {
    const { id: accountId } = await account();
    await meter();
    const filter = (dimensionCode: string) => ({
      accountId,
      usageFilters: [{ dimensionCode, value: "eu", mode: "INCLUDE" }],
    });
    await contract(filter("region"));
    await contract(filter("planned"));
    await expect(contract(filter("calls"))).rejects.toThrow("usageFilters[0].dimensionCode");
  });
});

test("a charge stays as it was billed once its bill is locked", async () => {
  const { id: accountId } = await account();
  const { id: planId } = await plan({ template: { standingCharge: 5 } });
  await accountPlan({ accountId, planId });
  const { id } = await client().create("charges", {
    name: "Onboarding",
    code: unique(),
    accountId,
    currency: "USD",
    entityType: "AD_HOC",
    lineItemType: "AD_HOC",
    billDate: "2025-02-01",
    amount: 500,
    servicePeriodStartDate: "2025-01-01T00:00:00Z",
    servicePeriodEndDate: "2025-02-01T00:00:00Z",
  });
  const job = await client().create("billjobs", {
    accountIds: [accountId],
    lastDateInBillingPeriod: "2025-01-31",
  });
  while ((await client().get(`billjobs/${job.id}`))["status"] !== "COMPLETE") await delay(20);
  const charge = await client().get(`charges/${id}`);
  const bill = `bills/${String(charge["billId"])}`;
  const { name, code } = charge;
  const changed = await client().put(`charges/${id}`, { ...charge, name, code, amount: 400 });
  await client().call("PUT", `${bill}/status`, { status: "APPROVED" });
  expect((await client().call("PUT", `${bill}/lock`)).status).toBe(200);
  expect(await refusedPut(`charges/${id}`, changed, { amount: 1 })).toContain("locked");
  expect(await client().refusal("DELETE", `charges/${id}`)).toContain("locked");
});

test("US dollars stay, and only daily runs have an hour", async () => {
  const { data } = await client().list("picklists/currency?codes=USD");
  const usd = await client().get(`picklists/currency/${data[0]?.id}`);
  expect(await refusedPut(`picklists/currency/${usd.id}`, usd, { code: "USX" })).toContain("USD");
  const config = await client().get("organizationconfig");
  const hourly = { scheduledBillInterval: 1, scheduledBillOffset: 5 };
  expect(await refusedPut("organizationconfig", config, hourly)).toContain("scheduledBillOffset");
});

test("an integration names a notification that is there", async () => {
  const entityId = crypto.randomUUID();
  const config = { entityType: "Notification", entityId, destination: "Webhook" };
  expect(await refused("integrationconfigs", config)).toContain("entityId names no notification");
});

test("a currency stays while something is in it, and is archived instead", async () => {
  const make = async () => {
    const code = unique();
    return { code, made: await client().create("picklists/currency", { name: code, code }) };
  };
  const [used, converted, unused] = [await make(), await make(), await make()];
  const { id } = await balance({ currency: used.code });
  const config = await client().get("organizationconfig");
  const currencyConversions = [{ from: converted.code, to: "USD", multiplier: 2 }];
  await client().put("organizationconfig", { ...config, currencyConversions });
  const path = `picklists/currency/${used.made.id}`;
  expect(await client().refusal("DELETE", path)).toContain(`the currency of balance ${id}`);
  expect(await refusedPut(path, used.made, { code: unique() })).toContain("code is the currency");
  const other = `picklists/currency/${converted.made.id}`;
  expect(await client().refusal("DELETE", other)).toContain("currencyConversion");
  await client().put(path, { ...used.made, archived: true });
  await client().remove(`picklists/currency/${unused.made.id}`);
});

test("an organization bills in a currency that it has", async () => {
  const config = await client().get("organizationconfig");
  const message = await refusedPut("organizationconfig", config, { currency: "XTS" });
  expect(message).toContain("currency names no currency: XTS");
});

test("credits are applied in an order that names each once", async () => {
  const body = { name: "n", code: unique(), emailAddress: "a@example.com" };
  const creditApplicationOrder = ["BALANCE", "BALANCE"];
  const message = await refused("accounts", { ...body, creditApplicationOrder });
  expect(message).toContain("creditApplicationOrder must not name a credit twice");
});

describe("a meter", () => {
  test.each(["MEASURE", "INCOME", "COST"])("has a unit for a %s field", async (category) => {
    const numeric = { category, code: "n", name: "N" };
    const message = await refused("meters", {
      name: "Calls",
      code: unique(),
      dataFields: [...meterFields, numeric],
      derivedFields: [{ ...numeric, code: "twice", calculation: "n * 2" }],
    });
    expect(message).toContain(`dataFields[2].unit is required for a ${category} field`);
    expect(message).toContain(`derivedFields[0].unit is required for a ${category} field`);
  });

  test("has no field of a name that bodies lose, but of others that objects inherit", async () => {
    const fields = (code: string) => ({
      name: "Calls",
      code: unique(),
      dataFields: [...meterFields, { category: "WHAT", code, name: "N" }],
      derivedFields: [],
    });
    const message = await refused("meters", fields("__proto__"));
    expect(message).toContain("dataFields[2].code must not be __proto__");
    for (const code of ["constructor", "toString"]) await client().create("meters", fields(code));
  });
});

describe("a lookup table", () => {
  const table = async () => {
    const made = await client().create("lookuptables", { name: "Rates", code: unique() });
    const path = `lookuptables/${made.id}`;
    const { id } = await client().create(`${path}/revisions`, {
      name: "First",
      fields: [
        { name: "region", type: "STRING" },
        { name: "rate", type: "NUMBER" },
      ],
      keys: ["region"],
    });
    const status = { status: "PUBLISHED", version: 1 };
    await client().put(`${path}/revisions/${id}/status`, status);
    return { made, path, revision: `${path}/revisions/${id}` };
  };
  const formula = ({ code }: Entity) =>
    `calls * Lookup.findNumber("${String(code)}", "rate", 1, "region")`;

  test("stays, with its code and its published data, while a derived field names it", async () => {
    const { made, path, revision } = await table();
    const user = await client().create("meters", {
      name: "Calls",
      code: unique(),
      dataFields: meterFields,
      derivedFields: [
        { category: "MEASURE", code: "due", name: "Due", unit: "1", calculation: formula(made) },
      ],
    });
    const used = `derived field due of meter ${user.id}`;
    expect(await client().refusal("DELETE", path)).toContain(used);
    expect(await refusedPut(path, made, { code: unique() })).toContain(used);
    expect(await client().refusal("DELETE", revision)).toContain(used);
    const { id, version, ...rest } = user;
    await client().put(`meters/${id}`, { ...rest, version, derivedFields: [] });
    await client().remove(path);
  });

  test("stays while a compound aggregation names it", async () => {
    const { made, path } = await table();
    const user = await client().create("compoundaggregations", {
      name: "Exists",
      quantityPerUnit: 1,
      rounding: "NONE",
      unit: "u",
      calculation: `Lookup.exists("${String(made["code"])}", "e" + "u") ? 1 : 0`,
    });
    const message = await client().refusal("DELETE", path);
    expect(message).toContain(`compoundAggregation ${user.id}`);
  });
});

describe("a selection of usage", () => {
  const selected = (meterId: string, fieldCode: string) => ({
    aggregations: [{ meterId, fieldCode, fieldType: "MEASURE", function: "SUM" }],
    groups: [{ groupType: "DIMENSION", meterId, fieldCode: "region" }],
  });
  const saved = (usageQuery: object) => ({ name: "Saved", usageQuery });
  const scheduled = (selection: object) => ({
    name: "Daily",
    code: unique(),
    sourceType: "USAGE",
    timePeriod: "YESTERDAY",
    scheduleType: "DAY",
    period: 1,
    ...selection,
  });

  test.each([
    ["usage/savedqueries", saved, "usageQuery."],
    ["dataexports/schedules", scheduled, ""],
  ] as const)("of %s names fields that its meters have", async (path, body, within) => {
    const { id } = await meter();
    await client().create(path, body(selected(id, "calls")));
    const wrong = await refused(path, body(selected(id, "none")));
    expect(wrong).toContain(`${within}aggregations[0].fieldCode names no field of the meter: none`);
    const text = await refused(path, body(selected(id, "region")));
    expect(text).toContain(`${within}aggregations[0].fieldCode is a WHERE field, not a number`);
    const nowhere = await refused(path, body(selected(crypto.randomUUID(), "calls")));
    expect(nowhere).toContain(`${within}aggregations[0].meterId names no meter`);
    const groups = await refused(path, body({ groups: [{ groupType: "ACCOUNT" }] }));
    expect(groups).toContain("groups needs aggregations");
  });
});

test("an external mapping is of an entity that is there", async () => {
  const { id } = await account();
  const mapping = (fields: object) => ({
    m3terEntity: "account",
    m3terId: id,
    externalSystem: "Stripe",
    externalTable: "Customer",
    externalId: "cus_1",
    ...fields,
  });
  const path = "externalmappings";
  await client().create(path, mapping({}));
  expect(await refused(path, mapping({ m3terEntity: "Person" }))).toContain("m3terEntity is none");
  for (const [m3terEntity, m3terId] of [
    ["Account", "acme"],
    ["Plan", id],
    ["Bill", crypto.randomUUID()],
  ])
    expect(await refused(path, mapping({ m3terEntity, m3terId }))).toContain("m3terId names no");
});

test("the statement of a bill that is not there is refused by the field that names it", async () => {
  expect(await refused("statementjobs", { billId: "none" })).toContain(": billId names no bill");
  const several = await refused("statementjobs/batch", { billIds: ["none"] });
  expect(several).toContain("billIds[0] names no bill");
});

test("a statement shows measures by what numbers can be shown by", async () => {
  const { id: meterId } = await meter();
  const aggregations = ["SUM", "UNIQUE", "CUSTOM_SQL"];
  const body = {
    aggregationFrequency: "DAY",
    measures: [{ meterId, name: "calls", aggregations }],
  };
  const message = await refused("statementdefinitions", body);
  expect(message).toContain("measures[0].aggregations[1] is UNIQUE");
  expect(message).toContain("measures[0].aggregations[2] is CUSTOM_SQL");
});
