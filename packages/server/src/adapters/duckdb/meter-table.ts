import type { MeterField } from "../../ports/usage-directory.ts";

/** A field's place in its meter's table: `f<number>` holds text, or the mantissa with its scale in `f<number>_scale`. */
export interface FieldPlace extends MeterField {
  readonly number: number;
  readonly isNumeric: boolean;
}

/** What has happened in an organization, up to now: a query looks once it is fixed what it sees, which is older. */
export interface Org {
  isCorrected: boolean;
}

/** One table per meter: a query reads its meter's columns only, and a row has no column of another meter. */
export interface MeterTable {
  readonly number: number;
  /** Of the table in the file, where rows stand in the order of accounts, and of those in memory. */
  readonly name: string;
  /** All of them: every row that was ever stored. */
  readonly storedName: string;
  /** What counts: without the rows that corrections hide. */
  readonly rowsName: string;
  /** The same where nothing was ever corrected, in a third less time for a few rows. */
  readonly uncorrectedName: string;
  readonly org: Org;
  readonly orgId: string;
  readonly meterId: string;
  /** Its rows are those of one backfill, apart from the others of the meter. */
  readonly backfillId?: string | undefined;
  readonly fields: readonly FieldPlace[];
}

export const mantissaColumn = ({ number }: FieldPlace): string => `f${number}`;
export const scaleColumn = ({ number }: FieldPlace): string => `f${number}_scale`;
