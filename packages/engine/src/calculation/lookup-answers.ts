import { decimal } from "../exact/decimal.ts";
import type { LookupKeyValue, LookupRow } from "./environment.ts";

/** What a lookup found (m3ter semantics 8): the row by field, or that there is none, or no such table. */
export interface LookupAnswer {
  /** Its code. */
  readonly table: string;
  readonly keys: readonly LookupKeyValue[];
  /** The one that was published; absent when the table has none. */
  readonly revision?: { readonly id: string; readonly version: number } | undefined;
  readonly row?: Readonly<Record<string, string | number | null>> | undefined;
}

/** What a calculation wants from a lookup table. */
export type LookupQuestion = Pick<LookupAnswer, "table" | "keys">;

/** The same for the same question only: "1" and 1 are different keys. */
export const lookupQuestionKey = ({ table, keys }: LookupQuestion): string =>
  JSON.stringify([table, keys.map((key) => (typeof key === "object" ? [key.toString()] : key))]);

/** Keys of rows are printed as JSON numbers are; a number that none of them prints is in no row. */
export const printedKey = (key: LookupKeyValue): string => {
  if (typeof key !== "object") return String(key);
  const printed = String(Number(key.toString()));
  return decimal(printed).eq(key) ? printed : key.toString();
};

/**
 * A lookup in answers that were found before, by `lookupQuestionKey`. A result counts once nothing is unanswered: answer
 * that and evaluate again, because a lookup may depend on what another one found.
 */
export const lookingUp = (answers: ReadonlyMap<string, LookupAnswer>) => {
  const unanswered = new Map<string, LookupQuestion>();
  const lookup = (
    table: string,
    keys: readonly LookupKeyValue[],
  ): LookupRow | "NO_ROW" | "NO_TABLE" => {
    const key = lookupQuestionKey({ table, keys });
    const answer = answers.get(key);
    if (answer === undefined) unanswered.set(key, { table, keys });
    if (answer?.row !== undefined) return new Map(Object.entries(answer.row));
    return answer === undefined || answer.revision !== undefined ? "NO_ROW" : "NO_TABLE";
  };
  return { lookup, unanswered };
};
