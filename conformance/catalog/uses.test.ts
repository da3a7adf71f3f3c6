import { describe, expect, test } from "vitest";
import type { Entity } from "../client.ts";
import { useServer } from "./fixture.ts";

/** What stands on a record was allowed when it was made: a change of the record must not make it impossible. */

const { client, account, product, plan, accountPlan } = useServer();

let count = 0;
const unique = (): string => `u${(count += 1)}`;
const put = (path: string, { version, ...body }: Entity, change: object) =>
  client().call("PUT", path, { ...body, ...change, version });
const refusedPut = (path: string, { version, ...body }: Entity, change: object) =>
  client().refusal("PUT", path, { ...body, ...change, version });

const groupOf = async (...plans: readonly Entity[]): Promise<Entity> => {
  const made = await client().create("plangroups", { name: "Both", currency: "USD" });
  for (const { id: planId } of plans)
    await client().create("plangrouplinks", { planGroupId: made.id, planId });
  return made;
};
const templateOf = ({ planTemplateId }: Entity) =>
  client().get(`plantemplates/${String(planTemplateId)}`);

describe("plans of a group", () => {
  test.each([
    ["billFrequency", { billFrequency: "ANNUALLY" }],
    ["billFrequencyInterval", { billFrequencyInterval: 3 }],
  ])("keep one cadence: a template keeps its %s", async (field, change) => {
    const [one, other] = [await plan(), await plan()];
    const group = await groupOf(one, other);
    const template = await templateOf(one);
    const message = await refusedPut(`plantemplates/${template.id}`, template, change);
    expect(message).toContain(`${field} must be that of plan ${other.id} in planGroup ${group.id}`);
  });

  test("keep one plan per product", async () => {
    const [one, other] = [await plan(), await plan()];
    await groupOf(one, other);
    const [mine, theirs] = [await templateOf(one), await templateOf(other)];
    const path = `plantemplates/${mine.id}`;
    const change = { productId: theirs["productId"] };
    expect(await refusedPut(path, mine, change)).toContain("productId must not be the product of");
    const moved = { planTemplateId: theirs.id };
    expect(await refusedPut(`plans/${one.id}`, one, moved)).toContain("planTemplateId must not be");
  });

  test("change together with no one else in the group", async () => {
    const alone = await plan();
    await groupOf(alone);
    const template = await templateOf(alone);
    const change = { billFrequency: "ANNUALLY", productId: (await product()).id };
    expect((await put(`plantemplates/${template.id}`, template, change)).status).toBe(200);
  });
});

describe("an account", () => {
  test("gets no second plan of a product by a change of a template or a plan", async () => {
    const [one, other] = [await plan(), await plan()];
    const { id: accountId } = await account();
    for (const { id: planId } of [one, other]) await accountPlan({ accountId, planId });
    const [mine, theirs] = [await templateOf(one), await templateOf(other)];
    const change = { productId: theirs["productId"] };
    const message = await refusedPut(`plantemplates/${mine.id}`, mine, change);
    expect(message).toContain("productId overlaps account plan");
    const moved = { planTemplateId: theirs.id };
    expect(await refusedPut(`plans/${one.id}`, one, moved)).toContain("planTemplateId overlaps");
  });

  test("gets no other account's custom plan, not in a group either", async () => {
    const [{ id: owner }, { id: other }] = [await account(), await account()];
    const [custom, standard] = [await plan({ accountId: owner, bespoke: true }), await plan()];
    const group = await groupOf(custom);
    const attached = await groupOf(standard);
    const at = { startDate: "2025-01-01T00:00:00Z", accountId: other };
    const within = await client().refusal("POST", "accountplans", { ...at, planGroupId: group.id });
    expect(within).toContain(`planGroupId has plan ${custom.id}, which is custom`);
    await accountPlan({ accountId: owner, planGroupId: group.id });
    await accountPlan({ accountId: other, planGroupId: attached.id });
    const link = { planGroupId: attached.id, planId: custom.id };
    expect(await client().refusal("POST", "plangrouplinks", link)).toContain("is custom for");
  });

  test("keeps its plan or plan group when that becomes custom for another one", async () => {
    const [{ id: accountId }, { id: other }] = [await account(), await account()];
    const [one, two] = [await plan(), await plan()];
    const group = await groupOf(two);
    const byPlan = await accountPlan({ accountId, planId: one.id });
    const byGroup = await accountPlan({ accountId, planGroupId: group.id });
    const change = { accountId: other };
    expect(await refusedPut(`plans/${one.id}`, one, change)).toContain(byPlan.id);
    expect(await refusedPut(`plans/${two.id}`, two, change)).toContain(byGroup.id);
    expect(await refusedPut(`plangroups/${group.id}`, group, change)).toContain(byGroup.id);
    expect((await put(`plans/${one.id}`, one, { accountId })).status).toBe(200);
  });
});

