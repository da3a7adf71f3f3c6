import type { AccountNumbers } from "./accounts.ts";
import { mantissaColumn, scaleColumn } from "./meter-tables.ts";
import type { FieldPlace, MeterTable } from "./meter-tables.ts";

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

export interface Scope {
  readonly table: MeterTable;
  readonly window: MicrosWindow;
  /** Absent: all accounts. */
  readonly accounts?: readonly number[];
  readonly conditions: readonly DimensionCondition[];
}

/** A column of the answer that rows are grouped by, as SQL over the meter's table. */
export interface GroupKey {
  readonly expression: string;
  /** Joins that the expression needs. */
  readonly joins?: string;
}

/** SQL knows no way to write NUL in a string. */
export const literal = (text: string): string =>
  text
    .split("\0")
    .map((part) => `'${part.replaceAll("'", "''")}'`)
    .join(" || chr(0) || ");

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

export const whereSql = ({ table, window, accounts, conditions }: Scope): string =>
  [
    `usage.ts >= make_timestamp(${window.start})`,
    `usage.ts < make_timestamp(${window.end})`,
    ...(accounts === undefined ? [] : [`usage.account IN (${["-1", ...accounts].join(", ")})`]),
    ...conditions.map((condition) => conditionSql(table, condition)),
  ].join(" AND ");

/** The values of a field in a scope, with `k0, k1, …` to group by and what orders them in time. */
export const valuesSql = (scope: Scope, field: FieldPlace, keys: readonly GroupKey[]): string => {
  const columns = [
    ...keys.map(({ expression }, index) => `${expression} AS k${index}`),
    `usage.${mantissaColumn(field)} AS value`,
    `${field.isNumeric ? `usage.${scaleColumn(field)}` : "0"} AS scale`,
    "usage.ts AS ts",
    "usage.position AS position",
    "usage.uid AS uid",
  ];
  const joins = keys.flatMap((key) => key.joins ?? []).join(" ");
  return `SELECT ${columns.join(", ")} FROM ${scope.table.rowsName} AS usage ${joins}
          WHERE ${whereSql(scope)} AND usage.${mantissaColumn(field)} IS NOT NULL`;
};

export const accountNumbers = (
  accounts: AccountNumbers,
  orgId: string,
  accountIds: readonly string[] | undefined,
): readonly number[] | undefined =>
  accountIds?.flatMap((accountId) => accounts.find(orgId, accountId) ?? []);
