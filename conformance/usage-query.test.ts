import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import {
  aggregate,
  connectUsage,
  type Measurement,
  meterCode,
  type UsageClient,
} from "./usage-client.ts";

const at = (ts: string, account: string, more: object): Measurement => ({
  uid: `${account}-${ts}`,
  meter: meterCode,
  account,
  ts,
  ...more,
});

/** In New York, 2024-03-10 has 23 hours: 05:00Z is its midnight, 04:00Z the next one's. */
const usage: readonly Measurement[] = [
  at("2024-03-10T04:59:59Z", "acme", {
    measure: { input: 1, output: 10 },
    where: { region: "eu" },
  }),
  at("2024-03-10T05:00:00Z", "acme", {
    measure: { input: 0.1, output: 0 },
    where: { region: "eu" },
  }),
  at("2024-03-10T06:30:00Z", "acme", {
    measure: { input: 0.2, output: 7 },
    where: { region: "us" },
  }),
  at("2024-03-11T03:59:59Z", "acme", {
    measure: { input: 4, output: -2 },
    where: { region: "us" },
  }),
  at("2024-03-11T04:00:00Z", "acme", { measure: { input: 8, output: 3 }, where: { region: "us" } }),
  at("2024-03-10T06:45:00Z", "globex", {
    measure: { input: 123_456_789.012_345, output: 1 },
    where: { region: "eu" },
    ets: "2024-03-10T06:46:00Z",
  }),
];

const march = { startDate: "2024-03-01T00:00:00Z", endDate: "2024-04-01T00:00:00Z" };

