/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { describe, expect, test } from "vitest";
import { calls, event, may, org, sendTo, storeOfEachTest } from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";
import type { IngestOutcome } from "./usage-store.ts";

/** How every usage store gives its events back. */
export const usageScanSuite = (name: string, create: () => Promise<UsageStoreFixture>): void => {
  describe(`scans of ${name}`, () => {
    const used = storeOfEachTest(create);

    const send = (measurements: readonly object[]): Promise<IngestOutcome> =>
      sendTo(used.store, measurements, {});

    const scanned = async (change: object = {}) => {
      const accountId = used.accountId("acme");
      const page = await used.store.scan({
        orgId: org,
        meterId: calls.id,
        sources: [{ accountId, window: may }],
        limit: 100,
        ...change,
      });
      return { ...page, uids: page.events.map(({ uid }) => uid) };
    };

    test("a scan gives the events of the sources back as they were written, oldest first", async () => {
      await send([
        event("late", 3, { ts: "2024-05-12T00:00:00Z" }),
        event("first", 0.25, { ts: "2024-05-01T00:00:00Z" }),
        event("before", 1, { ts: "2024-04-30T23:59:59.999Z" }),
        event("other", 1, { account: "beta" }),
      ]);
      await send([event("tie-1", 1), event("tie-2", 1)]);
      const { uids, events, next } = await scanned();
      expect(uids).toEqual(["first", "tie-1", "tie-2", "late"]);
      expect(next).toBeUndefined();
      expect(events[0]).toEqual({
        uid: "first",
        accountId: used.accountId("acme"),
        ts: "2024-05-01T00:00:00Z",
        receivedAt: "2024-05-20T12:00:00Z",
        numbers: { tokens: "0.25" },
        texts: { model: "small", trace: "first" },
      });
    });

    test("a scan goes on where its page ended, also among events of one instant and new ones", async () => {
      await send(Array.from({ length: 5 }, (_, i) => event(`${i}`, 1)));
      const first = await scanned({ limit: 2 });
      await send([event("early", 1, { ts: "2024-05-02T00:00:00Z" }), event("5", 1)]);
      const second = await scanned({ limit: 2, after: first.next });
      const third = await scanned({ limit: 2, after: second.next });
      expect([...first.uids, ...second.uids, ...third.uids]).toEqual([
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
      ]);
      expect(third.next).toBeUndefined();
    });

    test("a scan of what an aggregation counts has the very events that the aggregate counts", async () => {
      const models = ["small", "large", "huge"];
      await send([
        ...models.flatMap((model, index) => [
          event(`${model}-t`, index + 1, { what: { model }, metadata: { trace: "t" } }),
          event(`${model}-u`, index + 10, { what: { model }, metadata: { trace: "u" } }),
        ]),
        event("tiny-t", 5, { what: { model: "tiny" }, metadata: { trace: "t" } }),
      ]);
      const segmentation = {
        fields: ["model", "trace"],
        segments: [
          { model: "small", trace: "*" },
          { model: "*", trace: "t" },
          { model: "huge", trace: "t" },
        ],
      };
      const filters = [{ dimensionCode: "model", value: "large", mode: "EXCLUDE" } as const];
      const accountId = used.accountId("acme");
      const asked = { orgId: org, meterId: calls.id, targetField: "tokens", filters };
      const counts = await used.store.aggregate({
        ...asked,
        method: "COUNT",
        accountIds: [accountId],
        window: may,
        segmentation,
      });
      const expected = [["small-t", "small-u"], ["tiny-t"], ["huge-t"]];
      for (const [segment, uids] of expected.entries()) {
        const counted = { targetField: "tokens", filters, segmentation, segment };
        expect((await scanned({ counted })).uids.toSorted()).toEqual(uids);
        const count = counts.find((one) => one.segment === segment)?.quantity;
        expect(count).toBe(String(uids.length));
        const first = await scanned({ counted, limit: 1 });
        const second = await scanned({ counted, limit: 1, after: first.next });
        expect([...first.uids, ...(first.next === undefined ? [] : second.uids)]).toEqual(uids);
      }
      expect((await scanned({ counted: { targetField: "gone", filters: [] } })).uids).toEqual([]);
    });

    test("a scan of what is unknown is empty", async () => {
      await send([event("a", 1)]);
      expect(await scanned({ meterId: "unknown" })).toMatchObject({ events: [] });
      expect(await scanned({ orgId: "another organization" })).toMatchObject({ events: [] });
      expect(await scanned({ sources: [] })).toMatchObject({ events: [] });
    });
  });
};
