/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { describe, expect, test } from "vitest";
import { batchOf } from "./usage-changes.ts";
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
import type { AggregationMethod } from "./usage-store.ts";

const day = 86_400_000;

const values = (tokens: number, change: object = {}) => ({
  amendment: {
    measure: { tokens },
    what: { model: "small" },
    metadata: { trace: "corrected" },
    ...change,
  },
});

/** What voids and amendments do on every usage store. */
export const usageCorrectionsSuite = (
  name: string,
  create: () => Promise<UsageStoreFixture>,
): void => {
  describe(`corrections on ${name}`, () => {
    const used = storeOfEachTest(create);

    const correct = async (uid: string, change: object = {}, at = receivedAtMs) => {
      const by = { correctedBy: "somebody", reason: "it was wrong" };
      return used.store.correct({ orgId: org, uid, ...by, receivedAtMs: at, ...change });
    };

    const total = async (method: AggregationMethod = "SUM", change = {}) => {
      const request = { orgId: org, meterId: calls.id, targetField: "tokens", window: may };
      const found = await used.store.aggregate({ ...request, method, ...change });
      return Object.fromEntries(
        found.map(({ accountId, quantity }) => {
          const isAcme = used.accountId("acme") === accountId;
          return [isAcme ? "acme" : "beta", quantity];
        }),
      );
    };

    const corrected = { kind: "corrected", failures: [] };

    test("a void takes a measurement out of aggregates, queries and scans, for good", async () => {
      await sendTo(used.store, [event("a", 1), event("b", 2)]);
      expect(await correct("a")).toEqual(corrected);
      const seen = async () => {
        const accountId = used.accountId("acme");
        const question = { window: may, timeZone: "UTC", filters: [], groups: [], limit: 9 };
        const answer = await used.store.query({ orgId: org, ...question, aggregations: [] });
        const page = { orgId: org, meterId: calls.id, sources: [{ accountId, window: may }] };
        const { events } = await used.store.scan({ ...page, limit: 9 });
        const queried = answer.kind === "events" ? answer.events.map(({ uid }) => uid) : [];
        return [await total(), await total("COUNT"), queried, events.map(({ uid }) => uid)];
      };
      const onlyB = [{ acme: "2" }, { acme: "1" }, ["b"], ["b"]];
      expect(await seen()).toEqual(onlyB);
      await used.reopen();
      expect(await seen()).toEqual(onlyB);
    });

    test("what was stored last with a uid is known, and whether it was corrected", async () => {
      const changes = { ets: "2024-05-11T00:00:00Z", cost: { extra: 1e-13 }, who: { a: "b" } };
      await sendTo(used.store, [event("a", 1e30, changes), event("b", 0.1)]);
      const ingested = async (uid: string) => {
        const request = { orgId: org, uids: [uid], askedAtMs: receivedAtMs };
        return (await used.store.ingested(request)).get(uid);
      };
      const known = {
        meterId: calls.id,
        accountId: used.accountId("acme"),
        ts: Temporal.Instant.from("2024-05-10T00:00:00Z"),
        ets: Temporal.Instant.from("2024-05-11T00:00:00Z"),
        fields: new Map([
          ["measure.tokens", `1${"0".repeat(30)}`],
          ["what.model", "small"],
          ["metadata.trace", "a"],
          ["who.a", "b"],
          ["cost.extra", "0.0000000000001"],
        ]),
        isCorrected: false,
        batch: batchOf(await used.store.mark()),
      };
      expect(await ingested("a")).toEqual(known);
      await used.reopen();
      expect(await ingested("a")).toEqual(known);
      await correct("a");
      expect(await ingested("a")).toEqual({ ...known, isCorrected: true });
      expect(await ingested("b")).toMatchObject({ ets: undefined, isCorrected: false });
      await correct("b", values(3));
      expect(await ingested("b")).toMatchObject({
        fields: new Map([
          ["measure.tokens", "3"],
          ["what.model", "small"],
          ["metadata.trace", "corrected"],
        ]),
        isCorrected: true,
        batch: batchOf(await used.store.mark()),
      });
      expect(await ingested("c")).toBeUndefined();
    });

    test("voiding again changes nothing, and the uid stays a duplicate", async () => {
      await sendTo(used.store, [event("a", 1)]);
      expect(await correct("a")).toEqual(corrected);
      expect(await correct("a")).toEqual(corrected);
      expect(await total()).toEqual({});
      expect(await sendTo(used.store, [event("a", 1)])).toMatchObject({ stored: 0 });
      await used.reopen();
      expect(await sendTo(used.store, [event("a", 1)])).toMatchObject({ stored: 0 });
      expect(await correct("a")).toEqual(corrected);
      expect(await total()).toEqual({});
    });

    test("an amendment gives new values; account, meter and times stay unless stated", async () => {
      await sendTo(used.store, [
        event("a", 1, { ts: "2024-05-03T00:00:00Z", ets: "2024-05-04T00:00:00Z" }),
      ]);
      const [ts, ets] = ["2024-05-03T00:00:00Z", "2024-05-04T00:00:00Z"];
      const { amendment: fields } = values(5);
      const amended = { account: "acme", meter: calls.code, ts, ets, fields };
      expect(await correct("a", values(5))).toEqual({ ...corrected, amended });
      expect(await correct("a", values(5))).toEqual({ ...corrected, amended });
      expect(await total()).toEqual({ acme: "5" });
      const third = Temporal.Instant.from("2024-05-03T00:00:00Z");
      const second = { start: third, end: third.add({ seconds: 1 }) };
      expect(await total("SUM", { window: second })).toEqual({ acme: "5" });
      const moved = { ts: "2024-05-05T00:00:00Z", account: "beta" };
      expect(await correct("a", values(6, moved))).toMatchObject({
        amended: { ...moved, ets: undefined },
      });
      expect(await total()).toEqual({ beta: "6" });
      expect(await total("SUM", { window: second })).toEqual({});
    });

    test("an amendment can move a measurement to another meter", async () => {
      const other = { ...calls, id: "33333333-0000-4000-8000-000000000003", code: "other" };
      used.directory.putMeter(org, other);
      await sendTo(used.store, [event("a", 1)]);
      await correct("a", values(5, { meter: "other" }));
      expect(await total()).toEqual({});
      expect(await total("SUM", { meterId: other.id })).toEqual({ acme: "5" });
    });

    test("the last correction counts, across a restart", async () => {
      await sendTo(used.store, [event("a", 1), event("b", 100)]);
      await correct("a", values(2));
      await used.reopen();
      await correct("a", values(3));
      expect(await total()).toEqual({ acme: "103" });
      await correct("a");
      expect(await total()).toEqual({ acme: "100" });
      await correct("a", values(3));
      expect(await total()).toEqual({ acme: "103" });
      expect(await total("COUNT")).toEqual({ acme: "2" });
    });

    test("an amendment sent twice counts once", async () => {
      await sendTo(used.store, [event("a", 1)]);
      const outcomes = await Promise.all([correct("a", values(2)), correct("a", values(2))]);
      expect(outcomes).toMatchObject([corrected, corrected]);
      expect(await total("COUNT")).toEqual({ acme: "1" });
      expect(await total()).toEqual({ acme: "2" });
    });

    test("an amendment received by an earlier clock than its measurement is the last one", async () => {
      await sendTo(used.store, [event("a", 8), event("b", 4)]);
      const earlier = receivedAtMs - 2000;
      for (const tokens of [2, 2]) await correct("a", values(tokens), earlier);
      expect(await total()).toEqual({ acme: "6" });
      await correct("a", {}, earlier);
      expect(await total()).toEqual({ acme: "4" });
    });

    test("a correction that overtakes its measurement's answer finds it", async () => {
      // The meter and the account are known, so that the measurement is in a group at once.
      await sendTo(used.store, [event("b", 2)]);
      const sent = sendTo(used.store, [event("a", 1)]);
      expect(await correct("a")).toEqual(corrected);
      expect(await sent).toMatchObject({ kind: "accepted", stored: 1 });
      expect(await total()).toEqual({ acme: "2" });
    });

    test("a uid beyond the dedupe window is found; of two measurements the last is meant", async () => {
      await sendTo(used.store, [event("a", 1), event("old", 10)]);
      const later = receivedAtMs + 40 * day;
      await sendTo(used.store, [event("a", 100)], { at: later });
      expect(await correct("old", {}, later)).toEqual(corrected);
      expect(await total()).toEqual({ acme: "101" });
      expect(await correct("a", {}, later)).toEqual(corrected);
      expect(await total()).toEqual({ acme: "1" });
    });

    test("an amended uid is a duplicate for the window after its amendment", async () => {
      await sendTo(used.store, [event("a", 1)]);
      await correct("a", values(2), receivedAtMs + 30 * day);
      const at = receivedAtMs + 60 * day;
      expect(await sendTo(used.store, [event("a", 1)], { at })).toMatchObject({ stored: 0 });
      await used.reopen();
      expect(await sendTo(used.store, [event("a", 1)], { at })).toMatchObject({ stored: 0 });
      expect(await total()).toEqual({ acme: "2" });
    });

    test("derived fields are calculated anew", async () => {
      const derivedFields = [
        { code: "ratio", category: "MEASURE", calculation: "10 / tokens" } as const,
      ];
      used.directory.putMeter(org, { ...calls, derivedFields });
      await sendTo(used.store, [event("a", 5)]);
      await correct("a", values(4));
      expect(await total("SUM", { targetField: "ratio" })).toEqual({ acme: "2.5" });
      expect(await correct("a", values(0))).toMatchObject({
        kind: "corrected",
        failures: [{ kind: "CalculationError" }],
      });
      expect(await total("SUM", { targetField: "ratio" })).toEqual({});
    });

    test("a uid that nobody sent, and one of another organization, are unknown", async () => {
      const otherOrg = "another organization";
      used.directory.putMeter(otherOrg, calls);
      await sendTo(used.store, [event("theirs", 1)], { orgId: otherOrg });
      expect(await correct("theirs")).toEqual({ kind: "unknown" });
      expect(await correct("no'ne\u0000")).toEqual({ kind: "unknown" });
    });

    test.each([
      [{ ts: "soon" }, "ts"],
      [{ measure: {} }, "MissingField"],
      [{ meter: "nothing" }, "UndefinedMeter"],
      [{ account: "ACME" }, "InvalidAccountCode"],
      [{ ts: "2024-05-20T12:05:01Z" }, "TimestampInFuture"],
    ])("an amendment with %j is refused and changes nothing", async (change, field) => {
      await sendTo(used.store, [event("a", 1)]);
      const refused = { kind: "invalid", errors: [{ field }] };
      expect(await correct("a", values(2, change))).toMatchObject(refused);
      expect(await total()).toEqual({ acme: "1" });
    });
  });
};
