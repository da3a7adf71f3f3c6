/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { beforeEach, describe, expect, test } from "vitest";
import type { UsageMark, WatchedUsage } from "./usage-changes.ts";
import { calls, event, org, sendTo, storeOfEachTest } from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";

const other = { ...calls, id: "33333333-0000-4000-8000-000000000003", code: "other" };
/** All of May is past. */
const receivedAtMs = Date.UTC(2024, 5, 1);
const at = { at: receivedAtMs };
const inMay = (day: number) =>
  Temporal.Instant.from("2024-05-01T00:00:00Z").add({ hours: 24 * day });

/** A repeatable row of whole numbers below a bound. */
const dice = (seed: number) => {
  let state = seed;
  return (sides: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * sides);
  };
};

/** What every usage store knows of changes. */
export const usageChangesSuite = (name: string, create: () => Promise<UsageStoreFixture>): void => {
  describe(`changes on ${name}`, () => {
    const used = storeOfEachTest(create);

    beforeEach(async () => {
      used.directory.putMeter(org, other);
      await sendTo(used.store, [
        event("a", 1, { ts: "2024-05-03T00:00:00Z" }),
        event("b", 2, { ts: "2024-05-03T00:00:00Z", account: "beta" }),
      ]);
    });

    const watch = (
      code: string,
      [start, end]: readonly [number, number],
      since: UsageMark,
    ): WatchedUsage => ({
      meterId: calls.id,
      sources: [
        {
          accountId: used.accountId(code),
          window: { start: inMay(start), end: inMay(end) },
        },
      ],
      since,
    });

    const values = { measure: { tokens: 7 }, what: { model: "small" }, metadata: { trace: "t" } };

    const correct = async (uid: string, change?: Record<string, unknown>): Promise<void> => {
      const outcome = await used.store.correct({
        orgId: org,
        uid,
        correctedBy: "somebody",
        reason: "it was wrong",
        receivedAtMs,
        ...(change === undefined ? {} : { amendment: { ...values, ...change } }),
      });
      expect(outcome).toMatchObject({ kind: "corrected", failures: [] });
    };

    const changedOf = (...watched: readonly WatchedUsage[]) =>
      used.store.changed({ orgId: org, watched });

    test("nothing has changed after a mark that was made last", async () => {
      const mark = await used.store.mark();
      expect(await changedOf(watch("acme", [0, 31], mark))).toEqual([]);
      await used.reopen();
      expect(await used.store.mark()).toBe(mark);
      expect(await changedOf(watch("acme", [0, 31], mark))).toEqual([]);
    });

    test("what is stored later changes its account's windows around it, half-open, of its meter", async () => {
      const mark = await used.store.mark();
      await sendTo(used.store, [event("late", 1, { ts: "2024-05-11T00:00:00Z" })], at);
      const windows = [
        [0, 10],
        [10, 11],
        [5, 31],
        [11, 12],
      ] as const;
      const watched = windows.map((window) => watch("acme", window, mark));
      const elsewhere = [
        watch("beta", [0, 31], mark),
        { ...watch("acme", [0, 31], mark), meterId: other.id },
        watch("acme", [0, 31], await used.store.mark()),
      ];
      expect(await changedOf(...watched, ...elsewhere)).toEqual([1, 2]);
      await used.reopen();
      expect(await changedOf(...watched, ...elsewhere)).toEqual([1, 2]);
    });

    test("a void and an amendment change where the measurement was and where it goes", async () => {
      const mark = await used.store.mark();
      await correct("a");
      const everywhere = () =>
        changedOf(
          watch("acme", [2, 3], mark),
          watch("beta", [2, 3], mark),
          watch("acme", [9, 10], mark),
          { ...watch("acme", [9, 10], mark), meterId: other.id },
        );
      expect(await everywhere()).toEqual([0]);
      await correct("b", {
        account: "acme",
        meter: "other",
        ts: "2024-05-10T00:00:00Z",
      });
      expect(await everywhere()).toEqual([0, 1, 3]);
    });

    test("one of several sources is enough", async () => {
      const mark = await used.store.mark();
      await sendTo(used.store, [event("late", 1, { account: "beta" })], at);
      const both = [watch("acme", [0, 31], mark), watch("beta", [0, 31], mark)];
      const sources = both.flatMap((one) => one.sources);
      expect(await changedOf({ meterId: calls.id, sources, since: mark })).toEqual([0]);
    });

    test("whoever shows a mark of another store is told that everything has changed", async () => {
      const mark = await used.store.mark();
      const foreign = `${mark.split(".")[0]}.${"f".repeat(64)}`;
      for (const since of [foreign, `999999${mark}`, "", "x"]) {
        expect(await changedOf(watch("acme", [20, 21], since))).toEqual([0]);
      }
    });

    test("an empty store's mark comes before everything", async () => {
      const empty = await create();
      empty.directory.putMeter(org, calls);
      const store2 = await empty.open();
      const since = await store2.mark();
      await sendTo(store2, [event("first", 1)], at);
      const accountId = empty.directory.accountId(org, "acme") ?? "";
      const source = { accountId, window: { start: inMay(0), end: inMay(31) } };
      const watched = [{ meterId: calls.id, sources: [source], since }];
      expect(await store2.changed({ orgId: org, watched })).toEqual([0]);
      await store2.close();
      await empty.dispose();
    });

    test.each([1, 2, 3])("says what a list of all changes says (seed %i)", async (seed) => {
      const roll = dice(seed);
      const accounts = ["acme", "beta", "gamma"];
      const moments: { code: string; day: number; step: number }[] = [
        { code: "acme", day: 2, step: -1 },
        { code: "beta", day: 2, step: -1 },
      ];
      const stored = new Map([
        ["a", { code: "acme", day: 2 }],
        ["b", { code: "beta", day: 2 }],
      ]);
      const marks: { mark: UsageMark; step: number }[] = [];
      await sendTo(used.store, [event("g", 1, { account: "gamma", ts: inMay(30).toString() })], at);
      for (let step = 0; step < 40; step++) {
        marks.push({ mark: await used.store.mark(), step });
        const place = { code: accounts[roll(3)] ?? "", day: roll(31) };
        const fields = { account: place.code, ts: inMay(place.day).add({ hours: 1 }).toString() };
        const uid = [...stored.keys()][roll(stored.size)] ?? "";
        const was = stored.get(uid);
        const kind = roll(3);
        if (kind === 0 || was === undefined) {
          await sendTo(used.store, [event(`e${step}`, 1, fields)], at);
          stored.set(`e${step}`, place);
          moments.push({ ...place, step });
        } else if (kind === 1) {
          await correct(uid);
          stored.delete(uid);
          moments.push({ ...was, step });
        } else {
          await correct(uid, { ...fields, measure: { tokens: step } });
          stored.set(uid, place);
          moments.push({ ...was, step }, { ...place, step });
        }
      }
      const questions = Array.from({ length: 200 }, () => {
        const [start, days] = [roll(30), 1 + roll(10)];
        const since = marks[roll(marks.length)] ?? { mark: "", step: 0 };
        return { code: accounts[roll(3)] ?? "", window: [start, start + days] as const, since };
      });
      const expected = questions.flatMap(({ code, window: [start, end], since }, place) => {
        const isChange = (one: (typeof moments)[number]) =>
          one.code === code && one.day >= start && one.day < end && one.step >= since.step;
        return moments.some(isChange) ? [place] : [];
      });
      const watched = questions.map(({ code, window, since }) => watch(code, window, since.mark));
      expect(await used.store.changed({ orgId: org, watched })).toEqual(expected);
    });
  });
};
