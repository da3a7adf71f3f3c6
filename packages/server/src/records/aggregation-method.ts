import type { StatisticFields } from "@turnpike/contract/catalog/statistic.ts";
import type { Statistic } from "@turnpike/engine/bill/facts.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type { AggregationMethod, PlainMethod } from "../ports/usage-store.ts";

/** How an aggregation, a bill's definition of one or a usage query names its method. */
export interface NamedMethod {
  readonly method: PlainMethod | "CUSTOM_SQL";
  readonly customSql?: string | undefined;
  readonly statistic?: StatisticFields | Statistic | undefined;
}

/** What the usage store is asked for; `timeZone` is the organization's. */
export const aggregationMethod = (
  { method, customSql, statistic }: NamedMethod,
  timeZone: string,
): AggregationMethod => {
  if (method === "CUSTOM_SQL") return { kind: "CUSTOM_SQL", sql: customSql ?? "" };
  switch (statistic?.kind) {
    case undefined:
      return method;
    case "PERCENTILE":
      return { kind: "PERCENTILE", percentile: decimal(statistic.percentile).toString() };
    case "TIME_WEIGHTED_SUM":
      return statistic;
    case "PEAK_SUM":
      return { ...statistic, timeZone };
  }
};

/** What a method is called in an answer: `SUM`, `PERCENTILE_95`, `PEAK_SUM_HOUR`. */
export const methodName = (method: AggregationMethod): string => {
  if (typeof method === "string") return method;
  switch (method.kind) {
    case "PERCENTILE":
      return `PERCENTILE_${method.percentile}`;
    case "TIME_WEIGHTED_SUM":
      return `TIME_WEIGHTED_SUM_${method.unit}`;
    case "PEAK_SUM":
      return `PEAK_SUM_${method.per}`;
    case "CUSTOM_SQL":
      return "CUSTOM_SQL";
  }
};
