import { describe, expect, test } from "vitest";
import { calls, event, org, sendTo, storeOfEachTest } from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";
import type { JointAggregateRequest } from "./usage-store.ts";

const inMay = (day: string) => Temporal.Instant.from(`2024-05-${day}T00:00:00Z`);

/** How every usage store aggregates over accounts together, each with a window of its own. */
export const jointUsageSuite = (name: string, create: () => Promise<UsageStoreFixture>): void => {
  describe(`joint usage on ${name}`, () => {
    const used = storeOfEachTest(create);

    const source = (code: string, start = "01", end = "31") => ({
      accountId: used.accountId(code),
      window: { start: inMay(start), end: inMay(end) },
    });

    const together = async (request: Partial<JointAggregateRequest>) => {
      const found = await used.store.aggregateJointly({
        orgId: org,
        meterId: calls.id,
        method: "SUM",
        targetField: "tokens",
        groups: [[source("acme")]],
        ...request,
      });
      return found.map(({ group, quantity }) => `${group} ${quantity}`).sort();
    };

    test.each([
      ["SUM", ["0 6", "1 9", "2 4"]],
      ["MAX", ["0 3", "1 4", "2 4"]],
      ["LATEST", ["0 3", "1 4", "2 4"]],
      ["UNIQUE", ["0 3", "1 3", "2 1"]],
      ["MEAN", ["0 2", "1 3", "2 4"]],
    ] as const)(
      "%s of an account, of two together, and of a part of the time",
      async (method, expected) => {
        await sendTo(used.store, [
          event("a", 1, { ts: "2024-05-02T00:00:00Z" }),
          event("b", 2, { ts: "2024-05-10T00:00:00Z" }),
          event("c", 3, { ts: "2024-05-12T00:00:00Z" }),
          event("d", 4, { ts: "2024-05-14T00:00:00Z", account: "beta" }),
        ]);
        const groups = [
          [source("acme")],
          [source("acme", "05", "31"), source("beta")],
          [source("beta", "14", "15")],
          [source("beta", "15", "31")],
        ];
        expect(await together({ method, groups })).toEqual(expected);
      },
    );
  });
};
