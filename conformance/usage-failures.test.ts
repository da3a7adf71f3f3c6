import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import { connectUsage, type Measurement, meterCode, type UsageClient } from "./usage-client.ts";

const failureName = "ingest.validation.failure";

const failureEvents = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      eventName: z.literal(failureName),
      eventTime: z.iso.datetime(),
      m3terEvent: z.object({
        eventData: z.object({
          newDto: z.object({
            getDownloadUrl: z.url(),
            file: z.string(),
            failedRows: z.number(),
            types: z.record(z.string(), z.number()),
          }),
        }),
      }),
    }),
  ),
});
const failedFile = z.object({
  measurements: z.array(
    z.looseObject({ failure: z.object({ type: z.string(), message: z.string() }) }),
  ),
});

const good = (uid: string, more: object = {}): Measurement => ({
  uid,
  meter: meterCode,
  account: "acme",
  ts: "2024-05-01T00:00:00Z",
  measure: { input: 1, output: 2 },
  where: { region: "eu" },
  ...more,
});

/** One of each; what is to be changed so that it is accepted. */
const wrong: readonly (readonly [type: string, sent: Measurement, cure: object])[] = [
  ["UndefinedMeter", good("undefined-meter", { meter: "none" }), { meter: meterCode }],
  [
    "MissingField",
    good("missing", { measure: { input: 1 } }),
    { measure: { input: 1, output: 2 } },
  ],
  ["DuplicateUid", good("first"), { uid: "second" }],
  ["DuplicateField", good("twice", { other: { input: "x" } }), { other: {} }],
  ["InvalidAccountCode", good("close", { account: "ACME" }), { account: "acme" }],
  [
    "TimestampInFuture",
    good("future", { ts: "2199-01-01T00:00:00Z" }),
    { ts: "2024-05-02T00:00:00Z" },
  ],
  ["EndBeforeStart", good("end", { ets: "2024-04-30T00:00:00Z" }), { ets: "2024-05-03T00:00:00Z" }],
];

describe("measurements that cannot be stored", () => {
  const state: { folder: string; server?: ServerProcess; client?: UsageClient } = { folder: "" };
  const running = (): UsageClient => {
    if (state.client === undefined) throw new Error("no server");
    return state.client;
  };
  const events = async (query = `?eventName=${failureName}`) =>
    failureEvents.parse((await running().call("GET", `events${query}`)).body).data;
  /** The acknowledgement does not wait for the event. */
  const eventually = async (count: number) => {
    for (let tries = 0; tries < 100; tries += 1) {
      const found = await events();
      if (found.length >= count) return found;
      await delay(50);
    }
    throw new Error(`there are no ${count} events`);
  };
  const fileOf = async (file: string) => {
    const path = `measurements/failedIngest/getDownloadUrl?file=${file}`;
    const { url } = z.object({ url: z.url() }).parse((await running().call("GET", path)).body);
    return failedFile.parse(await (await fetch(url)).json()).measurements;
  };

  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
    expect((await running().submit([good("first")])).status).toBe(200);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("are named in the reply and in an event, each with its reason", async () => {
    const { status, text } = await running().submit([
      good("fine"),
      ...wrong.map(([, sent]) => sent),
    ]);
    expect([status, text]).toEqual([200, expect.any(String)]);
    const reply = z
      .object({
        result: z.string(),
        failures: z.array(z.object({ index: z.number(), type: z.string() })),
      })
      .parse(JSON.parse(text));
    expect(reply.result).toBe("accepted");
    expect(reply.failures.map(({ index, type }) => [index, type])).toEqual(
      wrong.map(([type], index) => [index + 1, type]),
    );
    const [event] = await eventually(1);
    expect(event?.m3terEvent.eventData.newDto).toEqual(
      expect.objectContaining({
        failedRows: wrong.length,
        types: Object.fromEntries(wrong.map(([type]) => [type, 1])),
      }),
    );
    expect(await events("?eventType=IngestValidationFailure")).toEqual([event]);
    expect(await events(`?ids=${event?.id}`)).toEqual([event]);
  });

  test("are in a file that is accepted once it is corrected", async () => {
    const [event] = await eventually(1);
    const rows = await fileOf(event?.m3terEvent.eventData.newDto.file ?? "");
    expect(rows.map(({ failure }) => failure.type)).toEqual(wrong.map(([type]) => type));
    const measurements = rows.map((row, index) => ({ ...row, ...wrong[index]?.[2] }));
    const { text } = await running().post("measurements", JSON.stringify({ measurements }));
    expect(text).toBe('{"result":"accepted"}');
    const { data } = await running().query({});
    // first, fine and the corrected ones
    expect(data.length).toBe(2 + wrong.length);
  });

  test("are found at the URL in the event, and only with its token", async () => {
    const [event] = await eventually(1);
    const { getDownloadUrl } = event?.m3terEvent.eventData.newDto ?? { getDownloadUrl: "" };
    const answer = await fetch(getDownloadUrl, {
      headers: { authorization: `Bearer ${running().bearer}` },
    });
    const { url } = z.object({ url: z.url() }).parse(await answer.json());
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(`${url}x`)).status).toBe(403);
    expect((await fetch(getDownloadUrl)).status).toBe(403);
  });

  test("there is no file of another name", async () => {
    const path = "measurements/failedIngest/getDownloadUrl";
    expect(await running().refusal("GET", path)).toMatch(/file must be present/);
    expect(await running().refusal("GET", `${path}?file=../../etc/passwd`)).toMatch(
      /no such record/,
    );
    expect(await running().refusal("GET", `${path}?file=${crypto.randomUUID()}.json`)).toMatch(
      /no such record/,
    );
  });

  test("their events outlive a stop that follows the acknowledgement at once", async () => {
    const before = (await events()).length;
    await running().submit([good("first"), good("again")]);
    await state.server?.stop();
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
    expect((await events()).length).toBe(before + 1);
  });
});

