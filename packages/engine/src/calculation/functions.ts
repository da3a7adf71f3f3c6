import {
  absolute,
  type ArithmeticResult,
  compare,
  isFault,
  type Rounding,
  roundTo,
} from "./arithmetic.ts";
import { CalculationError, type Site } from "./calculation-error.ts";
import { type DateResult, formatDate, parseDate } from "./date-time.ts";
import { SCALE_MAX } from "./limits.ts";
import { amountAt, textAt } from "./operand.ts";
import {
  castOfNull,
  DEFAULT_FORMATS,
  HALF_ROUNDING,
  raise,
  toBoolean,
  toNumber,
  toText,
} from "./rules.ts";
import type { FunctionName } from "./syntax.ts";
import type { Amount, Outcome, Scalar } from "./value.ts";

/** Functions that look at their parameters one after the other and may stop early. */
export type LazyFunctionName = "isnull" | "IN";

/** One call: the values of its parameters and where they and the call stand. */
export interface Call {
  readonly values: readonly Scalar[];
  readonly sites: readonly Site[];
  readonly site: Site;
}

type Apply = (call: Call) => Outcome;

/** A result at the place of its operation, with a sentence when there is none. */
export const amountOrError = (result: ArithmeticResult, site: Site): Amount | CalculationError => {
  if (!isFault(result)) return result;
  switch (result) {
    case "DIVISION_BY_ZERO":
      return site.fail(result, `${site.source} divides by zero`);
    case "OUT_OF_RANGE":
      return site.fail(result, `${site.source} is too large a number`);
    case "NOT_REAL":
      return site.fail("OUT_OF_RANGE", `${site.source} is a root of a negative number`);
  }
};

const valueIn = ({ values }: Call, index: number): Scalar => values[index] ?? null;

const siteIn = ({ sites, site }: Call, index: number): Site => sites[index] ?? site;

const amountIn = (call: Call, index: number): Amount | CalculationError =>
  amountAt(valueIn(call, index), siteIn(call, index));

const textIn = (call: Call, index: number): string | CalculationError =>
  textAt(valueIn(call, index), siteIn(call, index));

/** The parameter for which no other one is preferred. */
const choosing =
  (isPreferred: (candidate: Amount, chosen: Amount) => boolean): Apply =>
  (call) => {
    let chosen = amountIn(call, 0);
    for (let index = 1; index < call.values.length; index += 1) {
      if (chosen instanceof CalculationError) return chosen;
      const candidate = amountIn(call, index);
      if (candidate instanceof CalculationError) return candidate;
      if (isPreferred(candidate, chosen)) chosen = candidate;
    }
    return chosen;
  };

/** Rounds to a scale: positive for decimals, negative for powers of ten, absent for whole. */
const rounding =
  (mode: Rounding): Apply =>
  (call) => {
    const amount = amountIn(call, 0);
    if (amount instanceof CalculationError) return amount;
    const scale = call.values.length > 1 ? scaleIn(call, 1) : 0;
    if (scale instanceof CalculationError) return scale;
    return amountOrError(roundTo(amount, scale, mode), call.site);
  };

const scaleIn = (call: Call, index: number): number | CalculationError => {
  const scale = amountIn(call, index);
  if (scale instanceof CalculationError) return scale;
  const isWhole = compare(scale, Math.trunc(Number(scale))) === 0;
  if (isWhole && compare(absolute(scale), SCALE_MAX) <= 0) return Number(scale);
  const site = siteIn(call, index);
  const message = `a scale is a whole number from -${SCALE_MAX} to ${SCALE_MAX}`;
  return site.fail("BAD_ARGUMENT", message);
};

const casting =
  (type: string, cast: (value: Exclude<Scalar, null>) => Scalar | undefined): Apply =>
  (call) => {
    const value = valueIn(call, 0);
    if (value === null) return castOfNull;
    const result = cast(value);
    if (result !== undefined) return result;
    const site = siteIn(call, 0);
    return site.fail("BAD_ARGUMENT", `${site.source} cannot be read as a ${type}`);
  };

const dateOrError = <T extends Scalar>(result: DateResult<T>, site: Site): Outcome =>
  result.ok ? result.value : site.fail("BAD_ARGUMENT", result.problem);

/** Every function that is called with the values of all its parameters. */
export const FUNCTIONS: Readonly<Record<Exclude<FunctionName, LazyFunctionName>, Apply>> = {
  "Math.max": choosing((candidate, chosen) => compare(candidate, chosen) > 0),
  "Math.min": choosing((candidate, chosen) => compare(candidate, chosen) < 0),
  "Math.floor": rounding("FLOOR"),
  "Math.ceil": rounding("CEILING"),
  "Math.round": rounding(HALF_ROUNDING),
  "Math.pow": (call) => {
    const base = amountIn(call, 0);
    const exponent = amountIn(call, 1);
    if (base instanceof CalculationError) return base;
    if (exponent instanceof CalculationError) return exponent;
    return amountOrError(raise(base, exponent), call.site);
  },
  "Math.abs": (call) => {
    const amount = amountIn(call, 0);
    return amount instanceof CalculationError ? amount : absolute(amount);
  },
  Number: casting("number", toNumber),
  String: casting("string", toText),
  Boolean: casting("boolean", toBoolean),
  "DateTime.parse": (call) => {
    const text = textIn(call, 0);
    if (text instanceof CalculationError) return text;
    const pattern = call.values.length > 1 ? textIn(call, 1) : undefined;
    if (pattern instanceof CalculationError) return pattern;
    return dateOrError(
      parseDate(text, pattern === undefined ? DEFAULT_FORMATS : [pattern]),
      call.site,
    );
  },
  "DateTime.format": (call) => {
    const epochMs = amountIn(call, 0);
    const pattern = textIn(call, 1);
    if (epochMs instanceof CalculationError) return epochMs;
    if (pattern instanceof CalculationError) return pattern;
    return dateOrError(formatDate(epochMs, pattern), call.site);
  },
};
