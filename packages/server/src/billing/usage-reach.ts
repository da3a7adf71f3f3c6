import type { AggregationDefinition, SimpleDefinition } from "@turnpike/engine/bill/facts.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import { compoundFormula } from "@turnpike/engine/bill/compound-quantity.ts";
import type { UsageMark, WatchedUsage } from "../ports/usage-changes.ts";
import { earlier, later, type Period } from "@turnpike/engine/time/period.ts";

/** No usage is older. */
export const everBefore = Temporal.Instant.from("0001-01-01T00:00:00Z");

/** Usage of a meter that a bill depends on: at least what was read for it. Instants as ISO 8601. */
export interface UsageReach {
  readonly meterId: string;
  readonly accountIds: readonly string[];
  readonly start: string;
  readonly end: string;
}

/** What the usage store is asked whether it still is what it was. */
export const watchedBy = (
  reach: readonly UsageReach[],
  since: UsageMark,
): readonly WatchedUsage[] =>
  reach.map(({ meterId, accountIds, start, end }) => {
    const window = { start: Temporal.Instant.from(start), end: Temporal.Instant.from(end) };
    return { meterId, sources: accountIds.map((accountId) => ({ accountId, window })), since };
  });

/** What each aggregation measures, by its id. */
export const measuredBy = (
  aggregations: readonly AggregationDefinition[],
): ReadonlyMap<string, readonly SimpleDefinition[]> => {
  const simple = aggregations.filter((one) => one.type === "SIMPLE");
  return new Map(
    aggregations.map((one) => {
      if (one.type === "SIMPLE") return [one.id, [one]];
      const codes = new Set(compoundFormula(one).codes);
      return [one.id, simple.filter(({ code }) => code !== undefined && codes.has(code))];
    }),
  );
};

/** A value may count however long before the window it was measured. */
const read = ({ statistic }: SimpleDefinition, { start, end }: Period): Period =>
  statistic?.kind === "TIME_WEIGHTED_SUM" ? { start: everBefore, end } : { start, end };

/** Of all windows of a bill. One stretch of time for each meter: a little more than was read is no harm. */
export const reachOf = (
  windows: readonly UsageWindow[],
  aggregations: readonly AggregationDefinition[],
): readonly UsageReach[] => {
  const measured = measuredBy(aggregations);
  const stretches = new Map<string, { accountIds: Set<string>; period: Period }>();
  for (const { aggregationId, sources } of windows) {
    for (const definition of measured.get(aggregationId) ?? []) {
      const { meterId } = definition;
      for (const { accountId, period: asked } of sources) {
        const period = read(definition, asked);
        const known = stretches.get(meterId) ?? { accountIds: new Set(), period };
        known.accountIds.add(accountId);
        const start = earlier(known.period.start, period.start);
        const end = later(known.period.end, period.end);
        stretches.set(meterId, { accountIds: known.accountIds, period: { start, end } });
      }
    }
  }
  return [...stretches].map(([meterId, { accountIds, period }]) => ({
    meterId,
    accountIds: [...accountIds],
    start: period.start.toString(),
    end: period.end.toString(),
  }));
};
