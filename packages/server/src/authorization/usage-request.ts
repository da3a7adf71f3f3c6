import { fieldProblem } from "@turnpike/contract/problem.ts";
import { fieldNamedTwice, timeFault } from "@turnpike/contract/usage/measurement-rules.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { FurtherCount, FurtherPrice, Price } from "@turnpike/engine/ledger/price.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf, isAssetKept, keepAsset } from "./amounts.ts";
import type { Configuration } from "./configuration.ts";
import { unpricedFurther, withBudgeted } from "./prices/countings.ts";
import { derivedOf } from "./prices/derived-usage.ts";
import { asFiltered, dividedBy, filteredBy } from "./prices/filtered-usage.ts";
import type { LedgerParts } from "./ledger.ts";
import {
  completed,
  dividingTextsOf,
  fieldsOf,
  hasNumbers,
  isDerived,
  isIndivisible,
  type MeasuredUsage,
  type Meter,
  numberPath,
  quantityIn,
  type QuantityReading,
} from "./usage/measurements.ts";
import type { KeptPrice, QuantityRule } from "./prices/kept-prices.ts";
import type { MeterPrice } from "./prices/prices.ts";

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
const measuredBy = (
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
): Promise<PricedUsage> => priced(parts, { ...asked, hasHappened: false }, usage);

/**
 * The same of usage that happened without being asked for, which is not refused any more. The measurement keeps the digits
 * that are rounded off here.
 */
export const priceMeasured = (
  parts: LedgerParts,
  orgId: string,
  usage: UsageOf,
): Promise<PricedUsage> => priced(parts, { orgId, isReadOnly: false, hasHappened: true }, usage);

interface Asked {
  readonly orgId: string;
  /** Whether nothing of the answer is kept. */
  readonly isReadOnly: boolean;
  readonly hasHappened: boolean;
}

const priced = async (
  parts: LedgerParts,
  { orgId, isReadOnly, hasHappened }: Asked,
  usage: UsageOf,
): Promise<PricedUsage> => {
  const { prices } = parts;
  const configuration = await parts.configurations.of(orgId);
  const meter = await (isReadOnly ? prices.meter : prices.keptMeter)(orgId, usage.meter);
  if (meter === undefined)
    throw fieldProblem("REFERENCE_NOT_FOUND", "meter", `names no meter: ${usage.meter}`);
  const at = occurredAt(usage, parts.now());
  const { amount, asset } = usage;
  const isExplicit = amount !== undefined && asset !== undefined;
  const used = await prices.usage(orgId, usage.meter);
  const found = await planPrice(parts, { orgId, usage, at, isPriced: used.isPriced });
  const { account } = usage;
  const { budgets } = configuration;
  const deciding = found.kind === "priced" && !isExplicit ? found.parts : used.countings;
  const countings = withBudgeted(deciding, used.countings, { budgets, account });
  const rules = countings.map(({ counts }) => counts);
  const decidingRules = rules.slice(0, deciding.length);
  const filtered = filteredBy(found);
  const derived = await derivedOf(parts, orgId, {
    account,
    meter,
    rules: [...rules, ...filtered],
    fields: usage,
    at,
  });
  const reading = { meter, isUsed: true, derived: derived.values, rounds: hasHappened };
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
  const late = [...decidingRules, ...filtered].find(({ field }) => derived.byReceipt.has(field));
  const pricing = { found, ...given, derived: derived.values, late, hasHappened };
  const price = priceOf(configuration, pricing);
  if (!isReadOnly && !isAssetKept(parts, orgId, price)) await keepAsset(parts, orgId, price.asset);
  return { ...counted, price };
};

interface Pricing {
  readonly found: MeterPrice;
  readonly usage: UsageOf;
  readonly further: readonly FurtherCount[];
  readonly derived: QuantityReading["derived"];
  /** What a price counts and is not known before the usage is received. */
  readonly late: QuantityRule | undefined;
  readonly hasHappened: boolean;
}

const priceOf = (configuration: Configuration, pricing: Pricing): Price => {
  const { found, usage, further, late } = pricing;
  const { amount, asset } = usage;
  if (amount !== undefined && asset !== undefined) {
    if (!pricing.hasHappened) refuseOther(found, { code: asset, field: "asset" });
    return explicitPrice(configuration, { text: amount, code: asset }, further);
  }
  if (found.kind === "priced" && late === undefined)
    return planned(configuration, asFiltered(found, usage, pricing.derived), further);
  const why =
    found.kind === "unpriced"
      ? found.why
      : `${late?.field ?? ""} depends on when the usage is received`;
  const price = boundOf(configuration, { usage, further }, why);
  if (price.kind === "amount") refuseOther(found, { code: price.asset, field: "assets" });
  return price;
};

/**
 * What a plan prices is settled in the plan's currency when the period closes, less what was paid in it: money in another
 * asset would be taken beside that (f.10.7). Other assets may pay a price, at their rate, but not be it.
 */
const refuseOther = (
  found: MeterPrice,
  { code, field }: { readonly code: string; readonly field: "asset" | "assets" },
): void => {
  const currencies = found.kind === "priced" ? [found.currency] : found.currencies;
  if (currencies.length === 0 || currencies.includes(code)) return;
  const own = currencies.join(" or ");
  const must = field === "asset" ? `must be ${own}` : `must begin with ${own}`;
  throw fieldProblem("VALIDATION_FAILED", field, `${must}: a plan of the account prices the meter`);
};

