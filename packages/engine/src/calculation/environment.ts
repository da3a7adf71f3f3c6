import type { Reference } from "./syntax.ts";
import type { Input, Value } from "./value.ts";

/** The row of a lookup table that a key leads to, by field name. */
export type LookupRow = ReadonlyMap<string, Input>;

/** A key of a lookup, in the order of the table's schema; never null. */
export type LookupKeyValue = Exclude<Value, null>;

/**
 * Finds a row in the revision that applies (m3ter semantics 8). `NO_TABLE` when no revision of such
 * a table is published: a calculation then fails, because a default would hide the mistake.
 */
export type Lookup = (
  table: string,
  keys: readonly LookupKeyValue[],
) => LookupRow | "NO_ROW" | "NO_TABLE";

/** What the names in a calculation stand for, for one evaluation. */
export interface Environment {
  /** The value of a name: null when it has none, undefined when there is no such name. */
  read(reference: Reference): Input | undefined;
  readonly lookup: Lookup;
}

/** For calculations that may not look anything up. */
export const noTables: Lookup = () => "NO_TABLE";

/** An environment from values by canonical name, such as `gib`, `account.tier` or `new.amount`. */
export const environmentOf = (
  values: ReadonlyMap<string, Input>,
  lookup: Lookup = noTables,
): Environment => ({ read: (reference) => values.get(reference.name), lookup });
