import type { Segmentation } from "@turnpike/engine/bill/segments.ts";
import type { UsageBackfills } from "./usage-backfills.ts";
import type { BreakdownAnswer, BreakdownRequest } from "./usage-breakdown.ts";
import type { UsageChanges } from "./usage-changes.ts";

/** The eight maps of a measurement (m3ter semantics 3.1, 4). */
export const stringCategories = ["WHO", "WHAT", "WHERE", "OTHER", "METADATA"] as const;
export const numberCategories = ["MEASURE", "COST", "INCOME"] as const;
export type StringCategory = (typeof stringCategories)[number];
export type NumberCategory = (typeof numberCategories)[number];
export type FieldCategory = StringCategory | NumberCategory;

export interface IngestRequest {
  readonly orgId: string;
  /** The request body as it came; it is handed over and must not be used afterwards. */
  readonly body: Uint8Array;
  readonly format: "json" | "ndjson";
  readonly encoding: "identity" | "gzip" | "deflate";
  /** When the request arrived, in epoch milliseconds. */
  readonly receivedAtMs: number;
  /** The hidden one that the measurements are of. */
  readonly backfillId?: string | undefined;
}

export interface FieldError {
  /** Path in the body, such as `measurements[3].ts`; empty for the body as a whole. */
  readonly field: string;
  readonly message: string;
}

/** Why one measurement was not stored; `CalculationError` alone is stored, without the derived value (3.4). */
export type FailureKind =
  | "UndefinedMeter"
  | "MissingField"
  | "DuplicateField"
  | "DuplicateUid"
  | "InvalidAccountCode"
  | "TimestampInFuture"
  | "EndBeforeStart"
  | "CalculationError";

export interface MeasurementFailure {
  readonly index: number;
  readonly kind: FailureKind;
  readonly message: string;
  /** The measurement as submitted, so that it can be corrected and sent again. */
  readonly measurement: unknown;
}

/**
 * `accepted`: every stored measurement is durable and visible to queries.
 * `overloaded`, `storage-full` and `unavailable`: nothing was stored; sending the same body again later is safe.
 */
export type IngestOutcome =
  | {
      readonly kind: "accepted";
      readonly stored: number;
      readonly failures: readonly MeasurementFailure[];
    }
  | { readonly kind: "invalid"; readonly errors: readonly FieldError[] }
  | { readonly kind: "overloaded" }
  | { readonly kind: "storage-full" }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Says that a stored measurement was wrong. */
export interface CorrectionRequest {
  readonly orgId: string;
  /** Means the measurement that was received last with it: a uid may come again after the dedupe window. */
  readonly uid: string;
  /**
   * The fields by category as in a measurement, all of them; `meter`, `account`, `ts` and `ets` where they change.
   * Absent: the measurement is void.
   */
  readonly amendment?: Readonly<Record<string, unknown>>;
  readonly correctedBy: string;
  readonly reason: string;
  /** When the request arrived, in epoch milliseconds. */
  readonly receivedAtMs: number;
}

/** What a measurement counts as once it is amended; what the amendment left open is as it was. */
export interface AmendedMeasurement {
  readonly account: string;
  readonly meter: string;
  /** ISO-8601, as is `ets`. */
  readonly ts: string;
  readonly ets: string | undefined;
  /** By property, such as `measure`. */
  readonly fields: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
}

/**
 * `corrected`: durable and visible to queries; `amended` unless the measurement is void. Whatever the outcome, sending the
 * same correction again is safe.
 */
export type CorrectionOutcome =
  | {
      readonly kind: "corrected";
      readonly failures: readonly MeasurementFailure[];
      readonly amended?: AmendedMeasurement;
    }
  | { readonly kind: "unknown" }
  | Exclude<IngestOutcome, { kind: "accepted" }>;

export interface IngestedRequest {
  readonly orgId: string;
  readonly uids: readonly string[];
  /** In epoch milliseconds. */
  readonly askedAtMs: number;
}

export interface IngestedMeasurement {
  readonly meterId: string;
  readonly accountId: string;
  readonly ts: Temporal.Instant;
  readonly ets: Temporal.Instant | undefined;
  /** By property and code, such as `measure.tokens`, derived ones among them; numbers as exact decimals in plain notation. */
  readonly fields: ReadonlyMap<string, string>;
  /** It was amended, or is void. */
  readonly isCorrected: boolean;
  /** The number of the batch that it came with, as marks have it. */
  readonly batch: number;
}

