import { Decimal, decimal, max, min, sum } from "@turnpike/engine/exact/decimal.ts";
import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import type { AggregationMethod } from "../../ports/usage-store.ts";
import { bigInteger, integer, rowsOf } from "./cells.ts";
import type { FieldPlace } from "./meter-tables.ts";
import { valuesSql } from "./relation.ts";
import type { GroupKey, Scope } from "./relation.ts";

/** What one group's values of one scale come to; scales are added up outside, where numbers have no width. */
interface ScalePart {
  readonly keys: readonly DuckDBValue[];
  readonly value: Decimal;
  readonly count: bigint;
}

/** What a group's values come to. */
export interface GroupValue {
  readonly keys: readonly DuckDBValue[];
  readonly value: Decimal;
}

/** Numbers beyond 2^53 may be kept with a negative scale. */
export const decimalOf = (mantissa: bigint, scale: number): Decimal =>
  scale >= 0 ? new Decimal(mantissa, scale) : decimal(mantissa * 10n ** BigInt(-scale));

interface Values {
  /** A relation with `k0, k1, …, value, scale, ts, position, uid`. */
  readonly sql: string;
  /** `k0, k1, `, ready to stand before other columns. */
  readonly keys: string;
}

/** Values of different scales never meet in SQL, where a common scale could overflow. */
const perScale =
  (expression: string) =>
  ({ sql, keys }: Values): string =>
    `SELECT ${keys}${expression}, scale, count(*) FROM (${sql}) GROUP BY ALL`;

/** Nothing to add up by scale: one number for the group. */
const whole =
  (expression: string) =>
  ({ sql, keys }: Values): string =>
    `SELECT ${keys}${expression}, 0, 1 FROM (${sql}) GROUP BY ALL`;

/**
 * The latest value has the greatest ts; of several the one received last, then the one with the highest uid (m3ter
 * semantics 6.2, [R]).
 */
const latestSql = ({ sql, keys }: Values): string => {
  const partition = keys === "" ? "" : `PARTITION BY ${keys.slice(0, -2)}`;
  return `
    WITH rows AS (${sql}),
    tied AS (SELECT * FROM rows QUALIFY ts = max(ts) OVER (${partition}))
    SELECT ${keys}value, scale, 1
    FROM tied ASOF JOIN batch ON tied.position >= batch.first_position
    QUALIFY row_number() OVER (${partition} ORDER BY received_at DESC, uid DESC) = 1`;
};

const sqlOf: Record<AggregationMethod, (values: Values) => string> = {
  SUM: perScale("sum(value)"),
  MEAN: perScale("sum(value)"),
  MIN: perScale("min(value)"),
  MAX: perScale("max(value)"),
  COUNT: whole("count(*)"),
  LATEST: latestSql,
  UNIQUE: whole("count(DISTINCT (value, scale))"),
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

/** Strings can be counted, not added up (6.2). */
const takesText: ReadonlySet<AggregationMethod> = new Set(["COUNT", "UNIQUE"]);

export interface FieldMethod {
  readonly fieldCode: string;
  readonly method: AggregationMethod;
}

/** A field code has more than one place once a meter edit has moved it to another category. */
const placesOf = ({ table }: Scope, { fieldCode, method }: FieldMethod): readonly FieldPlace[] =>
  table.fields.filter(
    ({ code, isNumeric }) => code === fieldCode && (isNumeric || takesText.has(method)),
  );

const keyOf = (keys: readonly DuckDBValue[]): string => keys.map(String).join("\u0001");

/** The method on a field of the scope, for each group that has values of it. */
export const aggregateGroups = async (
  connection: DuckDBConnection,
  scope: Scope,
  { field, keys }: { readonly field: FieldMethod; readonly keys: readonly GroupKey[] },
): Promise<readonly GroupValue[]> => {
  const parts: ScalePart[] = [];
  for (const place of placesOf(scope, field)) {
    const columns = keys.map((_, index) => `k${index}, `).join("");
    const values = { sql: valuesSql(scope, place, keys), keys: columns };
    for (const row of await rowsOf(connection, sqlOf[field.method](values))) {
      const [value, scale, count] = row.slice(keys.length);
      parts.push({
        keys: row.slice(0, keys.length),
        value: decimalOf(bigInteger(value), integer(scale)),
        count: bigInteger(count),
      });
    }
  }
  return [...Map.groupBy(parts, (part) => keyOf(part.keys)).values()].map((ofGroup) => ({
    keys: ofGroup[0]?.keys ?? [],
    value: combine[field.method](ofGroup),
  }));
};
