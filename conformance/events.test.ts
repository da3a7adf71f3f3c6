import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { useServer } from "./catalog/fixture.ts";

const { client, account, plan, accountPlan } = useServer();

const dto = z.record(z.string(), z.unknown());
const event = z.object({
  id: z.string(),
  eventName: z.string(),
  m3terEvent: z.object({
    eventData: z.object({ newDto: dto.optional(), oldDto: dto.optional() }),
  }),
});
type Event = z.output<typeof event>;

const events = async (query: string): Promise<Event[]> =>
  z.array(event).parse((await client().list(`events?${query}`)).data);
const names = async (query: string): Promise<string[]> =>
  (await events(query)).map(({ eventName }) => eventName);
const fieldsOf = async (name: string): Promise<Record<string, string>> => {
  const { body } = await client().call("GET", `events/fields?eventName=${name}`);
  const { events: fields } = z
    .object({ events: z.record(z.string(), z.record(z.string(), z.string())) })
    .parse(body);
  return fields[name] ?? {};
};

const finished = async (path: string, field: string): Promise<void> => {
  while ((await client().get(path))[field] !== "COMPLETE") await delay(20);
};

/** A bill of 5.00 with its statement, approved and deleted again. */
const billAndDelete = async () => {
  const { id: accountId } = await account();
  const { id: planId } = await plan({ template: { standingCharge: 5 } });
  await accountPlan({ accountId, planId });
  const order = { accountIds: [accountId], lastDateInBillingPeriod: "2025-01-31" };
  const job = await client().create("billjobs", order);
  await finished(`billjobs/${job.id}`, "status");
  const billId = (await client().list(`bills?accountId=${accountId}`)).data[0]?.id ?? "";
  const statement = await client().create("statementjobs", { billId });
  await finished(`statementjobs/${statement.id}`, "statementJobStatus");
  await client().call("POST", "bills/approve", { billIds: [billId] });
  await client().remove(`bills/${billId}`);
  return { accountId, billId, jobId: job.id, statementId: statement.id };
};

describe("events of billing", () => {
  test("follow bills, and the jobs about them, from their creation to their end", async () => {
    const { accountId, billId, jobId, statementId } = await billAndDelete();
    const [deleted, approved, created] = await events(`resourceId=${billId}`);
    expect(created?.eventName).toBe("billing.bill.created");
    expect(created?.m3terEvent.eventData).toMatchObject({ newDto: { id: billId, billTotal: 5 } });
    expect(approved?.eventName).toBe("billing.bill.updated");
    expect(approved?.m3terEvent.eventData).toMatchObject({
      oldDto: { status: "PENDING" },
      newDto: { status: "APPROVED" },
    });
    expect(deleted?.eventName).toBe("billing.bill.deleted");
    expect(deleted?.m3terEvent.eventData.newDto).toBeUndefined();
    expect(await names(`accountId=${accountId}&eventName=billing.bill.deleted`)).toHaveLength(1);

    const statuses = async (id: string, field: string) =>
      (await events(`resourceId=${id}`)).map(({ eventName, m3terEvent: { eventData } }) => [
        eventName,
        eventData.newDto?.[field],
      ]);
    expect(await statuses(jobId, "status")).toEqual([
      ["billing.billjob.updated", "COMPLETE"],
      ["billing.billjob.updated", "RUNNING"],
      ["billing.billjob.created", "PENDING"],
    ]);
    expect(await statuses(statementId, "statementJobStatus")).toEqual([
      ["billing.statementjob.deleted", undefined],
      ["billing.statementjob.updated", "COMPLETE"],
      ["billing.statementjob.updated", "RUNNING"],
      ["billing.statementjob.created", "PENDING"],
    ]);
  });

  test("hold no field that is not listed for calculations", async () => {
    const { billId, jobId, statementId } = await billAndDelete();
    for (const id of [billId, jobId, statementId]) {
      for (const { eventName, m3terEvent } of await events(`resourceId=${id}`)) {
        const { newDto = {}, oldDto = {} } = m3terEvent.eventData;
        const held = [
          ...Object.keys(newDto).map((name) => `new.${name}`),
          ...Object.keys(oldDto).map((name) => `old.${name}`),
        ];
        const listed = new Set(Object.keys(await fieldsOf(eventName)));
        expect(held.filter((name) => !listed.has(name))).toEqual([]);
      }
    }
  });
});

