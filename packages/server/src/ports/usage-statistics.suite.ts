/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { describe, expect, test } from "vitest";
import { calls, event, may, org, sendTo, storeOfEachTest } from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";
import type { AggregateRequest, Statistic, UsageStore } from "./usage-store.ts";

const day = (text: string) => Temporal.Instant.from(`2024-05-${text}:00Z`);

const at = (ts: string, tokens: number, more: object = {}) =>
  event(`${ts} ${tokens} ${Object.keys(more).join()}`, tokens, {
    ts: `2024-05-${ts}:00Z`,
    ...more,
  });
const same = (uid: string, n: number) => event(uid, n, { ts: "2024-05-10T12:00:00Z" });

const percentile = (p: string): Statistic => ({ kind: "PERCENTILE", percentile: p });
const hours = { kind: "TIME_WEIGHTED_SUM", unit: "HOUR" } as const;
const peaks = (per: "HOUR" | "DAY", timeZone = "UTC"): Statistic => ({
  kind: "PEAK_SUM",
  per,
  timeZone,
});
const sql = (text: string): Statistic => ({ kind: "CUSTOM_SQL", sql: text });

const oneDay = { start: day("10T00:00"), end: day("11T00:00") };
const field = { orgId: org, meterId: calls.id, targetField: "tokens" };

