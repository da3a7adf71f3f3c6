import type { AggregationMethod, CountedUsage, Quantity, UsageSource } from "./usage-store.ts";

/** From Monday, from the first of a month, of January, April, July or October, or of January. */
export type CalendarUnit = "DAY" | "WEEK" | "MONTH" | "QUARTER" | "YEAR";

/** One quantity, split by calendar and by dimensions; each row is measured as the whole would be. */
export interface BreakdownRequest {
  readonly orgId: string;
  readonly meterId: string;
  readonly sources: readonly UsageSource[];
  readonly counted: CountedUsage;
  /** What is aggregated of the measurements that count, and how. */
  readonly field: { readonly fieldCode: string; readonly method: AggregationMethod };
  /** Absent: not split by time. */
  readonly unit?: CalendarUnit;
  /** Whose days they are. */
  readonly timeZone: string;
  /** Codes of text fields; a value that holds on (`TIME_WEIGHTED_SUM`) does so among those with the same dimensions. */
  readonly dimensions: readonly string[];
  readonly rowsMax: number;
}

export interface BreakdownRow extends Pick<Quantity, "quantity" | "fault"> {
  /** When the calendar unit begins, as an ISO 8601 instant; it may be before the window. */
  readonly time?: string;
  /** In the order of the request; null for measurements without the dimension. */
  readonly dimensions: readonly (string | null)[];
}

/** Rows in no order. `too-many`: about as many as the limit or more; none was kept. */
export type BreakdownAnswer =
  | { readonly kind: "rows"; readonly rows: readonly BreakdownRow[] }
  | { readonly kind: "too-many" };
