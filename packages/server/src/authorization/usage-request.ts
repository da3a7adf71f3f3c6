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

export const quantityFor = (fields: MeasurementFields, counts: QuantityRule | null): bigint => {
  const quantity = counts === null ? 0n : quantityIn(fields, counts);
  if (quantity !== undefined) return quantity;
  throw fieldProblem("VALIDATION_FAILED", `measure.${counts?.field ?? ""}`, "is too fine a number");
};

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
    const fields = fieldsOf(usage);
    const counts = counting?.counts ?? null;
    const quantity = quantityFor(fields, counts);
    return {
      price: explicitPrice(configuration, usage.amount, usage.asset),
      quantity,
      unit: counting?.unit ?? null,
      productId: meter.productId,
      occurredAt: at,
      measured: { fields, counts, quantity },
    };
  }
  const found = await planPrice(parts, { orgId, usage, at });
  const counts = found.kind === "priced" ? found.counts : null;
  const fields = fieldsOf(usage);
  const quantity = quantityFor(fields, counts);
  return {
    price: priceOf(configuration, usage, found),
    quantity,
    unit: found.kind === "priced" ? found.unit : null,
    productId: found.kind === "priced" ? found.productId : undefined,
    occurredAt: at,
    measured: { fields, counts, quantity },
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

const priceOf = (configuration: Configuration, usage: UsageOf, found: MeterPrice): Price => {
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
    readonly row: Pick<Authorization, "terms">;
    readonly used: MeasurementFields & { readonly amount?: string | undefined };
    readonly field: string;
  },
): Promise<{ readonly price: Price; readonly measured: MeasuredUsage }> => {
  const { spender, priceVersion, position } = row.terms;
  const asset = assetOf(await parts.configurations.of(orgId), spender.asset);
  const kept = priceVersion === null ? undefined : await parts.prices.version(orgId, priceVersion);
  // What was authorized at an explicit price is counted as it was then: by the meter's only aggregation.
  const counting = kept ?? (await parts.prices.counting(orgId, spender.meter ?? ""));
  const counts = counting?.counts ?? null;
  const fields = fieldsOf(used);
  const measured = { fields, counts, quantity: quantityFor(fields, counts) };
  if (used.amount !== undefined) {
    const amount = atomsOf({ text: used.amount, field }, asset);
    return { price: { kind: "amount", amount, asset: asset.code }, measured };
  }
  if (kept === undefined || position === null)
    throw fieldProblem("VALIDATION_FAILED", field, "is required: no plan prices it");
  const { code, scale } = asset;
  return {
    price: { kind: "rateable", tariff: kept.tariff, asset: code, scale, position },
    measured,
  };
};