/** The methods of m3ter semantics 6.2. */
export type PlainMethod = "SUM" | "MIN" | "MAX" | "COUNT" | "LATEST" | "MEAN" | "UNIQUE";

/**
 * Beyond m3ter's own methods, see decision 0007. Their definitions, over the values V of a group:
 *
 * - `PERCENTILE`: the nearest-rank percentile (NIST/SEMATECH e-Handbook 7.2.6.2 names it; Hyndman & Fan 1996, definition
 *   1): of V in ascending order the one at place ⌈percentile / 100 × |V|⌉. It is always one of V. At 95 it is the rate
 *   that burstable billing charges: what is left at the top when the highest 5 % of the samples are dropped.
 * - `TIME_WEIGHTED_SUM`: ∫ v(t) dt over the window, in `unit`s, where v(t) is the latest value of the account up to t (of
 *   several with one ts the one received last, then the one with the highest uid, as LATEST has it), also when its ts is
 *   before the window, and 0 before the first. Accounts, and accounts' values in different segments or with different
 *   values of a dimension that is grouped by, are measured each on their own and added.
 * - `PEAK_SUM`: Σ max over the hours or days of `timeZone` that have values.
 * - `CUSTOM_SQL`: one SELECT over `measurements` that comes to one number (6.2, [R]); NULL is no value.
 */
export type Statistic =
  | { readonly kind: "PERCENTILE"; /** Above 0 and up to 100. */ readonly percentile: string }
  | { readonly kind: "TIME_WEIGHTED_SUM"; readonly unit: TimeUnit }
  | { readonly kind: "PEAK_SUM"; readonly per: "HOUR" | "DAY"; readonly timeZone: string }
  | { readonly kind: "CUSTOM_SQL"; readonly sql: string };

export const timeUnits = ["SECOND", "MINUTE", "HOUR", "DAY"] as const;
/** Of 1, 60, 3,600 and 86,400 seconds. */
export type TimeUnit = (typeof timeUnits)[number];

export type AggregationMethod = PlainMethod | Statistic;

/** Half-open: `start` inside, `end` outside. Windowing uses `ts` only (3.2). */
export interface Window {
  readonly start: Temporal.Instant;
  readonly end: Temporal.Instant;
}

/** Rates only usage that has, or has not, a value of a dimension (14.3). */
export interface UsageFilter {
  readonly dimensionCode: string;
  readonly value: string;
  readonly mode: "INCLUDE" | "EXCLUDE";
}

export interface AggregateRequest {
  readonly orgId: string;
  readonly meterId: string;
  /** Absent: every account of the organization with usage in the window. */
  readonly accountIds?: readonly string[];
  readonly method: AggregationMethod;
  readonly targetField: string;
  readonly window: Window;
  readonly segmentation?: Segmentation;
  readonly filters?: readonly UsageFilter[];
}

/** An aggregate that has values; an account without values in the window has no entry. */
export interface Quantity {
  readonly accountId: string;
  /**
   * An exact decimal in plain notation; a MEAN or TIME_WEIGHTED_SUM that does not end is rounded half-up at 100
   * significant digits. Null where custom SQL has failed on these measurements.
   */
  readonly quantity: string | null;
  /** Why the quantity is null. */
  readonly fault?: string;
  /** Index into the segments of a segmented request; usage of no segment has no quantity. */
  readonly segment?: number;
}

/** Measurements of one account in one window. */
export interface UsageSource {
  readonly accountId: string;
  readonly window: Window;
}

export interface JointAggregateRequest extends Omit<AggregateRequest, "accountIds" | "window"> {
  /** Each asks for the quantity over the measurements of all its sources together; these must not overlap. */
  readonly groups: readonly (readonly UsageSource[])[];
}

/** An aggregate that has values, by the place of its group in the request. */
export interface JointQuantity extends Omit<Quantity, "accountId"> {
  readonly group: number;
}

export const timeFrequencies = ["HOUR", "DAY", "WEEK", "MONTH", "QUARTER"] as const;
export type TimeFrequency = (typeof timeFrequencies)[number];

/** What rows of an answer have in common. A meter without the dimension counts as having no value of it. */
export type UsageGrouping =
  | { readonly kind: "account" }
  | { readonly kind: "time"; readonly frequency: TimeFrequency }
  | { readonly kind: "dimension"; readonly fieldCode: string };

