import type { CalendarUnit } from "../../ports/usage-breakdown.ts";
import type { TimeFrequency } from "../../ports/usage-store.ts";
import type { AccountNumbers } from "./accounts.ts";
import { literal } from "./cells.ts";
import { mantissaColumn, scaleColumn } from "./meter-table.ts";
import { uidColumns } from "./uid-columns.ts";
import type { FieldPlace, MeterTable } from "./meter-table.ts";

/** Epoch microseconds, half-open. */
export interface MicrosWindow {
  readonly start: number;
  readonly end: number;
}

/** Keeps rows whose dimension has one of the values, or, excluding, none of them. */
export interface DimensionCondition {
  readonly fieldCode: string;
  readonly values: readonly string[];
  readonly isExcluding: boolean;
}

/** An account's measurements in a window of its own, as a part of what is asked for at that place. */
export interface SourcePlace {
  readonly place: number;
  readonly account: number;
  readonly window: MicrosWindow;
}

/** Rows that fulfil conditions, and the joins that these take; the rows are called `usage`. */
export interface CountedRows {
  readonly joins: string;
  readonly conditions: readonly string[];
}

export interface Scope {
  readonly table: MeterTable;
  /** Of all sources together, where there are any. */
  readonly window: MicrosWindow;
  /** Absent: all accounts. */
  readonly accounts?: readonly number[];
  readonly conditions: readonly DimensionCondition[];
  /** Narrow the scope to these, as `source(place, account, starts, ends)`; one row may count for several. */
  readonly sources?: readonly SourcePlace[];
  /** Absent: every row. */
  readonly counted?: CountedRows;
}

export type Bucket = TimeFrequency | CalendarUnit;

/** A column of the answer that rows are grouped by, as SQL over the meter's table. */
export interface GroupKey {
  readonly expression: string;
  /** Joins that the expression needs. */
  readonly joins?: string;
  /** When the expression is a bucket of time: how buckets are cut. */
  readonly time?: { readonly frequency: Bucket; readonly timeZone: string };
}

/** A text field by its code; a code that has been in two text categories is one dimension. */
export const dimension = ({ fields }: MeterTable, fieldCode: string): string => {
  const columns = fields
    .filter(({ code, isNumeric }) => code === fieldCode && !isNumeric)
    .map((field) => `usage.${mantissaColumn(field)}`);
  return columns.length === 0 ? "NULL::VARCHAR" : `coalesce(${columns.join(", ")})`;
};

export const conditionSql = (table: MeterTable, condition: DimensionCondition): string => {
  const column = dimension(table, condition.fieldCode);
  const among = `${column} IN (${condition.values.map(literal).join(", ")})`;
  // A row without the dimension has none of the values.
  return condition.isExcluding ? `(${among}) IS NOT TRUE` : among;
};

const timestamp = (micros: number): string => `make_timestamp(${micros})`;

/** No account has the number -1. One account is looked for in a third less time than a list of them. */
const accountsSql = (accounts: readonly number[]): string => {
  const [first = -1, ...others] = accounts;
  return others.length === 0
    ? `usage.account = ${first}`
    : `usage.account IN (${accounts.join(", ")})`;
};

/** With `isCarrying` also what was measured before the window. */
export const whereSql = (
  { table, window, accounts, conditions }: Scope,
  isCarrying = false,
): string =>
  [
    ...(isCarrying ? [] : [`usage.ts >= ${timestamp(window.start)}`]),
    `usage.ts < ${timestamp(window.end)}`,
    ...(accounts === undefined ? [] : [accountsSql(accounts)]),
    ...conditions.map((condition) => conditionSql(table, condition)),
  ].join(" AND ");

const sourcesSql = ({ sources }: Scope, isCarrying: boolean): string => {
  if (sources === undefined) return "";
  const rows = sources.map(
    ({ place, account, window }) =>
      `(${place}, ${account}, ${timestamp(window.start)}, ${timestamp(window.end)})`,
  );
  return `JOIN (VALUES ${rows.join(", ")}) AS source(place, account, starts, ends)
    ON usage.account = source.account AND usage.ts < source.ends
    ${isCarrying ? "" : "AND usage.ts >= source.starts"}`;
};

const countedName = ({ org, rowsName, uncorrectedName }: MeterTable): string =>
  org.isCorrected ? rowsName : uncorrectedName;

/** The rows of a scope, as `usage`, ready to be selected from by a connection that reads already. */
export const fromSql = (scope: Scope, keys: readonly GroupKey[], isCarrying = false): string =>
  `FROM ${countedName(scope.table)} AS usage ${sourcesSql(scope, isCarrying)}
   ${keys.flatMap((key) => key.joins ?? []).join(" ")} ${scope.counted?.joins ?? ""}
   WHERE ${[whereSql(scope, isCarrying), ...(scope.counted?.conditions ?? [])].join(" AND ")}`;

/** Numbers and texts meet only where they are counted: as text, told apart by the scale that texts do not have. */
const valueColumns = (field: FieldPlace, isMixed: boolean): string[] => [
  `usage.${mantissaColumn(field)}${isMixed ? "::VARCHAR" : ""} AS value`,
  `${field.isNumeric ? `usage.${scaleColumn(field)}` : "NULL::SMALLINT"} AS scale`,
];

export interface ValuesQuestion {
  /** A field code has more than one place once a meter edit has moved it to another category. */
  readonly places: readonly FieldPlace[];
  readonly keys: readonly GroupKey[];
}

/** The values of a field in a scope, with `k0, k1, …` to group by and what orders them in time. */
export const valuesSql = (
  scope: Scope,
  { places, keys }: ValuesQuestion,
  /** Also the values before the window, with `account` and the window's `starts` and `ends`. */
  isCarrying = false,
): string => {
  const isMixed = new Set(places.map(({ isNumeric }) => isNumeric)).size > 1;
  const [starts, ends] =
    scope.sources === undefined
      ? [timestamp(scope.window.start), timestamp(scope.window.end)]
      : ["source.starts", "source.ends"];
  const ofPlace = places.map((place) => {
    const columns = [
      ...keys.map(({ expression }, index) => `${expression} AS k${index}`),
      ...valueColumns(place, isMixed),
      ...["ts", "position", ...uidColumns].map((name) => `usage.${name} AS ${name}`),
      ...(isCarrying ? ["usage.account AS account", `${starts} AS starts`, `${ends} AS ends`] : []),
    ];
    return `SELECT ${columns.join(", ")} ${fromSql(scope, keys, isCarrying)}
            AND usage.${mantissaColumn(place)} IS NOT NULL`;
  });
  return ofPlace.join(" UNION ALL ");
};

export const accountNumbers = (
  accounts: AccountNumbers,
  orgId: string,
  accountIds: readonly string[] | undefined,
): readonly number[] | undefined =>
  accountIds?.flatMap((accountId) => accounts.find(orgId, accountId) ?? []);
