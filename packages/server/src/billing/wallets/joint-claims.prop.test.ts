import * as fc from "fast-check";
import { expect, test } from "vitest";
import { intersection, spanning } from "@turnpike/engine/time/period.ts";
import { type Claimed, sharingDebits } from "./joint-claims.ts";
import { metersOf } from "./claims.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 300);

const dayMs = 86_400_000;
const day = (nth: number): Temporal.Instant => Temporal.Instant.fromEpochMilliseconds(nth * dayMs);

const named = (prefix: string, max: number, most: number) =>
  fc.uniqueArray(
    fc.nat({ max }).map((nth) => `${prefix}${nth}`),
    { minLength: 1, maxLength: most },
  );

const claimed: fc.Arbitrary<Claimed> = fc
  .record({
    accounts: named("account", 7, 3),
    meterIds: named("meter", 4, 2),
    start: fc.nat({ max: 12 }),
    days: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ accounts: [first = "", ...others], meterIds, start, days }) => ({
    accounts: [first, ...others],
    of: { meterIds, pricingIds: new Set() },
    period: { start: day(start), end: day(start + days) },
  }));

interface Group {
  readonly members: readonly Claimed[];
  readonly accounts: ReadonlySet<string>;
  readonly meters: ReadonlySet<string>;
  readonly period: Claimed["period"];
}

const meet = (a: Group, b: Group): boolean =>
  !a.accounts.isDisjointFrom(b.accounts) &&
  !a.meters.isDisjointFrom(b.meters) &&
  intersection(a.period, b.period) !== undefined;

/** Any two that meet become one, until no two do. */
const grouped = (all: readonly Claimed[]): Group[] => {
  let groups: Group[] = all.map((one) => ({
    members: [one],
    accounts: new Set(one.accounts),
    meters: new Set(metersOf(one)),
    period: one.period,
  }));
  for (;;) {
    const pair = groups
      .flatMap((a, nth) => groups.slice(nth + 1).map((b) => [a, b] as const))
      .find(([a, b]) => meet(a, b));
    if (pair === undefined) return groups;
    const [a, b] = pair;
    const both = {
      members: [...a.members, ...b.members],
      accounts: a.accounts.union(b.accounts),
      meters: a.meters.union(b.meters),
      period: spanning(a.period, b.period),
    };
    groups = [...groups.filter((one) => one !== a && one !== b), both];
  }
};

test("claims that share debits are found as by comparing each with each, in their own order", () => {
  fc.assert(
    fc.property(fc.array(claimed, { maxLength: 14 }), (all) => {
      const placesOf = (members: readonly Claimed[]): number[] =>
        members.map((one) => all.indexOf(one)).sort((a, b) => a - b);
      const naive = grouped(all).map(({ members }) => placesOf(members));
      const inOrder = naive.toSorted(([a = 0], [b = 0]) => a - b);
      const found = sharingDebits(all).map((members) => members.map((one) => all.indexOf(one)));
      expect(found).toEqual(inOrder);
    }),
    { numRuns },
  );
});
