import type { CountedUsage } from "../../ports/usage-store.ts";
import { mantissaColumn, type MeterTable } from "./meter-table.ts";
import { conditionsOf } from "./quantities.ts";
import { conditionSql, type CountedRows } from "./relation.ts";
import { segmentKey } from "./segments.ts";

const hasValueSql = (table: MeterTable, fieldCode: string | undefined): string => {
  if (fieldCode === undefined) return "true";
  const columns = table.fields
    .filter(({ code }) => code === fieldCode)
    .map((field) => `usage.${mantissaColumn(field)}::VARCHAR`);
  return columns.length === 0 ? "false" : `coalesce(${columns.join(", ")}) IS NOT NULL`;
};

/** What a row must fulfil to count, by the rules that aggregates go by, and the joins that this takes. */
export const countedRows = (
  table: MeterTable,
  { targetField, filters, segmentation, segment }: CountedUsage,
): CountedRows => {
  const passes = conditionsOf(filters).map((condition) => conditionSql(table, condition));
  const conditions = [hasValueSql(table, targetField), ...passes];
  if (segmentation === undefined || segment === undefined) return { joins: "", conditions };
  const { expression, joins = "" } = segmentKey(table, segmentation);
  return { joins, conditions: [...conditions, `${expression} = ${segment}`] };
};
