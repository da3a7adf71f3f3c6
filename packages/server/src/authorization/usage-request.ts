import type { Budget } from "@turnpike/engine/ledger/budget-window.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { fieldNamedTwice, timeFault } from "@turnpike/contract/usage/measurement-rules.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { Price } from "@turnpike/engine/ledger/price.ts";
import { isAssetKept, keepAsset } from "./amounts.ts";
import { unpricedFurther, withBudgeted } from "./prices/countings.ts";
import { derivedOf } from "./prices/derived-usage.ts";
import { dimensionsOf } from "./prices/dimensions.ts";
import { asFiltered, dividedBy, filteredBy } from "./prices/filtered-usage.ts";
import { inSegment, segmentedBy } from "./prices/segmented-usage.ts";
import type { DerivedValues } from "../ports/derived-fields.ts";
import type { LedgerParts } from "./ledger.ts";
import {
  completed,
  dividingTextsOf,
  fieldsOf,
  isDerived,
  isIndivisible,
  type MeasuredUsage,
  type Meter,
  numberPath,
  quantityIn,
  type QuantityReading,
} from "./usage/measurements.ts";
import type { QuantityRule } from "./prices/kept-prices.ts";
import type { MeterRecord } from "./prices/meters.ts";
import { asUnpriced, type MeterPrice } from "./prices/meter-price.ts";
import type { MeterUsage } from "./prices/prices.ts";
import { priceOf } from "./request-price.ts";

export interface UsageOf extends MeasurementFields {
  readonly account: string;
  readonly meter: string;
  readonly ts?: string | undefined;
  readonly amount?: string | undefined;
  readonly asset?: string | undefined;
  readonly maxAmount?: string | undefined;
  readonly assets?: readonly string[] | undefined;
}

/** Usage with its price, its quantity and what it is counted in. */
export interface PricedUsage {
  readonly price: Price;
  readonly quantity: bigint;
  readonly unit: string | null;
  /** Of the plan that prices the meter, also where only the end of the period tells how much; else the meter's own. */
  readonly productId: string | undefined;
  readonly occurredAt: number;
  readonly measured: MeasuredUsage;
  readonly dividingTexts: MeasurementFields | null;
  /** There is no half of a call that counts as one. */
  readonly isIndivisible: boolean;
  /** Whether a calculation says how much it is. */
  readonly isDerived: boolean;
}

interface UsageTimes {
  readonly ts?: string | undefined;
  readonly ets?: string | undefined;
}

/** When the usage began; VALIDATION_FAILED where the usage store would not have it. */
export const occurredAt = ({ ts, ets }: UsageTimes, now: number): number => {
  const at = ts === undefined ? now : Date.parse(ts);
  const etsMicros = ets === undefined ? undefined : Date.parse(ets) * 1000;
  const fault = timeFault({ tsMicros: at * 1000, etsMicros }, now);
  if (fault === undefined) return at;
  throw fieldProblem("VALIDATION_FAILED", fault.field, fault.message);
};

/** The usage store has no row for a measurement that names a field in two categories. */
const checkFields = (fields: MeasurementFields, meter: Meter | undefined): void => {
  const twice = fieldNamedTwice(meter === undefined ? fields : completed(fields, meter));
  if (twice === undefined) return;
  const field = `${twice.category}.${twice.code}`;
  throw fieldProblem("VALIDATION_FAILED", field, "is a field of another category as well");
};

/** What was sent, with the quantity that each rule counts of it. */
export const measuredBy = (
  sent: MeasurementFields,
  rules: readonly QuantityRule[],
  reading: QuantityReading,
): MeasuredUsage => {
  const fields = fieldsOf(sent);
  checkFields(fields, reading.meter);
  const counted = rules.map((rule) => {
    const quantity = quantityIn(fields, rule, reading);
    if (quantity !== undefined) return { rule, quantity };
    throw fieldProblem("VALIDATION_FAILED", numberPath(fields, rule), "is too fine a number");
  });
  return { fields, counted };
};

/** What is asked for, or was used of it, is no less than nothing: only a correction may take usage back. */
export const refuseNegative = ({ fields, counted }: MeasuredUsage): void => {
  const negative = counted.find(({ quantity }) => quantity < 0n);
  if (negative === undefined) return;
  const path = numberPath(fields, negative.rule);
  throw fieldProblem("VALIDATION_FAILED", path, "must not be negative");
};

const firstQuantity = ({ counted }: MeasuredUsage): bigint => counted[0]?.quantity ?? 0n;

/** What a request's usage is and costs, by its own amount or by the account's plan at the time of the usage. */
export const priceUsage = (
  parts: LedgerParts,
  asked: { readonly orgId: string; readonly isReadOnly: boolean },
  usage: UsageOf,
): Promise<PricedUsage> => {
  const at = occurredAt(usage, parts.now());
  return priced(parts, { ...asked, at, hasHappened: false }, usage);
};

/**
 * The same of usage that happened without being asked for, which is not refused any more: whether its time can be was
 * judged before. The measurement keeps the digits that are rounded off here.
 */
export const priceMeasured = (
  parts: LedgerParts,
  asked: { readonly orgId: string; readonly at: number },
  usage: UsageOf,
): Promise<PricedUsage> => priced(parts, { ...asked, isReadOnly: false, hasHappened: true }, usage);

