import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { Price } from "@turnpike/engine/ledger/price.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf } from "./amounts.ts";
import type { LedgerParts } from "./ledger.ts";
import { derivedOf } from "./prices/derived-usage.ts";
import type { KeptPrice, QuantityRule } from "./prices/kept-prices.ts";
import { pricedAs } from "./request-price.ts";
import { hasNumbers, type MeasuredUsage, sayTexts, withTextsOf } from "./usage/measurements.ts";
import { measuredBy } from "./usage-request.ts";

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
  // A part that says no amount, no number and no text that is counted ends a hold without having used anything: its hold's
  // texts would be one call more.
  const isMeasured =
    amount > 0n || hasNumbers(used) || rules.some(({ field }) => sayTexts(used, [field]));
  const fields = isMeasured ? withTextsOf(used, row.terms.fields, meter) : used;
  const derived = await derivedOf(parts, orgId, { account, meter, rules, fields, at });
  const reading = { meter, isUsed: isMeasured, derived: derived.values, rounds: hasHappened };
  const measured = measuredBy(fields, rules, reading);
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
