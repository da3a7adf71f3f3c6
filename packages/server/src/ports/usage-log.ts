import type { BackfillKey, BackfillState, BackfillStep } from "./usage-backfills.ts";
import type { MeterField } from "./usage-directory.ts";

/** The columns of a meter's rows: its data fields, then its derived fields. */
export interface MeterLayout {
  readonly orgId: string;
  readonly meterId: string;
  readonly fields: readonly MeterField[];
  /** Rows of a backfill are kept apart from those that always count. */
  readonly backfillId?: string | undefined;
}

/** 64-bit integers, low word first. */
export interface Int64Values {
  readonly words: Int32Array;
}

/** One bit per row, lowest first: set where there is a value. */
export interface PresenceBits {
  readonly bits: Uint8Array;
}

/** Exact decimals: `mantissa × 10^-scale`. */
export interface DecimalValues {
  readonly kind: "decimal";
  readonly mantissas: Int64Values;
  readonly scales: Int16Array;
  readonly present: PresenceBits;
}

/** UTF-8, one after the other: row `i` is `bytes[ends[i-1], ends[i])`. */
export interface TextValues {
  readonly kind: "text";
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  readonly present: PresenceBits;
}

/** Rows of one meter, by column; only the first `count` elements of each count. Instants are epoch microseconds. */
export interface UsageRows {
  readonly layout: MeterLayout;
  readonly count: number;
  readonly positions: Int64Values;
  readonly accounts: Int32Array;
  readonly ts: Int64Values;
  readonly ets: Int64Values;
  readonly etsPresent: PresenceBits;
  readonly uids: TextValues;
  /** Fields that the meter does not define, as JSON. */
  readonly extras: TextValues;
  /** In the order of the layout. */
  readonly fields: readonly (DecimalValues | TextValues)[];
}

/**
 * A void or an amendment: an entry of the log with a position of its own, which an amendment shares with the row of its
 * new values. Nothing is overwritten: the row at `hides` stays and no longer counts.
 */
export interface CorrectionEntry {
  readonly orgId: string;
  readonly uid: string;
  readonly position: number;
  readonly hides: number;
  /** Of the new values, so that the same amendment sent twice is stored once; absent: the measurement is void. */
  readonly digest?: string;
  readonly correctedBy: string;
  readonly reason: string;
}

/** As the log keeps it; accounts by their numbers, instants as epoch microseconds. */
export interface StoredReplacement {
  readonly meterIds: readonly string[];
  readonly accounts?: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * A step of a backfill: an entry of the log with a position of its own. From a reveal to its revert the rows of the
 * backfill count, and those that it replaces do not.
 */
export interface BackfillEntry {
  readonly orgId: string;
  readonly backfillId: string;
  readonly step: BackfillStep;
  readonly position: number;
  readonly replaces?: StoredReplacement;
  readonly requestedBy: string;
}

export interface StoredBackfill {
  readonly state: BackfillState;
  /** A uid of it that another row has which would still count. */
  readonly countedTwice?: string | undefined;
}

/** The last row that was stored with a uid, and what has become of it. Instants are epoch microseconds. */
export interface StoredMeasurement {
  readonly position: number;
  readonly meterId: string;
  readonly accountId: string;
  readonly tsMicros: number;
  readonly etsMicros: number | undefined;
  readonly isVoid: boolean;
  /** Of the amendment that the row is of. */
  readonly digest: string | undefined;
  /** The one that the row is of. */
  readonly backfillId: string | undefined;
  /** A backfill has taken its place. */
  readonly isReplaced: boolean;
}

/** The last row that was stored with a uid, other than for a backfill. Instants are epoch microseconds. */
export interface StoredContent extends Pick<
  StoredMeasurement,
  "meterId" | "accountId" | "tsMicros" | "etsMicros"
> {
  /** By property and code, such as `measure.tokens`, derived ones among them; numbers as exact decimals. */
  readonly fields: ReadonlyMap<string, string>;
  readonly isCorrected: boolean;
  /** The number of the batch that the row came with. */
  readonly batch: number;
}

/** What becomes durable together: the rows of all meters and organizations that arrived during the last commit. */
export interface UsageGroup {
  readonly receivedAtMs: number;
  readonly firstPosition: number;
  /** Positions taken: one for each row, each void and each step of a backfill. */
  readonly count: number;
  readonly corrections: readonly CorrectionEntry[];
  readonly backfills?: readonly BackfillEntry[];
  readonly rows: readonly UsageRows[];
}

export type CommitOutcome =
  | { readonly kind: "committed" }
  | { readonly kind: "storage-full" }
  | { readonly kind: "failed"; readonly reason: string };

/** Uids of one organization, or of one backfill, that were received together: `bytes[ends[i-1], ends[i])`. */
export interface StoredUids {
  readonly orgId: string;
  readonly backfillId?: string | undefined;
  readonly bytes: Uint8Array;
  readonly ends: Uint32Array;
  readonly receivedAtMs: number;
}

/** Where groups become durable, in order. One writer. */
export interface UsageLog {
  /** Names the instances of this store; keys the hashes of its uids. */
  readonly secret: Uint8Array;
  /** The position that the next row gets. */
  nextPosition(): number;
  /** A small number that stands for the account in rows. */
  accountNumber(orgId: string, accountId: string): number;
  /** The group is durable and visible when this says so, and not stored at all otherwise. One at a time. */
  append(group: UsageGroup): Promise<CommitOutcome>;
  /** The last row with the uid, however old; it was received about `receivedAtMs` if that is known. */
  find(
    orgId: string,
    uid: string,
    receivedAtMs: number | undefined,
  ): Promise<StoredMeasurement | undefined>;
  /** The same by uid, of those that rows have which are of no backfill, with all that was sent. */
  contents(
    orgId: string,
    receivedAtMs: ReadonlyMap<string, number | undefined>,
  ): Promise<ReadonlyMap<string, StoredContent>>;
  /** The backfill as it is; if it is to be revealed, also whether a uid would count twice. */
  backfill(
    key: BackfillKey,
    reveal?: { readonly replaces: StoredReplacement | undefined },
  ): Promise<StoredBackfill>;
  /** Every uid received at or after the instant. */
  uidsSince(receivedAtMs: number): AsyncIterable<StoredUids>;
}
