import { Decimal, decimal, max, min, sum } from "@turnpike/engine/exact/decimal.ts";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { AggregationMethod, Quantity } from "../../ports/usage-store.ts";
import type { AccountNumbers } from "./accounts.ts";
import { bigInteger, integer, rowsOf } from "./cells.ts";
import { mantissaColumn, scaleColumn } from "./meter-tables.ts";
import type { FieldPlace, MeterTable } from "./meter-tables.ts";

/** Epoch microseconds, half-open. */
export interface MicrosWindow {
  readonly start: number;
  readonly end: number;
}

export interface AggregateQuestion {
  readonly orgId: string;
  readonly meterId: string;
  readonly accountIds?: readonly string[];
  readonly method: AggregationMethod;
  readonly targetField: string;
  readonly window: MicrosWindow;
}

interface Target {
  readonly table: MeterTable;
  readonly field: FieldPlace;
  readonly where: string;
}

/** What one account's values of one scale come to; scales are added up outside, where numbers have no width. */
interface ScalePart {
  readonly account: number;
  readonly value: Decimal;
  readonly count: bigint;
}

/** Numbers beyond 2^53 may be kept with a negative scale. */
const decimalOf = (mantissa: bigint, scale: number): Decimal =>
  scale >= 0 ? new Decimal(mantissa, scale) : decimal(mantissa * 10n ** BigInt(-scale));

/** Fields of different scales never meet in SQL, where a common scale could overflow. */
const partialSql = (expression: string, { table, field, where }: Target): string => {
  const scale = field.isNumeric ? scaleColumn(field) : "0";
  return `SELECT account, ${expression} AS value, ${scale} AS scale, count(*) AS values
          FROM ${table.name} WHERE ${where} GROUP BY ALL`;
};

/**
 * The latest value has the greatest ts; of several the one received last, then the one with the highest uid (m3ter
 * semantics 6.2, [R]).
 */
const latestSql = ({ table, field, where }: Target): string => `
  WITH latest AS (SELECT account, max(ts) AS ts FROM ${table.name} WHERE ${where} GROUP BY account),
  tied AS (
    SELECT account, position, uid, ${mantissaColumn(field)} AS value, ${scaleColumn(field)} AS scale
    FROM ${table.name} JOIN latest USING (account, ts) WHERE ${where}
  )
  SELECT account, value, scale, 1 AS values
  FROM tied ASOF JOIN batch ON tied.position >= batch.first_position
  QUALIFY row_number() OVER (PARTITION BY account ORDER BY received_at DESC, uid DESC) = 1`;

const uniqueSql = ({ table, field, where }: Target): string => {
  const value = mantissaColumn(field);
  const distinct = field.isNumeric ? `(${value}, ${scaleColumn(field)})` : value;
  return `SELECT account, count(DISTINCT ${distinct}) AS value, 0 AS scale, 1 AS values
          FROM ${table.name} WHERE ${where} GROUP BY account`;
};

const sqlOf: Record<AggregationMethod, (target: Target) => string> = {
  SUM: (target) => partialSql(`sum(${mantissaColumn(target.field)})`, target),
  MEAN: (target) => partialSql(`sum(${mantissaColumn(target.field)})`, target),
  MIN: (target) => partialSql(`min(${mantissaColumn(target.field)})`, target),
  MAX: (target) => partialSql(`max(${mantissaColumn(target.field)})`, target),
  COUNT: (target) =>
    partialSql("count(*)", { ...target, field: { ...target.field, isNumeric: false } }),
  LATEST: latestSql,
  UNIQUE: uniqueSql,
};

const total = (parts: readonly ScalePart[]): Decimal => sum(parts.map(({ value }) => value));
const counted = (parts: readonly ScalePart[]): Decimal =>
  decimal(parts.reduce((count, part) => count + part.count, 0n));

const combine: Record<AggregationMethod, (parts: readonly ScalePart[]) => Decimal> = {
  SUM: total,
  COUNT: total,
  LATEST: total,
  UNIQUE: total,
  MIN: (parts) => parts.map(({ value }) => value).reduce(min),
  MAX: (parts) => parts.map(({ value }) => value).reduce(max),
  MEAN: (parts) => total(parts).div(counted(parts)),
};

/** The places where a field code is kept: a meter edit may have moved the code to another category, hence column. */
const targetsOf = (table: MeterTable, question: AggregateQuestion, accounts: AccountNumbers) => {
  const { targetField, window, accountIds, method, orgId } = question;
  const numbers = accountIds?.flatMap((id) => accounts.find(orgId, id) ?? []);
  if (numbers?.length === 0) return [];
  const textCounts = method === "COUNT" || method === "UNIQUE";
  return table.fields
    .filter((field) => field.code === targetField && (field.isNumeric || textCounts))
    .map((field): Target => {
      const conditions = [
        `ts >= make_timestamp(${window.start})`,
        `ts < make_timestamp(${window.end})`,
        `${mantissaColumn(field)} IS NOT NULL`,
        ...(numbers === undefined ? [] : [`account IN (${numbers.join(", ")})`]),
      ];
      return { table, field, where: conditions.join(" AND ") };
    });
};

interface Source {
  readonly table: MeterTable;
  readonly accounts: AccountNumbers;
}

/** One quantity per account that has values of the field in the window. */
export const aggregate = async (
  connection: DuckDBConnection,
  { table, accounts }: Source,
  question: AggregateQuestion,
): Promise<readonly Quantity[]> => {
  const partials: ScalePart[] = [];
  for (const target of targetsOf(table, question, accounts)) {
    const rows = await rowsOf(connection, sqlOf[question.method](target));
    for (const [account, mantissa, scale, count] of rows) {
      const value = decimalOf(bigInteger(mantissa), integer(scale));
      partials.push({ account: integer(account), value, count: bigInteger(count) });
    }
  }
  return [...Map.groupBy(partials, (partial) => partial.account)].map(([account, ofAccount]) => ({
    accountId: accounts.at(account).accountId,
    quantity: combine[question.method](ofAccount).toString(),
  }));
};