describe("events of changes", () => {
  const state: { folder: string; server?: ServerProcess; client?: UsageClient } = { folder: "" };
  const running = (): UsageClient => {
    if (state.client === undefined) throw new Error("no server");
    return state.client;
  };
  const names = async (query: string): Promise<string[]> =>
    (await running().list(`events?${query}`)).data.map((event) => String(event["eventName"]));

  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("hold the record before and after, newest first, in pages", async () => {
    const product = await running().create("products", { name: "One", code: "one" });
    await running().put(`products/${product.id}`, { ...product, name: "Uno" });
    await running().remove(`products/${product.id}`);
    const own = `resourceId=${product.id}`;
    const all = ["deleted", "updated", "created"].map(
      (action) => `configuration.product.${action}`,
    );
    expect(await names(own)).toEqual(all);
    expect(await names(`${own}&eventName=configuration.product.updated`)).toEqual([all[1]]);
    expect(await names(`${own}&eventType=Notification&includeActioned=false`)).toEqual(all);
    expect(await names(`${own}&eventType=IntegrationEvent`)).toEqual([]);
    expect(await names(`${own}&notificationId=${crypto.randomUUID()}`)).toEqual([]);
    const first = await running().list(`events?${own}&pageSize=2`);
    const rest = await running().list(`events?${own}&pageSize=2&nextToken=${first.nextToken}`);
    expect([...first.data, ...rest.data].map((event) => event["eventName"])).toEqual(all);
    const updated = first.data[1];
    expect(updated?.["m3terEvent"]).toEqual({
      eventData: {
        newDto: expect.objectContaining({ id: product.id, name: "Uno", version: 2 }),
        oldDto: expect.objectContaining({ id: product.id, name: "One", version: 1 }),
      },
    });
    expect((await running().call("GET", `events/${updated?.id}`)).body).toEqual(updated);
  });

  test("are found by the account they are about", async () => {
    const account = await running().create("accounts", {
      name: "Acme",
      code: "acme",
      emailAddress: "a@example.com",
    });
    await running().create("contracts", {
      accountId: account.id,
      name: "First",
      startDate: "2025-01-01",
      endDate: "2026-01-01",
    });
    expect(await names(`accountId=${account.id}`)).toEqual([
      "configuration.contract.created",
      "configuration.account.created",
    ]);
  });

  test("are listed with their fields", async () => {
    const types = z
      .object({ events: z.array(z.string()) })
      .parse((await running().call("GET", "events/types")).body).events;
    expect(types).toEqual(
      expect.arrayContaining([
        "configuration.account.created",
        "billing.charge.deleted",
        failureName,
      ]),
    );
    const name = "configuration.commitment.updated";
    const { body } = await running().call("GET", `events/fields?eventName=${name}`);
    expect(body).toEqual({
      events: {
        [name]: expect.objectContaining({
          "new.amount": "double",
          "old.amount": "double",
          "new.accountId": "string",
          "new.productIds": "array",
        }),
      },
    });
  });

  test("ids stand alone, and nothing is found under another's id", async () => {
    expect(
      await running().refusal("GET", `events?ids=${crypto.randomUUID()}&eventType=Notification`),
    ).toMatch(/ids cannot be used with eventType/);
    expect(await running().refusal("GET", `events/${crypto.randomUUID()}`)).toMatch(
      /no such record/,
    );
  });
});
