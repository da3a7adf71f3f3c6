import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { FurtherCount, FurtherPrice, Price } from "@turnpike/engine/ledger/price.ts";
import { assetOf, atomsOf } from "./amounts.ts";
import type { Configuration } from "./configuration.ts";
import type { MeterPrice } from "./prices/meter-price.ts";
import type { UsageOf } from "./usage-request.ts";

export interface Pricing {
  readonly found: MeterPrice;
  readonly usage: UsageOf;
  readonly further: readonly FurtherCount[];
  readonly hasHappened: boolean;
}

/** By its own amount, the account's plan, or its upper bound where no price can be found. */
export const priceOf = (configuration: Configuration, pricing: Pricing): Price => {
  const { found, usage, further } = pricing;
  const { amount, asset } = usage;
  if (amount !== undefined && asset !== undefined) {
    if (!pricing.hasHappened) refuseOther(found, { code: asset, field: "asset" });
    return explicitPrice(configuration, { text: amount, code: asset }, further);
  }
  if (found.kind === "priced") return planned(configuration, found, further);
  const price = boundOf(configuration, { usage, further }, found.why);
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
export const pricedAs = (
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
