import type { MeterField } from "./usage-directory.ts";

/** The columns of a meter's rows: its data fields, then its derived fields. */
export interface MeterLayout {
  readonly orgId: string;
  readonly meterId: string;
  readonly fields: readonly MeterField[];
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
}

/** What becomes durable together: the rows of all meters and organizations that arrived during the last commit. */
export interface UsageGroup {
  readonly receivedAtMs: number;
  readonly firstPosition: number;
  /** Positions taken: one for each row and each void. */
  readonly count: number;
  readonly corrections: readonly CorrectionEntry[];
  readonly rows: readonly UsageRows[];
}

export type CommitOutcome =
  | { readonly kind: "committed" }
  | { readonly kind: "storage-full" }
  | { readonly kind: "failed"; readonly reason: string };

/** Uids of one organization that were received together: `bytes[ends[i-1], ends[i])`. */
export interface StoredUids {
  readonly orgId: string;
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
  /** Every uid received at or after the instant. */
  uidsSince(receivedAtMs: number): AsyncIterable<StoredUids>;
}
