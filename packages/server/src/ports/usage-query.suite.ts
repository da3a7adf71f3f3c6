/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { describe, expect, test } from "vitest";
import {
  calls,
  event,
  may,
  org,
  receivedAtMs,
  sendTo,
  storeOfEachTest,
} from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";
import type { IngestOutcome, TimeFrequency, UsageGrouping, UsageQuery } from "./usage-store.ts";

const by = (frequency: TimeFrequency): readonly UsageGrouping[] => [{ kind: "time", frequency }];

/** How every usage store answers queries. */
export const usageQuerySuite = (name: string, create: () => Promise<UsageStoreFixture>): void => {
  describe(`usage queries on ${name}`, () => {
    const used = storeOfEachTest(create);

    const send = (measurements: readonly object[], options = {}): Promise<IngestOutcome> =>
      sendTo(used.store, measurements, options);
    const ask = (change: Partial<UsageQuery>) =>
      used.store.query({
        orgId: org,
        window: may,
        timeZone: "UTC",
        filters: [],
        aggregations: [{ meterId: calls.id, fieldCode: "tokens", method: "SUM" }],
        groups: [],
        limit: 100,
        ...change,
      });
    const groups = async (change: Partial<UsageQuery>) => {
      const answer = await ask(change);
      if (answer.kind !== "groups") throw new Error("aggregations give groups");
      return answer.groups.map(({ time, dimensions, values }) =>
        [time, ...Object.values(dimensions), ...values].filter((part) => part !== undefined),
      );
    };

    test("days begin at the organization's midnight", async () => {
      const times = ["05-01T21:59:59Z", "05-01T22:00:00Z", "05-02T21:59:59Z"];
      await send(times.map((time, i) => event(`${i}`, 10 ** i, { ts: `2024-${time}` })));
      const byDay = { groups: [{ kind: "time", frequency: "DAY" }] } as const;
      // Paris is two hours ahead in May: the first event is of May 1 there, the others of May 2.
      expect(await groups({ ...byDay, timeZone: "Europe/Paris" })).toEqual([
        ["2024-05-01T22:00:00Z", "110"],
        ["2024-04-30T22:00:00Z", "1"],
      ]);
      expect(await groups(byDay)).toEqual([
        ["2024-05-02T00:00:00Z", "100"],
        ["2024-05-01T00:00:00Z", "11"],
      ]);
    });

    test("the hour that comes twice on the last Sunday of October is two hours, the day has 25", async () => {
      const times = ["26T22:30", "27T00:30", "27T01:30", "27T22:30", "27T23:30"];
      await send(
        times.map((time, i) => event(`${i}`, 10 ** i, { ts: `2024-10-${time}:00Z` })),
        { at: Date.UTC(2024, 10, 1) },
      );
      const october = {
        start: Temporal.Instant.from("2024-10-01T00:00:00Z"),
        end: Temporal.Instant.from("2024-11-01T00:00:00Z"),
      };
      const paris = { timeZone: "Europe/Paris", window: october };
      // 02:30 summer time and 02:30 winter time.
      expect((await groups({ ...paris, groups: by("HOUR") })).slice(2, 4)).toEqual([
        ["2024-10-27T01:00:00Z", "100"],
        ["2024-10-27T00:00:00Z", "10"],
      ]);
      // From 22:00 UTC, midnight in summer, to 23:00 UTC, midnight in winter.
      expect(await groups({ ...paris, groups: by("DAY") })).toEqual([
        ["2024-10-27T23:00:00Z", "10000"],
        ["2024-10-26T22:00:00Z", "1111"],
      ]);
      expect(await groups({ ...paris, groups: by("WEEK") })).toEqual([
        ["2024-10-27T23:00:00Z", "10000"],
        ["2024-10-20T22:00:00Z", "1111"],
      ]);
      expect(await groups({ ...paris, groups: by("MONTH") })).toEqual([
        ["2024-09-30T22:00:00Z", "11111"],
      ]);
      expect(await groups({ ...paris, groups: by("QUARTER") })).toEqual([
        ["2024-09-30T22:00:00Z", "11111"],
      ]);
    });

    test.for(["HOUR", "DAY", "MONTH"] as const)(
      "functions that cut time differently meet in one group by %s",
      async (frequency) => {
        await send([event("a", 2, { ts: "2024-05-31T23:00:00Z" })], { at: Date.UTC(2024, 5, 2) });
        const held = { kind: "TIME_WEIGHTED_SUM", unit: "HOUR" } as const;
        const aggregations = (["SUM", held, "COUNT"] as const).map((method) => ({
          meterId: calls.id,
          fieldCode: "tokens",
          method,
        }));
        const [group, ...others] = await groups({ aggregations, groups: by(frequency) });
        expect(group?.slice(1)).toEqual(["2", "2", "1"]);
        expect(others).toEqual([]);
      },
    );

    test.for(["COUNT", "UNIQUE", "SUM"] as const)(
      "where nothing was measured, %s has no answer, grouped or not",
      async (method) => {
        await send([event("a", 1)]);
        const june = { start: may.end, end: Temporal.Instant.from("2024-07-01T00:00:00Z") };
        const aggregations = [{ meterId: calls.id, fieldCode: "tokens", method }];
        expect(await groups({ aggregations })).toHaveLength(1);
        expect(await groups({ aggregations, window: june })).toEqual([]);
        expect(await groups({ aggregations, window: june, groups: by("DAY") })).toEqual([]);
      },
    );

    test("by dimension, with filters, several functions and a limit", async () => {
      await send([
        event("a", 1),
        event("b", 2, { what: { model: "large" } }),
        event("c", 4, { what: { model: "large" } }),
      ]);
      const byModel = { groups: [{ kind: "dimension", fieldCode: "model" }] } as const;
      expect(await groups(byModel)).toEqual([
        ["large", "6"],
        ["small", "1"],
      ]);
      const filters = [{ meterId: calls.id, fieldCode: "model", values: ["large"] }];
      const count = { meterId: calls.id, fieldCode: "trace", method: "COUNT" } as const;
      const max = { meterId: calls.id, fieldCode: "tokens", method: "MAX" } as const;
      expect(await groups({ ...byModel, filters, aggregations: [count, max] })).toEqual([
        ["large", "2", "4"],
      ]);
      expect(await ask({ ...byModel, limit: 1 })).toMatchObject({ hasMore: true });
    });

    test("by account, over meters that do not all have values", async () => {
      await send([event("a", 1), event("b", 2, { account: "beta" })]);
      const answer = await ask({
        groups: [{ kind: "account" }],
        aggregations: [
          { meterId: calls.id, fieldCode: "tokens", method: "SUM" },
          { meterId: "another", fieldCode: "tokens", method: "SUM" },
        ],
      });
      const rows = ["acme", "beta"].map((code, i) => ({
        accountId: used.accountId(code),
        dimensions: {},
        values: [`${i + 1}`, null],
      }));
      expect(answer.kind === "groups" && new Set(answer.groups)).toEqual(new Set(rows));
    });

    test("without aggregations it gives the measurements, most recent first", async () => {
      await send([
        event("a", 0.1, { ts: "2024-05-02T00:00:00.000001Z", ets: "2024-05-02T01:00:00Z" }),
        event("b", 2),
        event("c", 3, { account: "beta" }),
      ]);
      const answer = await ask({
        aggregations: [],
        accountIds: [used.accountId("acme")],
      });
      const common = { meterId: calls.id, accountId: used.accountId("acme") };
      const receivedAt = Temporal.Instant.fromEpochMilliseconds(receivedAtMs);
      expect(answer).toEqual({
        kind: "events",
        hasMore: false,
        events: [
          {
            ...common,
            uid: "b",
            ts: Temporal.Instant.from("2024-05-10T00:00:00Z"),
            ets: undefined,
            receivedAt,
            numbers: { tokens: "2" },
            texts: { model: "small", trace: "b" },
          },
          {
            ...common,
            uid: "a",
            ts: Temporal.Instant.from("2024-05-02T00:00:00.000001Z"),
            ets: Temporal.Instant.from("2024-05-02T01:00:00Z"),
            receivedAt,
            numbers: { tokens: "0.1" },
            texts: { model: "small", trace: "a" },
          },
        ],
      });
      expect(await ask({ aggregations: [], limit: 2 })).toMatchObject({ hasMore: true });
    });
  });
};
