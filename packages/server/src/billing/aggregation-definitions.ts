import { compoundFormula } from "@turnpike/engine/bill/compound-quantity.ts";
import type {
  AggregationDefinition,
  CompoundDefinition,
  PlanTerms,
  SimpleDefinition,
  Statistic,
} from "@turnpike/engine/bill/facts.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type { AggregationRecord, Catalog, CompoundRecord } from "./catalog-snapshot.ts";
import { exact } from "./plan-terms.ts";

/** From stored aggregations to what bills keep of them, so that they can be measured alike later. */

const statisticOf = ({ statistic }: AggregationRecord): Statistic | undefined =>
  statistic?.kind === "PERCENTILE"
    ? { ...statistic, percentile: decimal(statistic.percentile) }
    : statistic;

const simpleDefinition = (record: AggregationRecord): SimpleDefinition => ({
  type: "SIMPLE",
  id: record.id,
  version: record.version,
  name: record.name,
  code: record.code,
  meterId: record.meterId,
  method: record.aggregation,
  targetField: record.targetField,
  customSql: record.customSql,
  statistic: statisticOf(record),
  segmentedFields: record.segmentedFields,
  segments: record.segments,
  defaultValue: exact(record.defaultValue),
});

const compoundDefinition = (record: CompoundRecord): CompoundDefinition => ({
  type: "COMPOUND",
  id: record.id,
  version: record.version,
  name: record.name,
  code: record.code,
  calculation: record.calculation,
  evaluateNullAggregations: record.evaluateNullAggregations,
});

/** What every price of the plan measures, and what their calculations name by code. */
export const planAggregations = (
  { aggregations, compounds }: Pick<Catalog, "aggregations" | "compounds">,
  { pricings }: Pick<PlanTerms, "pricings">,
): readonly AggregationDefinition[] => {
  const ids = new Set(pricings.map(({ aggregation }) => aggregation.id));
  const compound = [...ids].flatMap((id) => {
    const record = compounds.get(id);
    return record === undefined ? [] : [compoundDefinition(record)];
  });
  const codes = new Set(compound.flatMap((definition) => compoundFormula(definition).codes));
  const simple = [...aggregations.values()].filter(
    ({ id, code }) => ids.has(id) || (code !== undefined && codes.has(code)),
  );
  return [...simple.map(simpleDefinition), ...compound];
};
