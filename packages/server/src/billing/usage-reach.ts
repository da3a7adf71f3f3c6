import type { AggregationDefinition } from "@turnpike/engine/bill/facts.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import { compoundFormula } from "@turnpike/engine/bill/compound-quantity.ts";
import { earlier, later, type Period } from "@turnpike/engine/time/period.ts";

/** Usage of a meter that a bill depends on: at least what was read for it. Instants as ISO 8601. */
export interface UsageReach {
  readonly meterId: string;
  readonly accountIds: readonly string[];
  readonly start: string;
  readonly end: string;
}

/** The meters behind each aggregation. */
const metersOf = (
  aggregations: readonly AggregationDefinition[],
): ReadonlyMap<string, readonly string[]> => {
  const simple = aggregations.filter((one) => one.type === "SIMPLE");
  return new Map(
    aggregations.map((one) => {
      if (one.type === "SIMPLE") return [one.id, [one.meterId]];
      const codes = new Set(compoundFormula(one).codes);
      const named = simple.filter(({ code }) => code !== undefined && codes.has(code));
      return [one.id, named.map(({ meterId }) => meterId)];
    }),
  );
};

/** Of all windows of a bill. One stretch of time for each meter: a little more than was read is no harm. */
export const reachOf = (
  windows: readonly UsageWindow[],
  aggregations: readonly AggregationDefinition[],
): readonly UsageReach[] => {
  const meters = metersOf(aggregations);
  const stretches = new Map<string, { accountIds: Set<string>; period: Period }>();
  for (const { aggregationId, sources } of windows) {
    for (const meterId of meters.get(aggregationId) ?? []) {
      for (const { accountId, period } of sources) {
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