interface Asked {
  readonly orgId: string;
  /** When it was, or is to be, used. */
  readonly at: number;
  /** Whether nothing of the answer is kept. */
  readonly isReadOnly: boolean;
  readonly hasHappened: boolean;
}

const priced = async (parts: LedgerParts, asked: Asked, usage: UsageOf): Promise<PricedUsage> => {
  const { orgId, at, isReadOnly, hasHappened } = asked;
  const configuration = await parts.configurations.of(orgId);
  const meter = await meterNamed(parts, asked, usage.meter);
  const used = await parts.prices.usage(orgId, usage.meter);
  const wanted = { orgId, usage, meter, used, at };
  const { found, derived, counting } = await foundFor(parts, wanted);
  const { countings, rules, decidingRules } = counting;
  const reading = { meter, isUsed: true, derived, rounds: hasHappened };
  const measured = measuredBy(usage, rules, reading);
  const given = { usage, further: unpricedFurther(countings, measured) };
  const counted = {
    quantity: firstQuantity(measured),
    unit: countings[0]?.unit ?? null,
    occurredAt: at,
    measured,
    dividingTexts: dividingTextsOf(measured.fields, dividedBy(used, found), meter),
    productId: found.productId ?? meter.productId,
    isIndivisible: decidingRules.some((rule) => isIndivisible(rule, meter)),
    isDerived: decidingRules.some((rule) => isDerived(rule, meter)),
  };
  const price = priceOf(configuration, { found, ...given, hasHappened });
  if (!isReadOnly && !isAssetKept(parts, orgId, price)) await keepAsset(parts, orgId, price.asset);
  return { ...counted, price };
};

interface Wanted {
  readonly orgId: string;
  readonly usage: UsageOf;
  readonly meter: MeterRecord;
  readonly used: MeterUsage;
  readonly at: number;
}

interface Found {
  readonly found: MeterPrice;
  readonly derived: DerivedValues["values"];
  readonly counting: ReturnType<typeof countingOf>;
}

/** What the account's plans say of this very usage, by its texts; what is derived of it, and what of it is counted. */
const foundFor = async (
  parts: LedgerParts,
  { orgId, usage, meter, used, at }: Wanted,
): Promise<Found> => {
  const { budgets } = await parts.limits.of(orgId, [usage.account]);
  const offered = await planPrice(parts, { orgId, usage, at, isPriced: used.isPriced });
  const counting = countingOf(budgets, { usage, used, found: offered });
  const dividing = [...segmentedBy(offered), ...filteredBy(offered)];
  const { values: derived, byReceipt } = await derivedOf(parts, orgId, {
    account: usage.account,
    meter,
    rules: [...counting.rules, ...dividing],
    fields: usage,
    at,
  });
  const late = [...counting.decidingRules, ...dividing].find(({ field }) => byReceipt.has(field));
  const dimensions = (): Record<string, string> =>
    dimensionsOf(completed(fieldsOf(usage), meter), derived);
  const found =
    late === undefined
      ? asFiltered(inSegment(offered, dimensions), dimensions)
      : asUnpriced(offered, `${late.field} depends on when the usage is received`);
  // Most prices are of all usage, whatever its texts.
  if (found === offered) return { found, derived, counting };
  return { found, derived, counting: countingOf(budgets, { usage, used, found }) };
};

const meterNamed = async (
  { prices }: LedgerParts,
  { orgId, isReadOnly }: Asked,
  code: string,
): Promise<MeterRecord> => {
  const meter = await (isReadOnly ? prices.meter : prices.keptMeter)(orgId, code);
  if (meter === undefined)
    throw fieldProblem("REFERENCE_NOT_FOUND", "meter", `names no meter: ${code}`);
  return meter;
};

/** What of the usage is counted: for its price first, then for budgets only. */
const countingOf = (
  budgets: readonly Budget[],
  { usage, used, found }: Pick<Wanted, "usage" | "used"> & { readonly found: MeterPrice },
) => {
  const { amount, asset } = usage;
  const isExplicit = amount !== undefined && asset !== undefined;
  const deciding = found.kind === "priced" && !isExplicit ? found.parts : used.countings;
  const countings = withBudgeted(deciding, used.countings, budgets);
  const rules = countings.map(({ counts }) => counts);
  return { countings, rules, decidingRules: rules.slice(0, deciding.length) };
};

const notPriced = (why: string): MeterPrice => ({
  kind: "unpriced",
  why,
  currencies: [],
  productId: undefined,
  filterFields: [],
  hasFixedPrice: false,
});

/** What the plans of the account say that its usage costs then. */
export const planPrice = async (
  parts: LedgerParts,
  {
    orgId,
    usage,
    at,
    isPriced,
  }: {
    readonly orgId: string;
    readonly usage: Pick<UsageOf, "account" | "meter">;
    readonly at: number;
    /** Whether anything prices the meter, for whatever account. */
    readonly isPriced: boolean;
  },
): Promise<MeterPrice> => {
  const { account, meter } = usage;
  // Where calls name their prices, no account has to be looked up, nor its plans.
  if (!isPriced) return notPriced(`no plan prices ${meter}`);
  const accountId = (await parts.customers.idsOf(orgId, [account])).get(account);
  return accountId === undefined
    ? notPriced("the account does not exist")
    : parts.prices.at({ orgId, account, accountId, meter }, at);
};