/** The methods beyond m3ter's, each case worked by hand. */
export const usageStatisticsSuite = (
  name: string,
  create: () => Promise<UsageStoreFixture>,
): void => {
  describe(`statistics on ${name}`, () => {
    const used = storeOfEachTest(create);

    const accountId = (code: string): string => used.accountId(code);

    const source = (code: string, start: string, end: string) => ({
      accountId: accountId(code),
      window: { start: day(start), end: day(end) },
    });

    /** `acme 95` for each account that has a quantity. */
    const ask = async (method: Statistic, change: Partial<AggregateRequest> = {}) => {
      const found = await used.store.aggregate({ ...field, method, window: may, ...change });
      return found
        .map(({ accountId: id, quantity, segment }) => {
          const code = ["acme", "beta"].find((one) => accountId(one) === id);
          return [code, ...(segment === undefined ? [] : [segment]), quantity].join(" ");
        })
        .sort();
    };

    test.each([
      // ⌈0.95 × 20⌉ = 19: the one highest of 20 samples is dropped.
      ["95", 20, "19"],
      // ⌈0.95 × 21⌉ = ⌈19.95⌉ = 20.
      ["95", 21, "20"],
      // ⌈0.95 × 10⌉ = 10: too few samples to drop one.
      ["95", 10, "10"],
      ["100", 10, "10"],
      ["50", 10, "5"],
      ["50", 11, "6"],
      // ⌈0.001 × 10⌉ = 1.
      ["0.1", 10, "1"],
      // ⌈0.1 × 10⌉ = 1, exactly; 10.000001 % of 10 is beyond it.
      ["10", 10, "1"],
      ["10.000001", 10, "2"],
    ])("the percentile %s of 1 to %i is %s", async (p, count, value) => {
      const values = Array.from({ length: count }, (_, index) => index + 1);
      await sendTo(
        used.store,
        values.toReversed().map((n) => at("10T00:00", n)),
      );
      expect(await ask(percentile(p))).toEqual([`acme ${value}`]);
    });

    test("a percentile orders numbers of any size, and counts equal ones each", async () => {
      const values = [-1e21, -10, -2, -0.5, 0, 1e-9, 0.5, 0.5, 0.75, 1.5, 9, 10, 1e20];
      for (const [index, value] of values.entries()) {
        await sendTo(used.store, [event(`${index}`, value)]);
      }
      const found: string[] = [];
      for (let place = 1; place <= values.length; place++) {
        // A little less than the place's share, so that it rounds up to the place.
        const p = ((100 * place) / values.length - 0.001).toFixed(6);
        found.push(...(await ask(percentile(p))));
      }
      const exact = [
        "-1000000000000000000000",
        "-10",
        "-2",
        "-0.5",
        "0",
        "0.000000001",
        "0.5",
        "0.5",
        "0.75",
        "1.5",
        "9",
        "10",
        "100000000000000000000",
      ];
      expect(found).toEqual(exact.map((value) => `acme ${value}`));
    });

    test("each value holds until the next one of its account, the last one until the end", async () => {
      await sendTo(used.store, [
        at("10T06:00", 10),
        at("10T12:00", 4.5),
        at("10T18:00", 0),
        at("10T23:00", 1, { account: "beta" }),
      ]);
      // 6 h × 10 + 6 h × 4.5 + 6 h × 0; 1 h × 1.
      expect(await ask(hours, { window: oneDay })).toEqual(["acme 87", "beta 1"]);
    });

    test("the last value before the window counts from its start, however old it is", async () => {
      await sendTo(used.store, [at("01T00:00", 7), at("02T00:00", 3), at("10T20:00", 5)]);
      // 20 h × 3 + 4 h × 5.
      expect(await ask(hours, { window: oneDay })).toEqual(["acme 80"]);
      // 24 h × 5.
      const next = { start: day("11T00:00"), end: day("12T00:00") };
      expect(await ask(hours, { window: next })).toEqual(["acme 120"]);
      const before = { start: day("01T00:00").subtract({ hours: 24 }), end: day("01T00:00") };
      expect(await ask(hours, { window: before })).toEqual([]);
    });

    test("units are of 1, 60, 3,600 and 86,400 seconds; a quotient is rounded once", async () => {
      await sendTo(used.store, [at("10T00:00", 1)]);
      const window = { start: day("10T00:00"), end: day("10T00:10") };
      const units = ["SECOND", "MINUTE", "HOUR", "DAY"] as const;
      const found = [];
      for (const unit of units) found.push(...(await ask({ ...hours, unit }, { window })));
      expect(found).toEqual([
        "acme 600",
        "acme 10",
        // 1/6 and 1/144, to 100 significant digits.
        `acme 0.1${"6".repeat(98)}7`,
        `acme 0.0069${"4".repeat(98)}`,
      ]);
    });

    test("of several values at one ts the one received last holds, then the one with the highest uid", async () => {
      await sendTo(used.store, [same("b", 2), same("c", 3), same("a", 1)]);
      expect(await ask(hours, { window: oneDay })).toEqual(["acme 36"]);
      await sendTo(used.store, [same("0", 4)], { at: Date.UTC(2024, 4, 20, 13) });
      expect(await ask(hours, { window: oneDay })).toEqual(["acme 48"]);
      // Carried over as well.
      const next = { start: day("11T00:00"), end: day("11T01:00") };
      expect(await ask(hours, { window: next })).toEqual(["acme 4"]);
    });

    test("values of segments hold side by side", async () => {
      await sendTo(used.store, [
        at("09T00:00", 1),
        at("10T00:00", 10, { what: { model: "large" } }),
        at("10T12:00", 2),
      ]);
      const segmentation = { fields: ["model"], segments: [{ model: "small" }, { model: "*" }] };
      // Small: 12 h × 1 + 12 h × 2; large: 24 h × 10.
      expect(await ask(hours, { window: oneDay, segmentation })).toEqual([
        "acme 0 36",
        "acme 1 240",
      ]);
    });

    test("together, accounts are weighed each on their own, each in its window", async () => {
      await sendTo(used.store, [
        at("09T00:00", 1),
        at("10T06:00", 2),
        at("10T12:00", 5, { account: "beta" }),
      ]);
      const found = await used.store.aggregateJointly({
        orgId: org,
        meterId: calls.id,
        targetField: "tokens",
        method: hours,
        groups: [
          [source("acme", "10T00:00", "11T00:00"), source("beta", "10T00:00", "11T00:00")],
          [source("acme", "10T00:00", "10T01:00"), source("acme", "10T23:00", "11T00:00")],
          [source("beta", "09T00:00", "10T00:00")],
        ],
      });
      // 6 h × 1 + 18 h × 2 + 12 h × 5; 1 h × 1 + 1 h × 2; nothing yet.
      expect(found.map(({ group, quantity }) => `${group} ${quantity}`).sort()).toEqual([
        "0 102",
        "1 3",
      ]);
    });

    test("great sums of value and time are exact", async () => {
      const accounts = Array.from({ length: 400 }, (_, index) => `account ${index}`);
      const old = { ts: "1700-01-01T00:00:00Z" };
      await sendTo(
        used.store,
        accounts.map((account) => event(account, 9e15, { account, ...old })),
      );
      const window = { start: Temporal.Instant.from(old.ts), end: may.start };
      const groups = [accounts.map((code) => ({ accountId: accountId(code), window }))];
      const found = await used.store.aggregateJointly({
        ...field,
        method: { ...hours, unit: "SECOND" },
        groups,
      });
      const seconds = (window.end.epochMilliseconds - window.start.epochMilliseconds) / 1000;
      expect(found[0]?.quantity).toBe(`${400n * 9_000_000_000_000_000n * BigInt(seconds)}`);
    });

    test("the peaks of hours and days, added up", async () => {
      await sendTo(used.store, [
        at("10T00:10", 3),
        at("10T00:50", 7),
        at("10T01:00", 0.25),
        at("10T23:30", -2),
        at("11T00:00", 40),
      ]);
      // 7 + 0.25 - 2 + 40; 7 + 40.
      expect(await ask(peaks("HOUR"))).toEqual(["acme 45.25"]);
      expect(await ask(peaks("DAY"))).toEqual(["acme 47"]);
      // In New York the first four are of the 9th and 10th: 7, -2 and 40 are of one day.
      expect(await ask(peaks("DAY", "America/New_York"))).toEqual(["acme 47"]);
      // In Kolkata 18:30Z is midnight: 7 on the 10th, 40 on the 11th with -2.
      expect(await ask(peaks("DAY", "Asia/Kolkata"))).toEqual(["acme 47"]);
      // In Tokyo 23:30Z of the 10th and 00:00Z of the 11th are of one day, the rest of another.
      expect(await ask(peaks("DAY", "Asia/Tokyo"))).toEqual(["acme 47"]);
      // With half hours of offset, 00:50Z and 01:00Z share an hour, and so do the last two: 3, 7 and 40.
      expect(await ask(peaks("HOUR", "Asia/Kolkata"))).toEqual(["acme 50"]);
    });

    const given = async (text: string) => ask(sql(text), { window: oneDay });

    test("custom SQL sees its account's measurements of the window, and only those", async () => {
      await sendTo(used.store, [
        at("09T00:00", 100),
        at("10T00:00", 1.5),
        at("10T01:00", 2, { ets: "2024-05-10T03:00:00Z" }),
        at("10T02:00", 4, { account: "beta", what: { model: "large" } }),
        at("11T00:00", 100),
      ]);
      expect(await given("SELECT sum(tokens) FROM measurements")).toEqual(["acme 3.5", "beta 4"]);
      expect(await given("SELECT sum(tokens * tokens) FROM measurements")).toEqual([
        "acme 6.25",
        "beta 16",
      ]);
      expect(
        await given("SELECT sum(epoch(ets - ts)) / 3600 FROM measurements WHERE account = 'acme'"),
      ).toEqual(["acme 2"]);
      expect(
        await given(
          "SELECT count(*) FROM measurements WHERE model = 'large' AND meter = 'calls' AND length(uid) > 0 AND trace = uid",
        ),
      ).toEqual(["acme 0", "beta 1"]);
      // NULL is no value.
      expect(await given("SELECT max(tokens) FROM measurements WHERE model = 'large'")).toEqual([
        "beta 4",
      ]);
      expect(await given("SELECT arg_max(tokens, ts) FROM measurements")).toEqual([
        "acme 2",
        "beta 4",
      ]);
    });

    test("custom SQL applies to each segment and to sources together", async () => {
      await sendTo(used.store, [
        at("10T00:00", 1),
        at("10T01:00", 2, { what: { model: "large" } }),
        at("10T02:00", 4, { account: "beta" }),
      ]);
      const segmentation = {
        fields: ["model"],
        segments: [{ model: "small" }, { model: "large" }],
      };
      const method = sql("SELECT sum(tokens) + count(DISTINCT account) FROM measurements");
      expect(await ask(method, { segmentation })).toEqual(["acme 0 2", "acme 1 3", "beta 0 5"]);
      const sources = ["acme", "beta"].map((code) => ({ accountId: accountId(code), window: may }));
      // 1 + 2 + 4 of two accounts.
      expect(await used.store.aggregateJointly({ ...field, method, groups: [sources] })).toEqual([
        { group: 0, quantity: "9" },
      ]);
    });

    test("custom SQL that fails for one account fails for that one", async () => {
      await sendTo(used.store, [at("10T00:00", 1), at("10T01:00", 2, { account: "beta" })]);
      const method = sql(
        "SELECT CASE WHEN max(account) = 'acme' THEN 1 ELSE error('not for ' || max(account)) END FROM measurements",
      );
      const refused = await used.store.aggregate({ ...field, method, window: may });
      expect(refused.map(({ fault }) => fault)).toEqual([
        expect.stringContaining("may not call error"),
        expect.stringContaining("may not call error"),
      ]);
      const casting = sql(
        "SELECT sum(CASE account WHEN 'acme' THEN '1' ELSE account END::INTEGER) FROM measurements",
      );
      const found = await used.store.aggregate({ ...field, method: casting, window: may });
      const ofAccount = (code: string) => found.find((one) => one.accountId === accountId(code));
      expect(ofAccount("acme")).toMatchObject({ quantity: "1" });
      expect(ofAccount("beta")).toMatchObject({
        quantity: null,
        fault: expect.stringContaining("Could not convert string 'beta'"),
      });
    });

    test.each([
      [1.518_115_278_715_91e-22, "0.000000000000000000000151811527871591"],
      [345_362.054_034_224_2, "345362.0540342242"],
      [-123_456_789_012_345, "-123456789012345"],
      [7e20, "700000000000000000000"],
      [0, "0"],
    ])("custom SQL sees %d as it is", async (value, exact) => {
      await sendTo(used.store, [at("10T00:00", value), at("10T00:01", 0)]);
      expect(await ask(sql("SELECT sum(tokens) FROM measurements"))).toEqual([`acme ${exact}`]);
    });

    test("numbers of any scale are exact in custom SQL; what no decimal can hold is not calculated with", async () => {
      const method = sql("SELECT sum(tokens) FROM measurements");
      await sendTo(used.store, [
        at("10T00:00", 0.1),
        at("10T01:00", 123_456_789.012_345),
        at("10T02:00", 5e-12),
      ]);
      expect(await ask(method)).toEqual(["acme 123456789.112345000005"]);
      await sendTo(used.store, [at("10T03:00", 1e21), at("10T04:00", 1e-17)]);
      const [found] = await used.store.aggregate({ ...field, method, window: may });
      expect(found).toMatchObject({ quantity: null, fault: expect.stringContaining("sum(BLOB)") });
      expect(await ask(sql("SELECT count(tokens) FROM measurements"))).toEqual(["acme 5"]);
    });

    test("custom SQL sees rows in the order of time, however they came in", async () => {
      const values = [5, 3, 9, 1, 7];
      for (const n of values) await sendTo(used.store, [at(`1${n}T00:00`, n)]);
      const method = sql(
        "SELECT list_aggregate(list(tokens), 'first') * 100 + list(tokens)[-1] FROM measurements",
      );
      expect(await ask(method)).toEqual(["acme 109"]);
    });

    const query = (
      method: Statistic,
      groups: Parameters<UsageStore["query"]>[0]["groups"],
      limit = 100,
    ) =>
      used.store.query({
        orgId: org,
        window: oneDay,
        timeZone: "UTC",
        filters: [],
        aggregations: [{ meterId: calls.id, fieldCode: "tokens", method }],
        groups,
        limit,
      });

    test("a value that holds on is in every hour of a query, the latest first", async () => {
      await sendTo(used.store, [at("10T21:30", 2), at("10T22:15", 4), at("10T23:00", 0)]);
      const groups = [{ kind: "time", frequency: "HOUR" }] as const;
      const answer = await query(hours, groups);
      expect(answer).toMatchObject({
        kind: "groups",
        groups: [
          { time: "2024-05-10T23:00:00Z", values: ["0"] },
          // 15 min × 2 + 45 min × 4.
          { time: "2024-05-10T22:00:00Z", values: ["3.5"] },
          { time: "2024-05-10T21:00:00Z", values: ["1"] },
        ],
        hasMore: false,
      });
      expect(await query(hours, groups, 2)).toMatchObject({
        groups: [{ values: ["0"] }, { values: ["3.5"] }],
        hasMore: true,
      });
    });

    test("custom SQL that fails fails the query, with the reason", async () => {
      await sendTo(used.store, [at("10T21:30", 2)]);
      expect(await query(sql("SELECT tokens, 1 FROM measurements"), [])).toEqual({
        kind: "failed",
        aggregation: 0,
        reason: "must answer with one column",
      });
      expect(
        await query(sql("SELECT 2 * tokens FROM measurements"), [{ kind: "account" }]),
      ).toMatchObject({
        groups: [{ accountId: accountId("acme"), values: ["4"] }],
      });
    });
  });
};
