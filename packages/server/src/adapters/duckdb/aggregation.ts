import { Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import type { AggregationMethod, Statistic } from "../../ports/usage-store.ts";
import { bigInteger, integer, rowsOf } from "./cells.ts";
import type { CustomSql } from "./custom-sql.ts";
import {
  type Evaluation,
  type Part,
  peakSumEvaluation,
  percentileEvaluation,
  plainEvaluations,
  takesText,
  timeWeightedEvaluation,
} from "./methods.ts";
import type { Readers } from "./readers.ts";
import { fromSql, valuesSql } from "./relation.ts";
import type { GroupKey, Scope, ValuesQuestion } from "./relation.ts";
import { bucketPieces, timeKey } from "./time-buckets.ts";

/** What a group's values come to; null where custom SQL has failed on them. */
export type GroupValue =
  | { readonly keys: readonly DuckDBValue[]; readonly value: Decimal }
  | { readonly keys: readonly DuckDBValue[]; readonly value: null; readonly fault: string };

/** Numbers beyond 2^53 may be kept with a negative scale. */
export const decimalOf = (mantissa: bigint, scale: number): Decimal =>
  scale >= 0 ? new Decimal(mantissa, scale) : decimal(mantissa * 10n ** BigInt(-scale));

export interface FieldMethod {
  readonly fieldCode: string;
  readonly method: AggregationMethod;
}

export interface GroupsQuestion {
  readonly field: FieldMethod;
  readonly keys: readonly GroupKey[];
  /** Of groups by time the latest will do. */
  readonly bucketsMax?: number;
}

interface Prepared {
  readonly values: string;
  readonly keys: readonly string[];
  readonly evaluation: Evaluation;
}

const keyNames = (keys: readonly GroupKey[]): string[] => keys.map((_, index) => `k${index}`);

/** When the first value of the scope was measured; before it there is no time to weigh. */
const firstMicros = async (
  connection: DuckDBConnection,
  scope: Scope,
): Promise<number | undefined> => {
  const sql = `SELECT epoch_us(min(usage.ts)) ${fromSql(scope, [], true)}`;
  const [[first = null] = []] = await rowsOf(connection, sql);
  return first === null ? undefined : integer(first);
};

/** Time is no property of a value that holds on: it is cut where buckets meet. */
const prepareTimeWeighted = async (
  connection: DuckDBConnection,
  scope: Scope,
  {
    places,
    keys,
    unit,
    bucketsMax = Number.POSITIVE_INFINITY,
  }: ValuesQuestion & {
    readonly unit: Extract<Statistic, { kind: "TIME_WEIGHTED_SUM" }>["unit"];
    readonly bucketsMax?: number | undefined;
  },
): Promise<Prepared | undefined> => {
  const named = keyNames(keys);
  const at = keys.findIndex(({ time }) => time !== undefined);
  const time = keys[at]?.time;
  // The values come without the bucket, under the names that keys have in the answer.
  const expressions = keys.map((key, index) => (index === at ? { expression: "NULL" } : key));
  const values = valuesSql(scope, { places, keys: expressions }, true);
  if (time === undefined) {
    return { values, keys: named, evaluation: timeWeightedEvaluation({ unit }) };
  }
  const first = await firstMicros(connection, scope);
  if (first === undefined) return undefined;
  const window = { ...scope.window, start: Math.max(scope.window.start, first) };
  const pieces = bucketPieces(time, window, bucketsMax);
  return {
    values,
    keys: named.map((name, index) => (index === at ? "bucket" : name)),
    evaluation: timeWeightedEvaluation({ unit, pieces }),
  };
};

const prepare = async (
  connection: DuckDBConnection,
  scope: Scope,
  {
    places,
    keys,
    method,
    bucketsMax,
  }: ValuesQuestion & {
    readonly method: Exclude<AggregationMethod, { kind: "CUSTOM_SQL" }>;
    readonly bucketsMax?: number | undefined;
  },
): Promise<Prepared | undefined> => {
  const named = keyNames(keys);
  const plain = () => valuesSql(scope, { places, keys });
  if (typeof method === "string") {
    return { values: plain(), keys: named, evaluation: plainEvaluations[method] };
  }
  switch (method.kind) {
    case "PERCENTILE": {
      const evaluation = percentileEvaluation(decimal(method.percentile));
      return { values: plain(), keys: named, evaluation };
    }
    case "PEAK_SUM": {
      const withWindow = [...keys, timeKey(method.per, method.timeZone, scope.window)];
      const values = valuesSql(scope, { places, keys: withWindow });
      return { values, keys: named, evaluation: peakSumEvaluation };
    }
    case "TIME_WEIGHTED_SUM": {
      const { unit } = method;
      return prepareTimeWeighted(connection, scope, { places, keys, unit, bucketsMax });
    }
  }
};

/**
 * Equal for the groups of equal keys, of which integers may come in several widths; no value is not the text `null`. An
 * answer by the hour has one key and hundreds of groups.
 */
export const groupName = (keys: readonly DuckDBValue[]): DuckDBValue => {
  const [key = null] = keys;
  if (keys.length === 1) return typeof key === "bigint" ? Number(key) : key;
  return JSON.stringify(keys.map((each) => (each === null ? null : String(each))));
};

/** Evaluates methods on fields of a scope, for each group that has values of them. */
export class Aggregator {
  readonly #readers: Readers;
  readonly #customSql: CustomSql;

  constructor(readers: Readers, customSql: CustomSql) {
    this.#readers = readers;
    this.#customSql = customSql;
  }

  async groups(scope: Scope, question: GroupsQuestion): Promise<readonly GroupValue[]> {
    return (await this.groupsUpTo(Number.POSITIVE_INFINITY, scope, question)) ?? [];
  }

  /** Undefined when there are more groups than that, or more numbers that they are made of; no more are read. */
  async groupsUpTo(
    rowsMax: number,
    scope: Scope,
    { field, keys, bucketsMax }: GroupsQuestion,
  ): Promise<readonly GroupValue[] | undefined> {
    const { method, fieldCode } = field;
    if (typeof method === "object" && method.kind === "CUSTOM_SQL") {
      return this.#customSql.groups(scope, { sql: method.sql, keys, groupsMax: rowsMax });
    }
    const places = scope.table.fields.filter(
      ({ code, isNumeric }) => code === fieldCode && (isNumeric || takesText(method)),
    );
    if (places.length === 0) return [];
    return this.#readers.use(async (connection) => {
      const prepared = await prepare(connection, scope, { places, keys, method, bucketsMax });
      return prepared === undefined ? [] : evaluate(connection, prepared, rowsMax);
    });
  }
}

const evaluate = async (
  connection: DuckDBConnection,
  { values, keys, evaluation }: Prepared,
  rowsMax: number,
): Promise<readonly GroupValue[] | undefined> => {
  const sql = evaluation.sql({ sql: values, keys });
  const isBounded = Number.isFinite(rowsMax);
  const upTo = isBounded ? `SELECT * FROM (${sql}) LIMIT ${rowsMax + 1}` : sql;
  const rows = await rowsOf(connection, upTo);
  if (rows.length > rowsMax) return undefined;
  const parts = rows.map((row): Part & { readonly keys: readonly DuckDBValue[] } => {
    const [value, scale, count] = row.slice(keys.length);
    return {
      keys: row.slice(0, keys.length),
      value: decimalOf(bigInteger(value), integer(scale)),
      count: bigInteger(count),
    };
  });
  return [...Map.groupBy(parts, (part) => groupName(part.keys)).values()].map((ofGroup) => ({
    keys: ofGroup[0]?.keys ?? [],
    value: evaluation.combine(ofGroup),
  }));
};