test("every name that a notification may wait for is a type, scheduled events too", async () => {
  const name = "scheduled.bill.dueSoon";
  const scheduled = { name, entity: "Bill", field: "dueDate", offset: -5 };
  await client().create("scheduledevents/configurations", scheduled);
  const { body } = await client().call("GET", "events/types");
  const types = z.object({ events: z.array(z.string()) }).parse(body).events;
  expect(new Set(types).size).toBe(types.length);
  expect(types).toEqual(
    expect.arrayContaining([
      "billing.bill.created",
      "billing.billjob.updated",
      "billing.statementjob.deleted",
      "configuration.pricingband.updated",
      "dataexport.job.failure",
      "ingest.validation.failure",
      "integration.perform.error",
      name,
    ]),
  );
  expect(await fieldsOf(name)).toMatchObject({
    "new.dueDate": "string",
    "new.billTotal": "double",
  });
});

describe("events that triggered a notification", () => {
  const change = async (created: { id: string }, name: string): Promise<void> => {
    const path = `products/${created.id}`;
    await client().put(path, { ...(await client().get(path)), name });
  };

  test("are judged by its calculation as it was when they happened", async () => {
    const path = "notifications/configurations";
    const rule = await client().create(path, {
      name: "Renamed",
      description: "A product is renamed",
      code: "renamed",
      eventName: "configuration.product.updated",
      calculation: '(new.name == "B") AND (old.name != "B")',
      active: true,
    });
    const product = await client().create("products", { name: "A", code: "judged" });
    for (const name of ["B", "C", "B"]) await change(product, name);
    await client().put(`${path}/${rule.id}`, { ...rule, active: false });
    for (const name of ["C", "B"]) await change(product, name);
    const inactive = await client().get(`${path}/${rule.id}`);
    await client().put(`${path}/${rule.id}`, {
      ...inactive,
      active: true,
      calculation: "",
      alwaysFireEvent: true,
    });
    await change(product, "D");

    const triggered = async (query: string) =>
      (await events(query)).map(({ m3terEvent }) => m3terEvent.eventData.newDto?.["name"]);
    expect(await triggered(`notificationId=${rule.id}`)).toEqual(["D", "B", "B"]);
    expect(await triggered("notificationCode=renamed")).toEqual(["D", "B", "B"]);
    expect(await triggered("notificationCode=other")).toEqual([]);
    expect(await triggered(`notificationId=${rule.id}&notificationCode=other`)).toEqual([]);
    const first = await client().list(`events?notificationId=${rule.id}&pageSize=2`);
    const token = `nextToken=${first.nextToken}`;
    const rest = await events(`notificationId=${rule.id}&pageSize=2&${token}`);
    expect(first.data).toHaveLength(2);
    expect(rest.map(({ m3terEvent }) => m3terEvent.eventData.newDto?.["name"])).toEqual(["B"]);
  });

  test("say what a calculation may name: that of the name before that of the id", async () => {
    const { id } = await client().create("products", { name: "A", code: "evaluated" });
    const [created] = await events(`resourceId=${id}`);
    const evaluate = async (body: object) =>
      (await client().call("POST", "notifications/evaluate", body)).body;
    const ofId = { eventId: created?.id };
    const calculation = "new.code != null";
    expect(await evaluate({ ...ofId, calculation })).toEqual({ success: true });
    const old = { ...ofId, calculation: "old.code != null" };
    expect(await evaluate(old)).toMatchObject({ success: false });
    const named = { ...old, eventName: "configuration.product.deleted" };
    expect(await evaluate(named)).toEqual({ success: true });
    const unknown = { calculation, eventId: crypto.randomUUID() };
    expect((await client().call("POST", "notifications/evaluate", unknown)).status).toBe(404);
  });
});
