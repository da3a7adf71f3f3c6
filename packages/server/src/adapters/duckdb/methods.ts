import { type Decimal, decimal, max, min, sum } from "@turnpike/engine/exact/decimal.ts";
import type { PlainMethod, Statistic, TimeUnit } from "../../ports/usage-store.ts";
import type { BucketPiece } from "./time-buckets.ts";
import { uidSql } from "./uid-columns.ts";

/** What one group's values of one scale come to; scales are added up outside, where numbers have no width. */
export interface Part {
  readonly value: Decimal;
  readonly count: bigint;
}

interface Values {
  /** A relation with `k0, k1, …, value, scale, ts, position` and the columns of the uid. */
  readonly sql: string;
  /** `k0`, `k1`, …: a row of the answer for each combination of theirs. */
  readonly keys: readonly string[];
}

/** How a method is evaluated: SQL for rows of the keys, a sum, its scale and a count; then the rest. */
export interface Evaluation {
  readonly sql: (values: Values) => string;
  readonly combine: (parts: readonly Part[]) => Decimal;
}

const before = (keys: readonly string[], rest: string): string => [...keys, rest].join(", ");
const over = (keys: readonly string[]): string =>
  keys.length === 0 ? "" : `PARTITION BY ${keys.join(", ")}`;

/** Values of different scales never meet in SQL, where a common scale could overflow. */
const perScale =
  (expression: string) =>
  ({ sql, keys }: Values): string =>
    `SELECT ${before(keys, expression)}, scale, count(*) FROM (${sql}) GROUP BY ALL`;

/** Nothing to add up by scale: one number for the group. Without keys SQL has a group of no rows, which is none. */
const whole =
  (expression: string) =>
  ({ sql, keys }: Values): string =>
    `SELECT ${before(keys, expression)}, 0, 1 FROM (${sql}) GROUP BY ALL HAVING count(*) > 0`;

/**
 * The latest value has the greatest ts; of several the one received last, then the one with the highest uid (m3ter
 * semantics 6.2, [R]).
 */
const latestSql = ({ sql, keys }: Values): string => `
    WITH rows AS (${sql}),
    tied AS (SELECT * FROM rows QUALIFY ts = max(ts) OVER (${over(keys)}))
    SELECT ${before(keys, "value")}, scale, 1
    FROM tied ASOF JOIN batch ON tied.position >= batch.first_position
    QUALIFY row_number() OVER (${over(keys)} ORDER BY received_at DESC, ${uidSql("tied")} DESC) = 1`;

const total = (parts: readonly Part[]): Decimal => sum(parts.map(({ value }) => value));
const counted = (parts: readonly Part[]): Decimal =>
  decimal(parts.reduce((count, part) => count + part.count, 0n));

export const plainEvaluations: Readonly<Record<PlainMethod, Evaluation>> = {
  SUM: { sql: perScale("sum(value)"), combine: total },
  MEAN: { sql: perScale("sum(value)"), combine: (parts) => total(parts).div(counted(parts)) },
  MIN: {
    sql: perScale("min(value)"),
    combine: (parts) => parts.map(({ value }) => value).reduce(min),
  },
  MAX: {
    sql: perScale("max(value)"),
    combine: (parts) => parts.map(({ value }) => value).reduce(max),
  },
  COUNT: { sql: whole("count(*)"), combine: total },
  LATEST: { sql: latestSql, combine: total },
  UNIQUE: { sql: whole("count(DISTINCT (value, scale))"), combine: total },
};

/** More digits than a mantissa has. */
const mantissaDigits = 20;

/** Orders numbers of any scales as they are: by sign, by size as a power of ten, then by digits; nothing overflows. */
const inOrder = `(
  sign(value),
  sign(value) * (length(abs(value)::VARCHAR) - scale),
  sign(value) * rpad(abs(value)::VARCHAR, ${mantissaDigits}, '0')::HUGEINT)`;

