/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { deflateSync, gzipSync } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import {
  org,
  receivedAtMs,
  may,
  calls,
  event,
  sendTo,
  storeOfEachTest,
} from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";
import type { AggregationMethod, IngestOutcome } from "./usage-store.ts";

const otherOrg = "0b3c0c6e-0000-4000-8000-000000000002";
const places = {
  id: "22222222-0000-4000-8000-000000000002",
  code: "places",
  dataFields: [
    { code: "n", category: "MEASURE" },
    { code: "location", category: "WHERE" },
    { code: "type", category: "WHAT" },
  ],
  derivedFields: [],
} as const;

const placed = (location: string, type: string, n: number): object => ({
  meter: "places",
  account: "acme",
  ts: "2024-05-10T00:00:00Z",
  measure: { n },
  where: { location },
  what: { type },
});

const line = (uid: string): Buffer => Buffer.from(`${JSON.stringify(event(uid, 1))}\n`);

/** What every usage store does, whatever it is made of. */
export const usageStoreSuite = (name: string, create: () => Promise<UsageStoreFixture>): void => {
  describe(`usage store on ${name}`, () => {
    const used = storeOfEachTest(create);

    const send = (measurements: readonly object[], options = {}): Promise<IngestOutcome> =>
      sendTo(used.store, measurements, options);

    const verdicts = async (measurements: readonly object[], options = {}) => {
      const outcome = await send(measurements, options);
      if (outcome.kind !== "accepted") throw new Error(`the batch was ${outcome.kind}`);
      return outcome.failures.map(({ index, kind }) => `${index} ${kind}`);
    };

    const quantities = async (method: AggregationMethod, change = {}) => {
      const request = { orgId: org, meterId: calls.id, targetField: "tokens", window: may };
      const found = await used.store.aggregate({ ...request, method, ...change });
      const codes = found.map(({ accountId, quantity }) => {
        const code = ["acme", "beta"].find((c) => used.accountId(c) === accountId);
        return [code ?? "another account", quantity];
      });
      return Object.fromEntries(codes);
    };

    const bySegment = async (segments: readonly Record<string, string>[], filters = {}) => {
      const found = await used.store.aggregate({
        orgId: org,
        meterId: places.id,
        method: "SUM",
        targetField: "n",
        window: may,
        segmentation: { fields: ["location", "type"], segments },
        ...filters,
      });
      return found.map(({ segment, quantity }) => `${segment}: ${quantity}`).sort();
    };

    test("a measurement is visible once it is accepted", async () => {
      expect(await send([event("a", 10)])).toEqual({ kind: "accepted", stored: 1, failures: [] });
      expect(await quantities("SUM")).toEqual({ acme: "10" });
    });

    test("the worked example of m3ter semantics 3.8: a duplicate, and a correction of last month", async () => {
      await send([event("l", 9, { ts: "2024-04-10T00:00:00Z" })]);
      expect(
        await verdicts([
          event("a", 10),
          event("a", 10),
          event("b", -4, { ts: "2024-04-10T00:00:00Z" }),
        ]),
      ).toEqual(["1 DuplicateUid"]);
      const april = { start: Temporal.Instant.from("2024-04-01T00:00:00Z"), end: may.start };
      expect(await quantities("SUM")).toEqual({ acme: "10" });
      // 9 - 4
      expect(await quantities("SUM", { window: april })).toEqual({ acme: "5" });
    });

    test("sums give back the digits that were written", async () => {
      await send([0.1, 0.2, 123_456_789.123_45, 1e21, 5e-12].map((n, i) => event(`${i}`, n)));
      // 1e21 + 123,456,789.12345 + 0.3 + 0.000000000005
      expect(await quantities("SUM")).toEqual({ acme: "1000000000000123456789.423450000005" });
    });

    test.each([
      ["SUM", "12"],
      ["COUNT", "4"],
      ["MIN", "-0.5"],
      ["MAX", "7.5"],
      ["MEAN", "3"],
      ["LATEST", "3"],
      ["UNIQUE", "4"],
    ] as const)("%s of 2, 7.5, -0.5 and 3 is %s", async (method, quantity) => {
      const times = ["05-02", "05-03", "05-01", "05-04"];
      const values = [2, 7.5, -0.5, 3];
      await send(values.map((n, i) => event(`${i}`, n, { ts: `2024-${times[i]}T00:00:00Z` })));
      expect(await quantities(method)).toEqual({ acme: quantity });
    });

    test("of several latest values the one received last counts, then the highest uid", async () => {
      await send([event("c", 1), event("d", 2), event("b", 3)]);
      expect(await quantities("LATEST")).toEqual({ acme: "2" });
      await send([event("a", 4)], { at: receivedAtMs + 60_000 });
      expect(await quantities("LATEST")).toEqual({ acme: "4" });
    });

    test("UNIQUE and COUNT take strings", async () => {
      await send([event("a", 1), event("b", 1), event("c", 1, { metadata: { trace: "a" } })]);
      expect(await quantities("UNIQUE", { targetField: "trace" })).toEqual({ acme: "2" });
      expect(await quantities("COUNT", { targetField: "model" })).toEqual({ acme: "3" });
    });

    test("a window has its start and not its end", async () => {
      await send(
        [
          event("a", 1, { ts: "2024-04-30T23:59:59.999999Z" }),
          event("b", 10, { ts: "2024-05-01T00:00:00Z" }),
          event("c", 100, { ts: "2024-05-31T23:59:59.999999Z" }),
          event("d", 1000, { ts: "2024-06-01T02:00:00+02:00" }),
        ],
        { at: receivedAtMs + 30 * 86_400_000 },
      );
      expect(await quantities("SUM")).toEqual({ acme: "110" });
    });

    test("accounts are told apart, and can be chosen", async () => {
      await send([event("a", 1), event("b", 2, { account: "beta" })]);
      expect(await quantities("SUM")).toEqual({ acme: "1", beta: "2" });
      const accountIds = [used.accountId("beta"), "unknown"];
      expect(await quantities("SUM", { accountIds })).toEqual({ beta: "2" });
    });

    describe("segments", () => {
      beforeEach(async () => {
        used.directory.putMeter(org, places);
        await send([
          placed("UK", "Standard", 2),
          placed("UK", "Complete", 1),
          placed("USA", "Standard", 5),
        ]);
      });

      test("the worked example of m3ter semantics 6.4: each measurement is in the most specific one", async () => {
        const segments = [
          { location: "UK", type: "Standard" },
          { location: "UK", type: "*" },
          { location: "*", type: "*" },
        ];
        expect(await bySegment(segments)).toEqual(["0: 2", "1: 1", "2: 5"]);
      });

      test.each(["unknown", "constructor", "__proto__"])(
        "a segment that does not say %s takes any value of it",
        async (field) => {
          const segmentation = { fields: ["location", field], segments: [{ location: "UK" }] };
          expect(await bySegment([], { segmentation })).toEqual(["0: 3"]);
        },
      );

      test("of as many wildcards the earlier field wins; no segment, no quantity", async () => {
        const segments = [{ type: "Standard" }, { location: "UK" }];
        // Both UK rows ask for the location, which comes before the type.
        expect(await bySegment(segments)).toEqual(["0: 5", "1: 3"]);
        expect(await bySegment([{ location: "France" }])).toEqual([]);
        expect(await bySegment([{ location: "O'Neill\u0000" }])).toEqual([]);
      });

      test.each([
        ["INCLUDE location UK", ["0: 3"]],
        ["INCLUDE location UK, INCLUDE location USA", ["0: 8"]],
        ["INCLUDE location UK, INCLUDE type Standard", ["0: 2"]],
        ["EXCLUDE location UK", ["0: 5"]],
        ["INCLUDE type Standard, EXCLUDE location USA", ["0: 2"]],
        ["INCLUDE unknown x", []],
        ["EXCLUDE unknown x", ["0: 8"]],
      ])("filters: %s", async (text, expected) => {
        const filters = text.split(", ").map((filter) => {
          const [mode, dimensionCode, value] = filter.split(" ");
          return { mode, dimensionCode, value };
        });
        expect(await bySegment([{}], { filters })).toEqual(expected);
      });
    });

    test("derived fields are calculated when a measurement is stored", async () => {
      used.directory.putMeter(org, {
        ...calls,
        derivedFields: [
          // Used before it is defined: 1,000 tokens are a unit.
          { code: "price", category: "MEASURE", calculation: "units * 0.3" },
          { code: "units", category: "MEASURE", calculation: "tokens / 1000" },
          { code: "third", category: "MEASURE", calculation: "tokens / 3" },
          { code: "label", category: "WHAT", calculation: 'model + "/" + account' },
        ],
      });
      await send([event("a", 1500), event("b", 500)]);
      // 1.5 × 0.3 + 0.5 × 0.3
      expect(await quantities("SUM", { targetField: "price" })).toEqual({ acme: "0.6" });
      expect(await quantities("UNIQUE", { targetField: "label" })).toEqual({ acme: "1" });
      await send([event("c", 2)]);
      // 2 / 3 to 18 digits
      const least = { targetField: "third" };
      expect(await quantities("MIN", least)).toEqual({ acme: "0.666666666666666667" });
    });

    test("a measurement whose calculation fails is stored without the derived value", async () => {
      const derivedFields = [
        { code: "ratio", category: "MEASURE", calculation: "10 / tokens" } as const,
      ];
      used.directory.putMeter(org, { ...calls, derivedFields });
      const outcome = await send([event("a", 0), event("b", 4)]);
      expect(outcome).toMatchObject({
        kind: "accepted",
        stored: 2,
        failures: [{ index: 0, kind: "CalculationError" }],
      });
      expect(await quantities("COUNT")).toEqual({ acme: "2" });
      expect(await quantities("SUM", { targetField: "ratio" })).toEqual({ acme: "2.5" });
    });

    test("organizations share neither uids nor usage", async () => {
      used.directory.putMeter(otherOrg, calls);
      await send([event("a", 1)]);
      expect(await verdicts([event("a", 2)], { orgId: otherOrg })).toEqual([]);
      expect(await quantities("SUM")).toEqual({ acme: "1" });
    });

    describe("a measurement that is not stored gets its verdict, the others are stored", () => {
      test.each([
        [{ meter: "nothing" }, "UndefinedMeter"],
        [{ measure: {} }, "MissingField"],
        [{ what: {}, where: { model: "small" } }, "MissingField"],
        [{ where: { model: "small" } }, "DuplicateField"],
        [{ account: "ACME" }, "InvalidAccountCode"],
        [{ uid: "first" }, "DuplicateUid"],
        [{ ts: "2024-05-20T12:05:01Z" }, "TimestampInFuture"],
        [{ ets: "2024-05-09T23:59:59Z" }, "EndBeforeStart"],
      ])("%j: %s", async (change, kind) => {
        expect(await verdicts([event("first", 1), event("second", 2, change)])).toEqual([
          `1 ${kind}`,
        ]);
        expect(await quantities("SUM")).toEqual({ acme: "1" });
      });

      test("and can be corrected and sent again with its uid", async () => {
        expect(await verdicts([event("a", 1, { meter: "nothing" })])).toEqual(["0 UndefinedMeter"]);
        expect(await verdicts([event("a", 1)])).toEqual([]);
      });

      test("with the measurement as it was sent", async () => {
        const wrong = event("a", 1, { meter: "nothing" });
        const outcome = await send([wrong]);
        expect(outcome.kind === "accepted" && outcome.failures[0]?.measurement).toEqual(wrong);
      });
    });

    test("a measurement from the future is refused; a client clock 5 minutes ahead is not", async () => {
      expect(await verdicts([event("a", 1, { ts: "2024-05-20T12:05:01Z" })])).toEqual([
        "0 TimestampInFuture",
      ]);
      expect(await verdicts([event("a", 1, { ts: "2024-05-20T12:05:00Z" })])).toEqual([]);
    });

    test("an account is created for its first usage, not for usage that is refused", async () => {
      await send([event("a", 1, { account: "beta", meter: "nothing" })]);
      expect(used.directory.accountId(org, "beta")).toBeUndefined();
      await send([event("a", 1, { account: "beta" })]);
      expect(await quantities("SUM")).toEqual({ beta: "1" });
    });

    test("an invalid body stores nothing and names the field", async () => {
      expect(await send([event("a", 1), event("b", 1, { ts: "soon" })])).toMatchObject({
        kind: "invalid",
        errors: [{ field: "measurements[1].ts" }],
      });
      expect(await quantities("SUM")).toEqual({});
    });

    test("a uid is a duplicate for 35 days of received time, across restarts", async () => {
      const day = 86_400_000;
      await send([event("a", 1)]);
      await used.reopen();
      expect(await verdicts([event("a", 2)], { at: receivedAtMs + 35 * day - 1000 })).toEqual([
        "0 DuplicateUid",
      ]);
      expect(await verdicts([event("a", 4)], { at: receivedAtMs + 35 * day })).toEqual([]);
      expect(await quantities("SUM")).toEqual({ acme: "5" });
    });

    test("measurements without a uid are all different", async () => {
      const anonymous = event("", 1, { metadata: { trace: "t" } });
      expect(await verdicts([anonymous, anonymous])).toEqual([]);
      expect(await quantities("SUM")).toEqual({ acme: "2" });
    });

    test("a field that the meter gets later is kept from then on", async () => {
      await send([event("a", 1)]);
      const dataFields = [...calls.dataFields, { code: "bytes", category: "MEASURE" } as const];
      used.directory.putMeter(org, { ...calls, dataFields });
      expect(await verdicts([event("b", 2)])).toEqual(["0 MissingField"]);
      await send([event("b", 2, { measure: { tokens: 2, bytes: 7 } })]);
      expect(await quantities("SUM", { targetField: "bytes" })).toEqual({ acme: "7" });
      await used.reopen();
      await send([event("c", 3, { measure: { tokens: 3, bytes: 8 } })]);
      expect(await quantities("SUM", { targetField: "bytes" })).toEqual({ acme: "15" });
      expect(await quantities("SUM")).toEqual({ acme: "6" });
    });

    test("a meter is found as soon as it exists", async () => {
      expect(await verdicts([event("a", 1, { meter: "fresh" })])).toEqual(["0 UndefinedMeter"]);
      used.directory.putMeter(org, { ...calls, id: "fresh-id", code: "fresh" });
      expect(await verdicts([event("a", 1, { meter: "fresh" })])).toEqual([]);
    });

    test("strings of any kind are kept as they are", async () => {
      const traces = ["", "a\u0000b", "é", "\u{1f600}", "x".repeat(256), "'\"\\"];
      await send(traces.map((trace, i) => event(`ü${i}`, 1, { metadata: { trace } })));
      expect(await quantities("UNIQUE", { targetField: "trace" })).toEqual({ acme: "6" });
      await used.reopen();
      expect(await verdicts([event("ü0", 1), event("ü6", 1)])).toEqual(["0 DuplicateUid"]);
    });

    test("concurrent batches with the same uids store each once", async () => {
      const batch = Array.from({ length: 200 }, (_, i) => event(`${i}`, 1));
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => send(batch)));
      const stored = outcomes.map((outcome) => (outcome.kind === "accepted" ? outcome.stored : -1));
      expect(stored.reduce((total, n) => total + n, 0)).toBe(200);
      expect(await quantities("COUNT")).toEqual({ acme: "200" });
    });

    test("NDJSON, gzip and deflate bodies are read", async () => {
      const common = { orgId: org, format: "ndjson", receivedAtMs } as const;
      const kinds = await Promise.all([
        used.store.ingest({ ...common, body: line("a"), encoding: "identity" }),
        used.store.ingest({ ...common, body: gzipSync(line("b")), encoding: "gzip" }),
        used.store.ingest({ ...common, body: deflateSync(line("c")), encoding: "deflate" }),
        used.store.ingest({ ...common, body: line("d"), encoding: "gzip" }),
      ]);
      expect(kinds.map(({ kind }) => kind)).toEqual([
        "accepted",
        "accepted",
        "accepted",
        "invalid",
      ]);
      expect(await quantities("SUM")).toEqual({ acme: "3" });
    });
  });
};