export interface UsageQuery {
  readonly orgId: string;
  readonly window: Window;
  /** The zone that days, weeks (from Monday), months and quarters are of. */
  readonly timeZone: string;
  /** Of measurements, when there are no aggregations; absent: every meter. */
  readonly meterIds?: readonly string[];
  readonly accountIds?: readonly string[];
  /** Rows of the meter must have one of the values. */
  readonly filters: readonly {
    readonly meterId: string;
    readonly fieldCode: string;
    readonly values: readonly string[];
  }[];
  /** None: the answer is the measurements themselves. */
  readonly aggregations: readonly {
    readonly meterId: string;
    readonly fieldCode: string;
    readonly method: AggregationMethod;
  }[];
  readonly groups: readonly UsageGrouping[];
  readonly limit: number;
}

export interface UsageEvent {
  readonly uid: string;
  readonly accountId: string;
  readonly meterId: string;
  readonly ts: Temporal.Instant;
  readonly ets: Temporal.Instant | undefined;
  readonly receivedAt: Temporal.Instant;
  /** By field code, as they were stored, whatever the field holds today: exact decimals in plain notation. */
  readonly numbers: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, string>>;
}

export interface UsageGroup {
  readonly accountId?: string;
  /** When the bucket begins, as an ISO-8601 instant. */
  readonly time?: string;
  readonly dimensions: Readonly<Record<string, string | null>>;
  /** In the order of the aggregations; null where the group has no values. */
  readonly values: readonly (string | null)[];
}

/**
 * Most recent first. `hasMore`: there were more than the limit. `failed`: the custom SQL of that aggregation did not come
 * to a number for some group.
 */
export type UsageQueryAnswer =
  | { readonly kind: "events"; readonly events: readonly UsageEvent[]; readonly hasMore: boolean }
  | { readonly kind: "groups"; readonly groups: readonly UsageGroup[]; readonly hasMore: boolean }
  | { readonly kind: "failed"; readonly aggregation: number; readonly reason: string };

/** Measurements that an aggregation counts. */
export interface CountedUsage {
  /** They have a value of it; absent: whatever they have. */
  readonly targetField?: string;
  readonly filters: readonly UsageFilter[];
  /** Of several segments, those of the one at `segment`. */
  readonly segmentation?: Segmentation;
  readonly segment?: number;
}

/** Measurements of a meter in these windows, oldest first. */
export interface ScanRequest {
  readonly orgId: string;
  readonly meterId: string;
  readonly sources: readonly UsageSource[];
  /** Absent: every one. */
  readonly counted?: CountedUsage;
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

/** A measurement as it was stored, with the derived fields that its meter calculated. */
export interface ScannedEvent {
  readonly uid: string;
  readonly accountId: string;
  /** Instants as ISO 8601 in UTC. */
  readonly ts: string;
  readonly ets?: string;
  readonly receivedAt: string;
  /** By field code: exact decimals in plain notation. */
  readonly numbers: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, string>>;
}

export interface ScanPage {
  readonly events: readonly ScannedEvent[];
  /** Absent on the last page. */
  readonly next?: string;
}

/** Another process has the usage store of this data directory open. */
export class DirectoryInUse extends Error {
  override readonly name = "DirectoryInUse";
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super(`Another process is using the usage store ${path}`, options);
    this.path = path;
  }
}

/** Tells whether a text can be the custom SQL of an aggregation. */
export interface CustomSqlChecker {
  /** Why it can not be, given the fields of the meter; undefined when it can. */
  faultOfSql(query: {
    readonly orgId: string;
    readonly sql: string;
    readonly fields: readonly {
      readonly code: string;
      readonly isNumeric: boolean;
    }[];
  }): Promise<string | undefined>;
}

/** Keeps every accepted measurement once and answers quantities. */
export interface UsageStore extends UsageChanges, UsageBackfills {
  ingest(request: IngestRequest): Promise<IngestOutcome>;
  /** Voids or amends: the last correction of a measurement counts. */
  correct(request: CorrectionRequest): Promise<CorrectionOutcome>;
  /** By uid, the last with it, whatever counts of that. Those of backfills have uids of their own. */
  ingested(request: IngestedRequest): Promise<ReadonlyMap<string, IngestedMeasurement>>;
  aggregate(request: AggregateRequest): Promise<readonly Quantity[]>;
  /** The same for groups of accounts, each account with a window of its own: one pass for all of them. */
  aggregateJointly(request: JointAggregateRequest): Promise<readonly JointQuantity[]>;
  breakDown(request: BreakdownRequest): Promise<BreakdownAnswer>;
  query(query: UsageQuery): Promise<UsageQueryAnswer>;
  scan(request: ScanRequest): Promise<ScanPage>;
  /** Waits for what was accepted for ingest to be answered, then closes. */
  close(): Promise<void>;
}