describe("usage/query", () => {
  const state: { folder: string; server?: ServerProcess; client?: UsageClient } = { folder: "" };
  const running = (): UsageClient => {
    if (state.client === undefined) throw new Error("no server");
    return state.client;
  };
  const refusal = async (body: object): Promise<string> => {
    const { status, text } = await running().post("usage/query", JSON.stringify(body));
    return `${status} ${String(JSON.parse(text).message)}`;
  };
  const sum = (field: string) => aggregate(running().meterId, field, "SUM");

  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
    const config = await running().get("organizationconfig");
    await running().put("organizationconfig", { ...config, timezone: "America/New_York" });
    expect(await running().submit(usage)).toEqual({ status: 200, text: '{"result":"accepted"}' });
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("adds up days of the organization's zone, also the one of 23 hours", async () => {
    const { data, hasMoreData } = await running().query({
      ...march,
      aggregations: [sum("input"), aggregate(running().meterId, "input", "COUNT")],
      groups: [{ groupType: "TIME", frequency: "DAY" }, { groupType: "ACCOUNT" }],
    });
    expect(hasMoreData).toBe(false);
    // acme on the 10th: 0.1 + 0.2 + 4 = 4.3, not 4.300000000000001 as doubles add up.
    expect(data.map(({ accountId: _id, ...row }) => row)).toEqual([
      {
        time: "2024-03-11T04:00:00Z",
        accountCode: "acme",
        "llm.input.SUM": 8,
        "llm.input.COUNT": 1,
      },
      expect.objectContaining({ time: "2024-03-10T05:00:00Z" }),
      expect.objectContaining({ time: "2024-03-10T05:00:00Z" }),
      {
        time: "2024-03-09T05:00:00Z",
        accountCode: "acme",
        "llm.input.SUM": 1,
        "llm.input.COUNT": 1,
      },
    ]);
    expect(
      data.find((row) => row["accountCode"] === "acme" && row["llm.input.COUNT"] === 3),
    ).toEqual(expect.objectContaining({ time: "2024-03-10T05:00:00Z", "llm.input.SUM": 4.3 }));
  });

  test.each([
    ["HOUR", ["2024-03-11T04:00:00Z", "2024-03-11T03:00:00Z", "2024-03-10T06:00:00Z"]],
    ["WEEK", ["2024-03-11T04:00:00Z", "2024-03-04T05:00:00Z"]],
    ["MONTH", ["2024-03-01T05:00:00Z"]],
    ["QUARTER", ["2024-01-01T05:00:00Z"]],
  ])("groups by %s", async (frequency, newest) => {
    const { data } = await running().query({
      ...march,
      aggregations: [sum("output")],
      groups: [{ groupType: "TIME", frequency }],
    });
    expect(data.slice(0, 3).map(({ time }) => time)).toEqual(newest);
  });

  test("groups and filters by dimensions, with several aggregations", async () => {
    const { meterId } = running();
    const region = { meterId, fieldCode: "region" };
    const aggregations = ["SUM", "MIN", "MAX", "MEAN", "LATEST"].map((name) =>
      aggregate(meterId, "output", name),
    );
    const { data } = await running().query({
      ...march,
      aggregations: [...aggregations, aggregate(meterId, "region", "UNIQUE")],
      dimensionFilters: [{ ...region, values: ["us"] }],
      groups: [{ groupType: "DIMENSION", ...region }],
    });
    // 7, -2 and 3: their sum is 8, their mean 2.666… to a hundred digits.
    expect(data).toEqual([
      {
        region: "us",
        "llm.output.SUM": 8,
        "llm.output.MIN": -2,
        "llm.output.MAX": 7,
        "llm.output.MEAN": 8 / 3,
        "llm.output.LATEST": 3,
        "llm.region.UNIQUE": 1,
      },
    ]);
  });

  test("writes every digit of a sum, also those that no double has", async () => {
    const body = JSON.stringify({ ...march, aggregations: [sum("input")] });
    const { text } = await running().post("usage/query", body);
    // 1 + 0.1 + 0.2 + 4 + 8 + 123456789.012345
    expect(text).toBe('{"data":[{"llm.input.SUM":123456802.312345}],"hasMoreData":false}');
  });

  test("answers measurements themselves without aggregations, newest first, at most the limit", async () => {
    const { data, hasMoreData } = await running().query({ ...march, limit: 4 });
    expect(hasMoreData).toBe(true);
    expect(data.map(({ ts }) => ts)).toEqual([
      "2024-03-11T04:00:00Z",
      "2024-03-11T03:59:59Z",
      "2024-03-10T06:45:00Z",
      "2024-03-10T06:30:00Z",
    ]);
    expect(data[2]).toEqual({
      uid: "globex-2024-03-10T06:45:00Z",
      ts: "2024-03-10T06:45:00Z",
      ets: "2024-03-10T06:46:00Z",
      receivedAt: expect.stringMatching(/^20.*Z$/),
      accountId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      accountCode: "globex",
      meterId: running().meterId,
      meterCode,
      input: 123_456_789.012_345,
      output: 1,
      region: "eu",
    });
  });

  test("narrows to accounts, meters and periods counted back from now", async () => {
    const { data } = await running().query(march);
    const globex = data.find(({ accountCode }) => accountCode === "globex")?.["accountId"];
    const count = async (body: object) => (await running().query(body)).data.length;
    expect(await count({ ...march, accountIds: [globex] })).toBe(1);
    expect(await count({ ...march, accountIds: [crypto.randomUUID()] })).toBe(0);
    expect(await count({ ...march, meterIds: [crypto.randomUUID()] })).toBe(0);
    expect(await count({ ...march, meterIds: [running().meterId] })).toBe(usage.length);
    expect(await count({ timePeriod: "LAST_12_HOURS" })).toBe(0);
    expect(await count({})).toBe(usage.length);
  });

  test("shows values as they were measured, also where their field holds another kind now", async () => {
    const field = (code: string, category: string) => ({ code, category, name: code, unit: "1" });
    const fieldsOf = (level: string, size: string) => [field("level", level), field("size", size)];
    const meter = await running().create("meters", {
      name: "Changed",
      code: "changed",
      dataFields: fieldsOf("OTHER", "MEASURE"),
      derivedFields: [],
    });
    const change = { version: 1, dataFields: fieldsOf("MEASURE", "OTHER"), derivedFields: [] };
    const used = { meter: "changed", account: "acme" };
    await running().submit([
      { ...used, ts: "2024-05-01T00:00:00Z", other: { level: "high" }, measure: { size: 1.5 } },
    ]);
    await running().put(`meters/${meter.id}`, { name: "Changed", code: "changed", ...change });
    await running().submit([
      { ...used, ts: "2024-05-02T00:00:00Z", measure: { level: 3 }, other: { size: "big" } },
    ]);
    const { data } = await running().query({ meterIds: [meter.id] });
    expect(data).toMatchObject([
      { level: 3, size: "big" },
      { level: "high", size: 1.5 },
    ]);
    await running().remove(`meters/${meter.id}`);
    const { data: kept } = await running().query({ meterIds: [meter.id] });
    expect(kept).toMatchObject([
      { level: 3, size: "big" },
      { level: "high", size: 1.5 },
    ]);
  });

  test("refuses what cannot be answered, naming it", async () => {
    const { meterId } = running();
    const none = crypto.randomUUID();
    expect(await refusal({ ...march, groups: [{ groupType: "ACCOUNT" }] })).toMatch(
      /^400 .*groups needs aggregations/,
    );
    expect(await refusal({ ...march, aggregations: [aggregate(none, "input", "SUM")] })).toMatch(
      /^400 .*aggregations\[0\]\.meterId names no meter/,
    );
    expect(await refusal({ ...march, aggregations: [sum("absent")] })).toMatch(
      /^400 .*aggregations\[0\]\.fieldCode names no field/,
    );
    expect(await refusal({ ...march, aggregations: [sum("region")] })).toMatch(
      /^400 .*is a WHERE field, not a number/,
    );
    expect(
      await refusal({
        ...march,
        aggregations: [{ ...sum("region"), fieldType: "DIMENSION" }],
      }),
    ).toMatch(/^400 .*function must be COUNT, UNIQUE, CUSTOM_SQL for a DIMENSION/);
    expect(
      await refusal({
        ...march,
        dimensionFilters: [{ meterId, fieldCode: "input", values: ["1"] }],
      }),
    ).toMatch(/^400 .*is a MEASURE field, not a dimension/);
    expect(await refusal({ ...march, limit: 20_001 })).toMatch(/^400 .*limit/);
    expect(await refusal({ startDate: march.endDate, endDate: march.startDate })).toMatch(
      /^400 .*endDate must not be before startDate/,
    );
  });
});
