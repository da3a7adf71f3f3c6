import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Price } from "@turnpike/engine/ledger/price.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf } from "./amounts.ts";
import type { Configuration } from "./configuration.ts";
import type { LedgerParts } from "./ledger.ts";
import {
  fieldsOf,
  type MeasuredUsage,
  type MeasurementFields,
  quantityIn,
} from "./measurements.ts";
import type { MeterPrice, QuantityRule } from "./prices.ts";

/** How far a client's clock may run ahead, as for measurements (m3ter semantics 3.2, [R]). */
const futureSkewMs = 5 * 60 * 1000;

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
  readonly productId: string | undefined;
  readonly occurredAt: number;
  readonly measured: MeasuredUsage;
}

export const occurredAt = (ts: string | undefined, now: number): number => {
  if (ts === undefined) return now;
  const at = Date.parse(ts);
  if (at <= now + futureSkewMs) return at;
  throw fieldProblem("VALIDATION_FAILED", "ts", "must not be in the future");
};

/** What was sent, with the quantity that each rule counts of it. */
const measuredBy = (sent: MeasurementFields, rules: readonly QuantityRule[]): MeasuredUsage => {
  const fields = fieldsOf(sent);
  const counted = rules.map((rule) => {
    const quantity = quantityIn(fields, rule);
    if (quantity !== undefined) return { rule, quantity };
    throw fieldProblem("VALIDATION_FAILED", `measure.${rule.field}`, "is too fine a number");
  });
  return { fields, counted };
};

const firstQuantity = ({ counted }: MeasuredUsage): bigint => counted[0]?.quantity ?? 0n;

/** What a request's usage is and costs, by its own amount or by the account's plan at the time of the usage. */
export const priceUsage = async (
  parts: LedgerParts,
  orgId: string,
  usage: UsageOf,
): Promise<PricedUsage> => {
  const configuration = await parts.configurations.of(orgId);
  const meter = await parts.prices.meter(orgId, usage.meter);
  if (meter === undefined)
    throw fieldProblem("REFERENCE_NOT_FOUND", "meter", `names no meter: ${usage.meter}`);
  const at = occurredAt(usage.ts, parts.now());
  if (usage.amount !== undefined && usage.asset !== undefined) {
    const counting = await parts.prices.counting(orgId, usage.meter);
    const measured = measuredBy(usage, counting === undefined ? [] : [counting.counts]);
    return {
      price: explicitPrice(configuration, usage.amount, usage.asset),
      quantity: firstQuantity(measured),
      unit: counting?.unit ?? null,
      productId: meter.productId,
      occurredAt: at,
      measured,
    };
  }
  const found = await planPrice(parts, { orgId, usage, at });
  const rules = found.kind === "priced" ? [found, ...found.further] : [];
  const measured = measuredBy(
    usage,
    rules.map(({ counts }) => counts),
  );
  return {
    price: priceOf(configuration, usage, { found, measured }),
    quantity: firstQuantity(measured),
    unit: found.kind === "priced" ? found.unit : null,
    productId: found.kind === "priced" ? found.productId : undefined,
    occurredAt: at,
    measured,
  };
};

const explicitPrice = (configuration: Configuration, text: string, code: string): Price => {
  const asset = assetOf(configuration, code);
  return { kind: "amount", amount: atomsOf({ text, field: "amount" }, asset), asset: asset.code };
};

const planPrice = async (
  parts: LedgerParts,
  { orgId, usage, at }: { readonly orgId: string; readonly usage: UsageOf; readonly at: number },
): Promise<MeterPrice> => {
  const { account, meter } = usage;
  const accountId = (await parts.customers.idsOf(orgId, [account])).get(account);
  return accountId === undefined
    ? { kind: "unpriced", why: "the account does not exist" }
    : parts.prices.at({ orgId, account, accountId, meter }, at);
};

const priceOf = (
  configuration: Configuration,
  usage: UsageOf,
  { found, measured }: { readonly found: MeterPrice; readonly measured: MeasuredUsage },
): Price => {
  if (found.kind === "unpriced") return boundOf(configuration, usage, found.why);
  const asset = configuration.assets.get(found.currency);
  if (asset === undefined)
    return { kind: "unrateable", why: `there is no asset ${found.currency}`, asset: "" };
  return {
    kind: "rateable",
    tariff: found.tariff,
    asset: asset.code,
    scale: asset.scale,
    position: found.position,
    further: found.further.map(({ tariff, position }, nth) => ({
      tariff,
      position,
      quantity: measured.counted[nth + 1]?.quantity ?? 0n,
    })),
  };
};

/** What no price can be found for costs its upper bound, if the request names one and what pays it. */
const boundOf = (configuration: Configuration, usage: UsageOf, why: string): Price => {
  const [code] = usage.assets ?? [];
  const asset = configuration.assets.get(code ?? "");
  if (usage.maxAmount === undefined || asset === undefined)
    return { kind: "unrateable", why, asset: asset?.code ?? "" };
  const amount = atomsOf({ text: usage.maxAmount, field: "maxAmount" }, asset);
  return { kind: "amount", amount, asset: asset.code };
};

/** Whatever limits a request may be priced by later: its own version of the price, at its own position. */
export const priceAtOwnVersion = async (
  parts: LedgerParts,
  orgId: string,
  {
    row,
    used,
    field,
  }: {
    readonly row: Pick<Authorization, "terms" | "further">;
    readonly used: MeasurementFields & { readonly amount?: string | undefined };
    readonly field: string;
  },
): Promise<{ readonly price: Price; readonly measured: MeasuredUsage }> => {
  const { spender, priceVersion, position } = row.terms;
  const asset = assetOf(await parts.configurations.of(orgId), spender.asset);
  const kept = priceVersion === null ? [] : await parts.prices.version(orgId, priceVersion);
  const rules = await rulesOf(parts, orgId, { priceVersion, meter: spender.meter });
  const measured = measuredBy(used, rules);
  if (used.amount !== undefined) {
    const amount = atomsOf({ text: used.amount, field }, asset);
    return { price: { kind: "amount", amount, asset: asset.code }, measured };
  }
  const [first, ...others] = kept;
  if (first === undefined || position === null)
    throw fieldProblem("VALIDATION_FAILED", field, "is required: no plan prices it");
  const further = others.map(({ tariff }, nth) => ({
    tariff,
    position: row.further[nth]?.position ?? "",
    quantity: measured.counted[nth + 1]?.quantity ?? 0n,
  }));
  const { tariff } = first;
  return {
    price: { kind: "rateable", tariff, asset: asset.code, scale: asset.scale, position, further },
    measured,
  };
};

/** What an authorization's usage is counted by: its own prices, or at an explicit price the meter's only aggregation. */
export const rulesOf = async (
  { prices }: Pick<LedgerParts, "prices">,
  orgId: string,
  { priceVersion, meter }: { readonly priceVersion: string | null; readonly meter: string | null },
): Promise<readonly QuantityRule[]> => {
  const found =
    priceVersion === null
      ? [await prices.counting(orgId, meter ?? "")]
      : await prices.version(orgId, priceVersion);
  return found.flatMap((one) => one?.counts ?? []);
};