const explicitPrice = (
  configuration: Configuration,
  { text, code }: { readonly text: string; readonly code: string },
  further: readonly FurtherCount[],
): Price => {
  const asset = assetOf(configuration, code);
  const amount = atomsOf({ text, field: "amount" }, asset);
  return { kind: "amount", amount, asset: asset.code, further };
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

const planned = (
  configuration: Configuration,
  { currency, parts }: Extract<MeterPrice, { kind: "priced" }>,
  counts: readonly FurtherCount[],
): Price => {
  const asset = configuration.assets.get(currency);
  const [first, ...others] = parts;
  if (asset === undefined)
    return { kind: "unrateable", why: `there is no asset ${currency}`, asset: "", further: counts };
  return {
    kind: "rateable",
    tariff: first.tariff,
    asset: asset.code,
    scale: asset.scale,
    position: first.position,
    further: counts.map((count, nth) => pricedAs(count, others[nth])),
  };
};

/** A count at its price; what no price counts is counted alone. */
const pricedAs = (
  count: FurtherCount,
  price: Pick<FurtherPrice, "tariff" | "position"> | undefined,
): FurtherCount | FurtherPrice =>
  price === undefined ? count : { ...count, tariff: price.tariff, position: price.position };

/** What no price can be found for costs its upper bound, if the request names one and what pays it. */
const boundOf = (
  configuration: Configuration,
  { usage, further }: { readonly usage: UsageOf; readonly further: readonly FurtherCount[] },
  why: string,
): Price => {
  const [code] = usage.assets ?? [];
  const asset = configuration.assets.get(code ?? "");
  if (usage.maxAmount === undefined || asset === undefined)
    return { kind: "unrateable", why, asset: asset?.code ?? "", further };
  const amount = atomsOf({ text: usage.maxAmount, field: "maxAmount" }, asset);
  return { kind: "amount", amount, asset: asset.code, further };
};

/** Whatever limits a request may be priced by later: its own version of the price, at its own position. */
export const priceAtOwnVersion = async (
  parts: LedgerParts,
  orgId: string,
  {
    row,
    used,
    at,
    hasHappened,
  }: {
    readonly row: Pick<Authorization, "terms" | "further">;
    readonly used: MeasurementFields & { readonly amount?: string | undefined };
    /** When it was used. */
    readonly at: number;
    /** What was used is not refused any more; what is asked for is. */
    readonly hasHappened: boolean;
  },
): Promise<{
  readonly price: Price;
  readonly measured: MeasuredUsage;
  readonly isMeasured: boolean;
}> => {
  const { spender, priceVersion, position } = row.terms;
  const asset = assetOf(await parts.configurations.of(orgId), spender.asset);
  const kept = await keptOf(parts, orgId, row.terms);
  const { further: counted } = row;
  const { account, meter: code } = spender;
  const rules = await rulesBy(parts, orgId, { priceVersion, meter: code, further: counted, kept });
  const amount =
    used.amount === undefined ? 0n : atomsOf({ text: used.amount, field: "amount" }, asset);
  const meter = await parts.prices.meter(orgId, code ?? "");
  // A part that says neither an amount nor a number ends a hold without having used anything.
  const isMeasured = amount > 0n || hasNumbers(used);
  const derived = await derivedOf(parts, orgId, { account, meter, rules, fields: used, at });
  const reading = { meter, isUsed: isMeasured, derived: derived.values, rounds: hasHappened };
  const measured = measuredBy(used, rules, reading);
  // Who counts it was fixed when it was authorized.
  const counts = measured.counted
    .slice(1)
    .map(({ quantity }) => ({ quantity, unit: null, position: null }));
  if (used.amount !== undefined) {
    const price = { kind: "amount", amount, asset: asset.code, further: counts } as const;
    return { price, measured, isMeasured };
  }
  const [first, ...others] = kept;
  if (first === undefined || position === null)
    throw fieldProblem("VALIDATION_FAILED", "amount", "is required: no plan prices it");
  const further = counts.map((count, nth) => {
    const other = others[nth];
    const own = counted[nth]?.position ?? "";
    return pricedAs(count, other && { tariff: other.tariff, position: own });
  });
  const { tariff } = first;
  return {
    price: { kind: "rateable", tariff, asset: asset.code, scale: asset.scale, position, further },
    measured,
    isMeasured,
  };
};

/** By what an authorization was priced, and how much it counts. */
interface Counted {
  readonly priceVersion: string | null;
  readonly meter: string | null;
  /** One of each count beside the first. */
  readonly further: readonly unknown[];
}

/** The prices of an authorization's own version. */
const keptOf = async (
  { prices }: Pick<LedgerParts, "prices">,
  orgId: string,
  { priceVersion }: Pick<Counted, "priceVersion">,
): Promise<readonly KeptPrice[]> =>
  priceVersion === null ? [] : prices.version(orgId, priceVersion);

/**
 * What an authorization's usage is counted by, as far as it keeps counts: its own prices, behind them or at an explicit price
 * the meter's aggregations.
 */
export const rulesOf = async (
  parts: Pick<LedgerParts, "prices">,
  orgId: string,
  counted: Counted,
): Promise<readonly QuantityRule[]> =>
  rulesBy(parts, orgId, { ...counted, kept: await keptOf(parts, orgId, counted) });

const rulesBy = async (
  { prices }: Pick<LedgerParts, "prices">,
  orgId: string,
  { priceVersion, meter, further, kept }: Counted & { readonly kept: readonly KeptPrice[] },
): Promise<readonly QuantityRule[]> => {
  const own = kept.flatMap(({ counts }) => counts ?? []);
  if (priceVersion !== null && (own.length === 0 || own.length > further.length)) return own;
  const { countings } = await prices.usage(orgId, meter ?? "");
  return [...own, ...countings.map(({ counts }) => counts)].slice(0, 1 + further.length);
};
