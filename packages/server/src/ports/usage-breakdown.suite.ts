/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { beforeEach, describe, expect, test } from "vitest";
import type { BreakdownRequest } from "./usage-breakdown.ts";
import { calls, event, may, org, sendTo, storeOfEachTest } from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";
import type { AggregationMethod } from "./usage-store.ts";

const methods: readonly AggregationMethod[] = [
  ...(["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE"] as const),
  { kind: "PERCENTILE", percentile: "50" },
  { kind: "TIME_WEIGHTED_SUM", unit: "HOUR" },
  { kind: "PEAK_SUM", per: "DAY", timeZone: "UTC" },
  { kind: "CUSTOM_SQL", sql: "SELECT sum(tokens) * 2 FROM measurements" },
];

const large = { what: { model: "large" } };
const events = [
  event("a", 2, { ts: "2024-05-02T00:00:00Z" }),
  event("b", 4, { ts: "2024-05-02T12:00:00Z" }),
  event("c", 8, { ts: "2024-05-10T00:00:00Z", ...large }),
  event("d", 1, { ts: "2024-05-11T06:00:00Z", what: { model: "huge" } }),
  event("e", 4, { ts: "2024-05-11T12:00:00Z", account: "beta" }),
  event("early", 16, { ts: "2024-04-30T00:00:00Z", account: "beta" }),
];

/** How every usage store splits one quantity by calendar and dimensions. */
export const usageBreakdownSuite = (
  name: string,
  create: () => Promise<UsageStoreFixture>,
): void => {
  describe(`a breakdown on ${name}`, () => {
    const used = storeOfEachTest(create);

    beforeEach(async () => {
      await sendTo(used.store, events);
    });

    const source = (code: string, window = may) => ({
      accountId: used.accountId(code),
      window,
    });

    const ask = (method: AggregationMethod, change: Partial<BreakdownRequest> = {}) =>
      used.store.breakDown({
        orgId: org,
        meterId: calls.id,
        sources: [source("acme"), source("beta")],
        counted: { targetField: "tokens", filters: [] },
        field: { fieldCode: "tokens", method },
        timeZone: "UTC",
        dimensions: [],
        rowsMax: 100,
        ...change,
      });

    /** `2024-05-02 small 6`, by time. */
    const rows = async (method: AggregationMethod, change: Partial<BreakdownRequest> = {}) => {
      const answer = await ask(method, change);
      if (answer.kind === "too-many") throw new Error("too many rows");
      return answer.rows
        .map(({ time, dimensions, quantity }) =>
          [...(time === undefined ? [] : [time.slice(0, 10)]), ...dimensions, quantity].join(" "),
        )
        .sort();
    };

    test.each(methods)("%j of everything is what the aggregate is", async (method) => {
      const [joint] = await used.store.aggregateJointly({
        orgId: org,
        meterId: calls.id,
        targetField: "tokens",
        method,
        groups: [[source("acme"), source("beta")]],
      });
      expect(joint).toBeDefined();
      expect(await rows(method)).toEqual([joint?.quantity]);
    });

    test.each([
      // 2 and 4 on the 2nd, 8 on the 10th, 1 and 4 on the 11th.
      ["SUM", ["2024-05-02 6", "2024-05-10 8", "2024-05-11 5"]],
      ["MAX", ["2024-05-02 4", "2024-05-10 8", "2024-05-11 4"]],
      [methods[7], ["2024-05-02 2", "2024-05-10 8", "2024-05-11 1"]],
      [methods[10], ["2024-05-02 12", "2024-05-10 16", "2024-05-11 10"]],
    ] as const)("%j by day", async (method = "SUM", expected) => {
      expect(await rows(method, { unit: "DAY" })).toEqual(expected);
    });

    test.each([
      // The 2nd is of the week from April 29th; the 10th and the 11th are of that from May 6th.
      ["WEEK", ["2024-04-29 6", "2024-05-06 13"]],
      ["MONTH", ["2024-05-01 19"]],
      ["QUARTER", ["2024-04-01 19"]],
      ["YEAR", ["2024-01-01 19"]],
    ] as const)("by %s, which may begin before the window", async (unit, expected) => {
      expect(await rows("SUM", { unit })).toEqual(expected);
    });

    test("days are the zone's", async () => {
      // In New York the 2nd at 00:00Z is the evening of the 1st, the 10th at 00:00Z that of the 9th.
      expect(await rows("SUM", { unit: "DAY", timeZone: "America/New_York" })).toEqual([
        "2024-05-01 2",
        "2024-05-02 4",
        "2024-05-09 8",
        "2024-05-11 5",
      ]);
    });

    test("by dimensions, also one that the meter does not have", async () => {
      expect(await rows("SUM", { dimensions: ["model"] })).toEqual([
        "huge 1",
        "large 8",
        "small 10",
      ]);
      expect(await rows("SUM", { unit: "MONTH", dimensions: ["model", "none"] })).toEqual([
        "2024-05-01 huge  1",
        "2024-05-01 large  8",
        "2024-05-01 small  10",
      ]);
    });

    test("a value that holds on is in every part, and the parts add up", async () => {
      const method = { kind: "TIME_WEIGHTED_SUM", unit: "DAY" } as const;
      const window = { start: may.start, end: may.start.add({ hours: 48 }) };
      const sources = [source("acme", window), source("beta", window)];
      // Beta holds 16 from April on; acme 2 from the 2nd and 4 from its noon: 16; 16 + 1 + 2.
      const expected = ["2024-05-01 16", "2024-05-02 19"];
      expect(await rows(method, { sources, unit: "DAY" })).toEqual(expected);
      expect(await rows(method, { sources })).toEqual(["35"]);
    });

    test("only what counts is counted, whatever is measured of it", async () => {
      const only = { dimensionCode: "model", value: "small", mode: "INCLUDE" } as const;
      expect(await rows("SUM", { counted: { targetField: "tokens", filters: [only] } })).toEqual([
        "10",
      ]);
      const segmentation = { fields: ["model"], segments: [{ model: "small" }, { model: "*" }] };
      const counted = { targetField: "tokens", filters: [], segmentation, segment: 1 };
      expect(await rows("SUM", { counted, unit: "DAY" })).toEqual(["2024-05-10 8", "2024-05-11 1"]);
      const model = { fieldCode: "model", method: "UNIQUE" } as const;
      expect(await rows("SUM", { field: model })).toEqual(["3"]);
      expect(await rows("SUM", { counted: { targetField: "gone", filters: [] } })).toEqual([]);
    });

    test("more rows than the limit are none", async () => {
      expect(await ask("SUM", { unit: "DAY", rowsMax: 3 })).toMatchObject({ kind: "rows" });
      expect(await ask("SUM", { unit: "DAY", rowsMax: 2 })).toEqual({ kind: "too-many" });
      const custom = { kind: "CUSTOM_SQL", sql: "SELECT 1" } as const;
      expect(await ask(custom, { unit: "DAY", rowsMax: 2 })).toEqual({ kind: "too-many" });
    });

    test("of what is unknown there are no rows", async () => {
      expect(await rows("SUM", { meterId: "unknown" })).toEqual([]);
      expect(await rows("SUM", { sources: [] })).toEqual([]);
    });
  });
};
