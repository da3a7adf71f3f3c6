import { type Decimal, decimal } from "../exact/decimal.ts";
import type { RoundingMode } from "../exact/rounding.ts";
import { type ArithmeticResult, isFault, roundTo } from "./arithmetic.ts";
import { CalculationError, type Site } from "./calculation-error.ts";
import { type DateResult, formatDate, parseDate } from "./date-time.ts";
import { scaleMax } from "./limits.ts";
import { numberAt, textAt } from "./operand.ts";
import {
  castOfNull,
  defaultFormats,
  halfRounding,
  raise,
  castToBoolean,
  castToNumber,
  castToString,
} from "./rules.ts";
import type { FunctionName } from "./syntax.ts";
import type { Outcome, Value } from "./value.ts";

/** Functions that look at their parameters one after the other and may stop early. */
export type LazyFunctionName = "isnull" | "IN";

/** One call: the values of its parameters and where they and the call stand. */
export interface Call {
  readonly values: readonly Value[];
  readonly sites: readonly Site[];
  readonly site: Site;
}

type Apply = (call: Call) => Outcome;

/** A result at the place of its operation, with a sentence when there is none. */
export const numberOrError = (result: ArithmeticResult, site: Site): Decimal | CalculationError => {
  if (!isFault(result)) return result;
  switch (result) {
    case "DIVISION_BY_ZERO":
      return site.fail(result, `${site.source} divides by zero`);
    case "OUT_OF_RANGE":
      return site.fail(result, `${site.source} is too large a number`);
    case "NOT_REAL":
      return site.fail("BAD_ARGUMENT", `${site.source} is a root of a negative number`);
  }
};

const valueIn = ({ values }: Call, index: number): Value => values[index] ?? null;

const siteIn = ({ sites, site }: Call, index: number): Site => sites[index] ?? site;

const numberIn = (call: Call, index: number): Decimal | CalculationError =>
  numberAt(valueIn(call, index), siteIn(call, index));

const textIn = (call: Call, index: number): string | CalculationError =>
  textAt(valueIn(call, index), siteIn(call, index));

/** The parameter for which no other one is preferred. */
const choosing =
  (isPreferred: (candidate: Decimal, chosen: Decimal) => boolean): Apply =>
  (call) => {
    let chosen = numberIn(call, 0);
    for (let index = 1; index < call.values.length; index += 1) {
      if (chosen instanceof CalculationError) return chosen;
      const candidate = numberIn(call, index);
      if (candidate instanceof CalculationError) return candidate;
      if (isPreferred(candidate, chosen)) chosen = candidate;
    }
    return chosen;
  };

/** Rounds to a scale: positive for decimals, negative for powers of ten, absent for whole. */
const rounding =
  (mode: Exclude<RoundingMode, "UNNECESSARY">): Apply =>
  (call) => {
    const number = numberIn(call, 0);
    if (number instanceof CalculationError) return number;
    const scale = call.values.length > 1 ? scaleIn(call, 1) : 0;
    if (scale instanceof CalculationError) return scale;
    return numberOrError(roundTo(number, scale, mode), call.site);
  };

const scaleIn = (call: Call, index: number): number | CalculationError => {
  const scale = numberIn(call, index);
  if (scale instanceof CalculationError) return scale;
  const whole = scale.round(0, "UNNECESSARY");
  if (whole !== undefined && whole.abs().lte(decimal(scaleMax))) return whole.toNumber();
  const site = siteIn(call, index);
  const message = `a scale is a whole number from -${scaleMax} to ${scaleMax}`;
  return site.fail("BAD_ARGUMENT", message);
};

const casting =
  (type: string, cast: (value: Exclude<Value, null>) => Value | undefined): Apply =>
  (call) => {
    const value = valueIn(call, 0);
    if (value === null) return castOfNull;
    const result = cast(value);
    if (result !== undefined) return result;
    const site = siteIn(call, 0);
    return site.fail("BAD_ARGUMENT", `${site.source} cannot be read as a ${type}`);
  };

const dateOrError = <T extends Value>(result: DateResult<T>, site: Site): Outcome =>
  result.ok ? result.value : site.fail("BAD_ARGUMENT", result.problem);

/** Every function that is called with the values of all its parameters. */
export const functions: Readonly<Record<Exclude<FunctionName, LazyFunctionName>, Apply>> = {
  "Math.max": choosing((candidate, chosen) => candidate.gt(chosen)),
  "Math.min": choosing((candidate, chosen) => candidate.lt(chosen)),
  "Math.floor": rounding("FLOOR"),
  "Math.ceil": rounding("CEILING"),
  "Math.round": rounding(halfRounding),
  "Math.pow": (call) => {
    const base = numberIn(call, 0);
    const exponent = numberIn(call, 1);
    if (base instanceof CalculationError) return base;
    if (exponent instanceof CalculationError) return exponent;
    return numberOrError(raise(base, exponent), call.site);
  },
  "Math.abs": (call) => {
    const number = numberIn(call, 0);
    return number instanceof CalculationError ? number : number.abs();
  },
  Number: casting("number", castToNumber),
  String: casting("string", castToString),
  Boolean: casting("boolean", castToBoolean),
  "DateTime.parse": (call) => {
    const text = textIn(call, 0);
    if (text instanceof CalculationError) return text;
    const pattern = call.values.length > 1 ? textIn(call, 1) : undefined;
    if (pattern instanceof CalculationError) return pattern;
    return dateOrError(
      parseDate(text, pattern === undefined ? defaultFormats : [pattern]),
      call.site,
    );
  },
  "DateTime.format": (call) => {
    const epochMs = numberIn(call, 0);
    const pattern = textIn(call, 1);
    if (epochMs instanceof CalculationError) return epochMs;
    if (pattern instanceof CalculationError) return pattern;
    return dateOrError(formatDate(epochMs, pattern), call.site);
  },
};