describe("a price", () => {
  const meter = (productId: unknown) =>
    client().create("meters", {
      name: "Calls",
      code: unique(),
      productId,
      dataFields: [{ category: "MEASURE", code: "calls", name: "Calls", unit: "1" }],
      derivedFields: [],
    });
  const units = { name: "Calls", rounding: "NONE", quantityPerUnit: 1, unit: "call" };
  const aggregation = (meterId: string) =>
    client().create("aggregations", {
      ...units,
      code: unique(),
      meterId,
      targetField: "calls",
      aggregation: "SUM",
    });
  const price = (path: string, fields: object) =>
    client().create(path, {
      startDate: "2025-01-01T00:00:00Z",
      pricingBands: [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 1 }],
      ...fields,
    });

  /** A plan, and something of its product that is priced on it; what would change its product. */
  const sources = {
    meter: async ({ id: planId, productId }: Entity) => {
      const source = await meter(productId);
      const { id: aggregationId } = await aggregation(source.id);
      return { source, price: await price("pricings", { planId, aggregationId }) };
    },
    compoundaggregation: async ({ id: planId, productId }: Entity) => {
      const body = { ...units, productId, calculation: "1" };
      const source = await client().create("compoundaggregations", body);
      const fields = { planId, compoundAggregationId: source.id };
      return { source, price: await price("pricings", fields) };
    },
    counter: async ({ id: planId, productId }: Entity) => {
      const source = await client().create("counters", { name: "Seats", unit: "seat", productId });
      return { source, price: await price("counterpricings", { planId, counterId: source.id }) };
    },
  } as const;

  test.each(["meter", "compoundaggregation", "counter"] as const)(
    "stays on a plan of its product: a %s changes it no further than that allows",
    async (kind) => {
      const priced = await sources[kind](await plan());
      const path = `${kind}s/${priced.source.id}`;
      const change = { productId: (await product()).id };
      const message = await refusedPut(path, priced.source, change);
      expect(message).toContain("productId would leave");
      expect(message).toContain(priced.price.id);
      expect((await put(path, priced.source, { productId: undefined })).status).toBe(200);
    },
  );

  test("stays on a plan of its product: an aggregation, a template and a plan do so too", async () => {
    const [one, other] = [await plan(), await plan()];
    const measured = await meter(one["productId"]);
    const made = await aggregation(measured.id);
    const { id } = await price("pricings", { planId: one.id, aggregationId: made.id });
    const [template, another] = [await templateOf(one), await templateOf(other)];
    const elsewhere = await meter(other["productId"]);
    const meterId = { meterId: elsewhere.id };
    expect(await refusedPut(`aggregations/${made.id}`, made, meterId)).toContain("meterId would");
    const productId = { productId: other["productId"] };
    const templatePath = `plantemplates/${template.id}`;
    expect(await refusedPut(templatePath, template, productId)).toContain(id);
    const moved = { planTemplateId: another.id };
    expect(await refusedPut(`plans/${one.id}`, one, moved)).toContain("planTemplateId would leave");
  });
});

describe("what is waited for or linked", () => {
  test("a scheduled event stays while a notification waits for it", async () => {
    const name = "scheduled.bill.late";
    const scheduled = { name, entity: "Bill", field: "dueDate", offset: 1 };
    const made = await client().create("scheduledevents/configurations", scheduled);
    const path = `scheduledevents/configurations/${made.id}`;
    const rule = await client().create("notifications/configurations", {
      name: "Late",
      description: "A bill is late",
      code: unique(),
      eventName: name,
      active: true,
      alwaysFireEvent: true,
    });
    const renamed = { name: "scheduled.bill.later" };
    expect(await refusedPut(path, made, renamed)).toContain(`name is waited for by`);
    expect(await client().refusal("DELETE", path)).toContain(rule.id);
    expect((await put(path, made, { offset: 2 })).status).toBe(200);
    await client().remove(`notifications/configurations/${rule.id}`);
    await client().remove(path);
  });

  test("a notification and a webhook stay while an integration links them", async () => {
    const rule = await client().create("notifications/configurations", {
      name: "Told",
      description: "Always",
      code: unique(),
      eventName: "billing.bill.created",
      active: true,
      alwaysFireEvent: true,
    });
    const hook = await client().create("integrationdestinations/webhooks", {
      name: "Hook",
      description: "Ours",
      url: "https://example.com/hook",
      credentials: { type: "M3TER_SIGNED_REQUEST", apiKey: "key", secret: "secret" },
    });
    const link = await client().create("integrationconfigs", {
      entityType: "Notification",
      entityId: rule.id,
      destination: "Webhook",
      destinationId: hook.id,
    });
    const paths = [
      `notifications/configurations/${rule.id}`,
      `integrationdestinations/webhooks/${hook.id}`,
    ];
    for (const path of paths) expect(await client().refusal("DELETE", path)).toContain(link.id);
    await client().remove(`integrationconfigs/${link.id}`);
    for (const path of paths) await client().remove(path);
  });
});

test("of two changes that exclude each other one is refused, also when they come at once", async () => {
  for (let round = 0; round < 8; round += 1) {
    const [one, other] = [await plan(), await plan()];
    const group = await groupOf(other);
    const template = await templateOf(one);
    const answers = await Promise.all([
      put(`plantemplates/${template.id}`, template, { billFrequency: "ANNUALLY" }),
      client().call("POST", "plangrouplinks", { planGroupId: group.id, planId: one.id }),
    ]);
    const accepted = answers.filter(({ status }) => status === 200);
    expect(accepted.length, JSON.stringify(answers)).toBe(1);
  }
});
