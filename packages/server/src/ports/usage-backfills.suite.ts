/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { describe, expect, test } from "vitest";
import type { BackfillStep, ReplacedUsage } from "./usage-backfills.ts";
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

const done = { kind: "done" };
const by = { requestedBy: "somebody", receivedAtMs };
const everything: ReplacedUsage = { meterIds: [calls.id], window: may };

/** What backfills do on every usage store. */
export const usageBackfillsSuite = (
  name: string,
  create: () => Promise<UsageStoreFixture>,
): void => {
  describe(`backfills on ${name}`, () => {
    const used = storeOfEachTest(create);

    const fill = (backfillId: string, measurements: readonly object[]) =>
      used.store.ingest({
        orgId: org,
        backfillId,
        body: Buffer.from(JSON.stringify({ measurements })),
        format: "json",
        encoding: "identity",
        receivedAtMs,
      });

    const step = (kind: BackfillStep, backfillId: string, replaces?: ReplacedUsage) =>
      used.store.stepBackfill({ orgId: org, backfillId, step: kind, replaces, ...by });

    const total = async (change = {}) => {
      const request = { orgId: org, meterId: calls.id, targetField: "tokens", window: may };
      const found = await used.store.aggregate({ ...request, method: "SUM", ...change });
      return Object.fromEntries(
        found.map(({ accountId, quantity }) => {
          const isAcme = used.accountId("acme") === accountId;
          return [isAcme ? "acme" : "beta", quantity];
        }),
      );
    };

    const correct = (uid: string, tokens?: number, change: object = {}) => {
      const amendment = tokens !== undefined && {
        amendment: { ...event("", tokens), uid: undefined, ...change },
      };
      const request = { orgId: org, uid, correctedBy: "somebody", reason: "wrong", receivedAtMs };
      return used.store.correct({ ...request, ...amendment });
    };

    test("it counts from its reveal to its revert, and across restarts", async () => {
      await sendTo(used.store, [event("a", 1)]);
      expect(await fill("b1", [event("x", 10), event("y", 20, { account: "beta" })])).toEqual({
        kind: "accepted",
        stored: 2,
        failures: [],
      });
      const seen: unknown[] = [await total()];
      await used.reopen();
      seen.push(await total());
      expect(await step("reveal", "b1")).toEqual(done);
      seen.push(await total());
      await used.reopen();
      seen.push(await total());
      expect(await step("revert", "b1")).toEqual(done);
      seen.push(await total());
      await used.reopen();
      seen.push(await total());
      const [hidden, revealed] = [{ acme: "1" }, { acme: "11", beta: "20" }];
      expect(seen).toEqual([hidden, hidden, revealed, revealed, hidden, hidden]);
    });

    test("its own view has counts and sums before anybody else sees them", async () => {
      await fill("b1", [
        event("x", 0.1, { ts: "2024-05-02T00:00:00Z" }),
        event("y", 0.2, { account: "beta" }),
      ]);
      const meter = {
        meterId: calls.id,
        measurements: 2,
        accounts: 2,
        firstTs: "2024-05-02T00:00:00Z",
        lastTs: "2024-05-10T00:00:00Z",
        sums: { tokens: "0.3" },
      };
      const key = { orgId: org, backfillId: "b1" };
      expect(await used.store.backfill(key)).toEqual({ state: "hidden", meters: [meter] });
      expect(await used.store.backfill({ ...key, backfillId: "b2" })).toEqual({
        state: "hidden",
        meters: [],
      });
      await step("reveal", "b1");
      expect(await used.store.backfill(key)).toEqual({ state: "revealed", meters: [meter] });
    });

    test("what it replaces is what counts when it is revealed, and comes back with the revert", async () => {
      await sendTo(used.store, [
        event("a", 1),
        event("b", 2, { ts: "2024-04-30T23:59:59Z" }),
        event("c", 4, { account: "beta" }),
      ]);
      await fill("b1", [event("a", 100)]);
      const accountIds = [used.accountId("acme"), "nobody"];
      expect(await step("reveal", "b1", { ...everything, accountIds })).toEqual(done);
      expect(await total()).toEqual({ acme: "100", beta: "4" });
      const april = { start: Temporal.Instant.from("2024-04-01T00:00:00Z"), end: may.start };
      expect(await total({ window: april })).toEqual({ acme: "2" });
      await sendTo(used.store, [event("later", 8)]);
      expect(await total()).toEqual({ acme: "108", beta: "4" });
      await used.reopen();
      expect(await total()).toEqual({ acme: "108", beta: "4" });
      await step("revert", "b1");
      expect(await total()).toEqual({ acme: "9", beta: "4" });
    });

    test("each step is taken once, and only from the state before it", async () => {
      await fill("b1", [event("x", 10)]);
      expect(await step("revert", "b1")).toEqual({ kind: "wrong-state", state: "hidden" });
      expect(await Promise.all([step("reveal", "b1"), step("reveal", "b1")])).toEqual([done, done]);
      expect(await step("discard", "b1")).toEqual({ kind: "wrong-state", state: "revealed" });
      await step("revert", "b1");
      expect(await step("revert", "b1")).toEqual(done);
      expect(await step("reveal", "b1")).toEqual({ kind: "wrong-state", state: "reverted" });
      await step("discard", "b2");
      expect(await step("discard", "b2")).toEqual(done);
      expect(await step("reveal", "b2")).toEqual({ kind: "wrong-state", state: "discarded" });
      expect(await total()).toEqual({});
    });

    test.each(["reveal", "discard"] as const)("nothing joins after a %s", async (kind) => {
      await fill("b1", [event("x", 10)]);
      const sent = fill("b1", [event("y", 20)]);
      const [, outcome] = await Promise.all([step(kind, "b1"), sent]);
      const { meters } = await used.store.backfill({ orgId: org, backfillId: "b1" });
      expect(meters[0]?.sums).toEqual({ tokens: outcome.kind === "accepted" ? "30" : "10" });
      const closed = { kind: "invalid", errors: [{ field: "id" }] };
      expect(await fill("b1", [event("z", 40)])).toMatchObject(closed);
      await used.reopen();
      expect(await fill("b1", [event("z", 40)])).toMatchObject(closed);
    });

    test("its uids are its own: twice in it is a duplicate, before and after a restart", async () => {
      await sendTo(used.store, [event("a", 1)]);
      await fill("b1", [event("a", 10)]);
      await used.reopen();
      expect(await fill("b1", [event("a", 10)])).toMatchObject({
        stored: 0,
        failures: [{ kind: "DuplicateUid" }],
      });
      expect(await fill("b2", [event("a", 10)])).toMatchObject({ stored: 1 });
      expect(await sendTo(used.store, [event("a", 1)])).toMatchObject({ stored: 0 });
    });

    test("no uid counts twice: such a reveal is refused unless it replaces the other one", async () => {
      await sendTo(used.store, [event("a", 1)]);
      await fill("b1", [event("a", 10), event("new", 20)]);
      expect(await step("reveal", "b1")).toEqual({ kind: "counted-twice", uid: "a" });
      expect(await total()).toEqual({ acme: "1" });
      // It is still hidden, and open.
      expect(await fill("b1", [event("more", 40)])).toMatchObject({ stored: 1 });
      expect(await step("reveal", "b1", everything)).toEqual(done);
      expect(await total()).toEqual({ acme: "70" });
      await fill("b2", [event("new", 20)]);
      expect(await step("reveal", "b2")).toEqual({ kind: "counted-twice", uid: "new" });
      expect(await step("reveal", "b2", everything)).toEqual(done);
      expect(await total()).toEqual({ acme: "20" });
    });

    test("a measurement of a revealed backfill is corrected, and goes with it", async () => {
      await sendTo(used.store, [event("a", 1)]);
      await fill("b1", [event("a", 10), event("x", 20), event("y", 40)]);
      expect(await correct("x")).toEqual({ kind: "unknown" });
      await step("reveal", "b1", everything);
      expect(await correct("a", 11)).toMatchObject({ kind: "corrected" });
      expect(await correct("x")).toMatchObject({ kind: "corrected" });
      // 11 + 40
      expect(await total()).toEqual({ acme: "51" });
      await used.reopen();
      expect(await correct("a", 12)).toMatchObject({ kind: "corrected" });
      expect(await total()).toEqual({ acme: "52" });
      await step("revert", "b1");
      expect(await total()).toEqual({ acme: "1" });
      expect(await correct("a", 2)).toMatchObject({ kind: "corrected" });
      expect(await total()).toEqual({ acme: "2" });
      expect(await correct("y")).toEqual({ kind: "unknown" });
    });

    test("a measurement that was replaced is not corrected until the revert", async () => {
      await sendTo(used.store, [event("a", 1), event("b", 2)]);
      await correct("a", 3);
      await fill("b1", [event("x", 10)]);
      await step("reveal", "b1", everything);
      const refused = { kind: "invalid", errors: [{ field: "uid" }] };
      expect(await correct("a", 4)).toMatchObject(refused);
      expect(await correct("b")).toMatchObject(refused);
      expect(await total()).toEqual({ acme: "10" });
      await step("revert", "b1");
      expect(await total()).toEqual({ acme: "5" });
      expect(await correct("b")).toMatchObject({ kind: "corrected" });
      expect(await total()).toEqual({ acme: "3" });
    });

    test.each([
      ["the later one first", ["b2", "b1"], ["10", "1"]],
      ["the earlier one first", ["b1", "b2"], ["100", "1"]],
    ] as const)("two that replace the same are reverted, %s", async (_name, order, expected) => {
      await sendTo(used.store, [event("a", 1)]);
      await fill("b1", [event("x", 10)]);
      await fill("b2", [event("y", 100)]);
      await step("reveal", "b1", everything);
      await step("reveal", "b2", everything);
      expect(await total()).toEqual({ acme: "100" });
      for (const [index, one] of order.entries()) {
        await step("revert", one);
        expect(await total()).toEqual({ acme: expected[index] });
      }
    });

    test("queries and scans see what aggregates see, with the fields of each table", async () => {
      await fill("b1", [event("x", 10)]);
      const fields = [{ code: "region", category: "WHERE" } as const];
      const wider = { ...calls, dataFields: [...fields, ...calls.dataFields] };
      used.directory.putMeter(org, wider);
      await sendTo(used.store, [event("a", 1, { where: { region: "eu" } })]);
      await fill("b1", [event("y", 20, { where: { region: "us" } })]);
      await step("reveal", "b1");
      const question = { window: may, timeZone: "UTC", filters: [], groups: [], limit: 9 };
      const answer = await used.store.query({ orgId: org, ...question, aggregations: [] });
      const queried = answer.kind === "events" ? answer.events : [];
      const values = queried.map(({ uid, numbers, texts }) => [
        uid,
        numbers["tokens"],
        texts["region"],
      ]);
      expect(new Map(values.map((one) => [one[0], one]))).toEqual(
        new Map([
          ["a", ["a", "1", "eu"]],
          ["x", ["x", "10", undefined]],
          ["y", ["y", "20", "us"]],
        ]),
      );
      const accountId = used.accountId("acme");
      const sources = [{ accountId, window: may }];
      const page = await used.store.scan({ orgId: org, meterId: calls.id, sources, limit: 9 });
      expect(new Set(page.events.map(({ uid }) => uid))).toEqual(new Set(["a", "x", "y"]));
      const filters = [{ dimensionCode: "region", value: "us", mode: "INCLUDE" }];
      expect(await total({ filters })).toEqual({ acme: "20" });
    });

    test("a reveal and a revert change what they show and what they hide, and nothing else", async () => {
      await sendTo(used.store, [
        event("a", 1, { ts: "2024-05-03T12:00:00Z" }),
        event("b", 2, { ts: "2024-05-05T12:00:00Z", account: "beta" }),
      ]);
      const watched = async (since: string) => {
        const windows = [3, 4, 5, 6].flatMap((day) =>
          ["acme", "beta"].map((code) => {
            const start = may.start.add({ hours: 24 * (day - 1) });
            const accountId = used.accountId(code);
            const window = { start, end: start.add({ hours: 24 }) };
            return { label: `${code} ${day}`, sources: [{ accountId, window }] };
          }),
        );
        const asked = windows.map(({ sources }) => ({ meterId: calls.id, sources, since }));
        const places = await used.store.changed({ orgId: org, watched: asked });
        return places.map((place) => windows[place]?.label);
      };
      const before = await used.store.mark();
      await fill("b1", [event("x", 10, { ts: "2024-05-04T12:00:00Z" })]);
      expect(await watched(before)).toEqual([]);
      const hidden = await used.store.mark();
      const accountIds = [used.accountId("acme")];
      await step("reveal", "b1", { ...everything, accountIds });
      expect(await watched(before)).toEqual(["acme 3", "acme 4"]);
      expect(await watched(hidden)).toEqual(["acme 3", "acme 4"]);
      const revealed = await used.store.mark();
      expect(await watched(revealed)).toEqual([]);
      await correct("x", 11, { ts: "2024-05-06T12:00:00Z" });
      expect(await watched(revealed)).toEqual(["acme 4", "acme 6"]);
      const amended = await used.store.mark();
      await step("revert", "b1");
      expect(await watched(amended)).toEqual(expect.arrayContaining(["acme 3", "acme 6"]));
      expect(await watched(amended)).not.toContain("beta 5");
      const reverted = await used.store.mark();
      expect(await watched(reverted)).toEqual([]);
    });

    test("of another organization it is another one", async () => {
      const otherOrg = "another organization";
      used.directory.putMeter(otherOrg, calls);
      await sendTo(used.store, [event("a", 1)]);
      await fill("b1", [event("x", 10)]);
      const theirs = { orgId: otherOrg, backfillId: "b1", ...by };
      expect(
        await used.store.stepBackfill({ ...theirs, step: "reveal", replaces: everything }),
      ).toEqual(done);
      expect(await total()).toEqual({ acme: "1" });
      expect(await used.store.backfill({ orgId: org, backfillId: "b1" })).toMatchObject({
        state: "hidden",
      });
    });
  });
};