/** The value at place ⌈percentile × n / 100⌉ of n, in integers throughout. */
export const percentileEvaluation = (percentile: Decimal): Evaluation => {
  const divisor = 100n * 10n ** BigInt(percentile.scale);
  const rank = `((${percentile.coefficient}::HUGEINT * total + ${divisor - 1n}) // ${divisor})`;
  return {
    sql: ({ sql, keys }) => `
      WITH counted AS (
        SELECT ${before(keys, "value")}, scale, count(*) AS count FROM (${sql}) GROUP BY ALL
      ), placed AS (
        SELECT *, sum(count) OVER (${over(keys)}) AS total,
          sum(count) OVER (${over(keys)} ORDER BY ${inOrder} ROWS UNBOUNDED PRECEDING) AS place
        FROM counted
      )
      SELECT ${before(keys, "value")}, scale, 1 FROM placed
      WHERE place >= ${rank} AND place - count < ${rank}`,
    combine: total,
  };
};

/** The values come with the time window as their last key, which is summed over. */
export const peakSumEvaluation: Evaluation = {
  sql: ({ sql, keys }) => {
    const window = `k${keys.length}`;
    return `
      WITH perScale AS (
        SELECT ${before(keys, window)}, scale, max(value) AS value FROM (${sql}) GROUP BY ALL
      ), peaks AS (
        SELECT ${before(keys, window)}, arg_max({value: value, scale: scale}, ${inOrder}) AS peak
        FROM perScale GROUP BY ALL
      )
      SELECT ${before(keys, "sum(peak.value)")}, peak.scale, count(*) FROM peaks GROUP BY ALL`;
  },
  combine: total,
};

const unitSeconds: Readonly<Record<TimeUnit, number>> = {
  SECOND: 1,
  MINUTE: 60,
  HOUR: 3600,
  DAY: 86_400,
};

/** Sums of value × time are added up in two parts, so that those of many accounts do not overflow. */
const weightDigits = 18;
const weightLimb = 10n ** BigInt(weightDigits);

/** Cuts the time that a value holds at the edges of buckets; their key is the last one. */
const piecesSql = (pieces: readonly BucketPiece[]): string => {
  const rows = pieces.map(
    ({ key, start, end }) => `(${key}, make_timestamp(${start}), make_timestamp(${end}))`,
  );
  return `SELECT * REPLACE (greatest(since, starts_at) AS since, least(until, ends_at) AS until)
    FROM states JOIN (VALUES ${rows.join(", ")}) AS piece(bucket, starts_at, ends_at)
    ON since < ends_at AND until > starts_at`;
};

interface TimeWeighing {
  readonly unit: TimeUnit;
  /** When answers are by time as well, under the key `bucket`. */
  readonly pieces?: readonly BucketPiece[];
}

/**
 * Each value holds from its ts, or from the start of the window, until the next one of the same account and keys. The
 * values come with those before the window, of which the latest is needed.
 */
export const timeWeightedEvaluation = ({ unit, pieces }: TimeWeighing): Evaluation => ({
  sql: ({ sql, keys }) => {
    const state = over([...keys.filter((key) => key !== "bucket"), "account", "starts"]);
    const answer = (weight: string, scale: string): string =>
      `SELECT ${before(keys, weight)}, ${scale}, 1 FROM weights GROUP BY ALL`;
    return `
      WITH history AS (${sql}),
      relevant AS (
        SELECT * FROM history
        QUALIFY ts >= coalesce(max(ts) FILTER (ts < starts) OVER (${state}), starts)
      ), held AS (
        SELECT *, greatest(ts, starts) AS since,
          coalesce(lead(ts) OVER (${state} ORDER BY ts, received_at, ${uidSql("relevant")}), ends) AS until
        FROM relevant ASOF JOIN batch ON relevant.position >= batch.first_position
      ), states AS (SELECT * FROM held WHERE until > since),
      pieces AS (${pieces === undefined ? "FROM states" : piecesSql(pieces)}),
      weights AS (
        SELECT *, value::HUGEINT * (epoch_us(until) - epoch_us(since)) AS weight FROM pieces
      )
      ${answer(`sum(weight // ${weightLimb})`, `scale - ${weightDigits}`)}
      UNION ALL ${answer(`sum(weight % ${weightLimb})`, "scale")}`;
  },
  combine: (parts) => total(parts).div(decimal(unitSeconds[unit] * 1_000_000)),
});

/** Texts can be counted, not added up (6.2). */
export const takesText = (method: PlainMethod | Statistic): boolean =>
  method === "COUNT" || method === "UNIQUE";
