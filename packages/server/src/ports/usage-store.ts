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

export type AggregationMethod = "SUM" | "MIN" | "MAX" | "COUNT" | "LATEST" | "MEAN" | "UNIQUE";

/** Half-open: `start` inside, `end` outside. Windowing uses `ts` only (3.2). */
export interface Window {
  readonly start: Temporal.Instant;
  readonly end: Temporal.Instant;
}

export interface AggregateRequest {
  readonly orgId: string;
  readonly meterId: string;
  /** Absent: every account of the organization with usage in the window. */
  readonly accountIds?: readonly string[];
  readonly method: AggregationMethod;
  readonly targetField: string;
  readonly window: Window;
}

/** An aggregate that has values; an account without values in the window has no entry. */
export interface Quantity {
  readonly accountId: string;
  /** An exact decimal in plain notation; a MEAN that does not end is rounded half-up at 100 significant digits. */
  readonly quantity: string;
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

/** Keeps every accepted measurement once and answers quantities. */
export interface UsageStore {
  ingest(request: IngestRequest): Promise<IngestOutcome>;
  aggregate(request: AggregateRequest): Promise<readonly Quantity[]>;
  /** Waits for what was accepted for ingest to be answered, then closes. */
  close(): Promise<void>;
}
