import type { Pool } from "pg";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type { Tariff } from "@turnpike/engine/ledger/price.ts";
import { ladderTariff } from "@turnpike/engine/ledger/tariff.ts";
import type { UnitRounding } from "@turnpike/engine/pricing/units.ts";
import { createCache } from "../cache.ts";
import type { PlanPrice } from "./plan-prices.ts";

/** How much of the priced quantity one measurement is: the value of a field, or one where the field has any. */
export interface QuantityRule {
  readonly field: string;
  readonly method: "SUM" | "COUNT";
}

/** What makes a tariff, as it is kept with the authorizations that were made at it. */
interface StoredPrice {
  readonly cumulative: boolean;
  readonly bands: readonly {
    readonly lowerLimit: string;
    readonly fixedPrice: string;
    readonly unitPrice: string;
  }[];
  readonly rounding: UnitRounding;
  readonly quantityPerUnit: string;
  readonly counts: QuantityRule | null;
}

/** An earlier price and what it counts. */
export interface KeptPrice {
  readonly tariff: Tariff;
  readonly counts: QuantityRule | null;
}

/** Versions of prices: each is kept when it is first used, and stays what it is. */
export interface KeptPrices {
  readonly keep: (orgId: string, version: string, price: StoredPrice) => Promise<KeptPrice>;
  readonly find: (orgId: string, version: string) => Promise<KeptPrice | undefined>;
}

export const createKeptPrices = (pool: Pool, now: () => number): KeptPrices => {
  const versions = createCache<KeptPrice | undefined>({
    now,
    rememberedMs: () => Number.MAX_SAFE_INTEGER,
    max: 10_000,
  });
  return {
    keep: async (orgId, version, price) => {
      const kept = await versions.get(orgId, version, () => keep(pool, { orgId, version }, price));
      if (kept === undefined) throw new Error(`price ${version} was kept and is not there`);
      return kept;
    },
    find: (orgId, version) =>
      versions.get(orgId, version, () => findVersion(pool, { orgId, version })),
  };
};

/** A version is kept before anything is decided at it. */
const keep = async (
  pool: Pool,
  { orgId, version }: { readonly orgId: string; readonly version: string },
  price: StoredPrice,
): Promise<KeptPrice> => {
  await pool.query({
    name: "ledger-price-version",
    text: "INSERT INTO price_version (org_id, version, price) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    values: [orgId, version, JSON.stringify(price)],
  });
  return keptPrice(version, price);
};

const findVersion = async (
  pool: Pool,
  { orgId, version }: { readonly orgId: string; readonly version: string },
): Promise<KeptPrice | undefined> => {
  const { rows } = await pool.query<{ price: StoredPrice }>(
    "SELECT price FROM price_version WHERE org_id = $1 AND version = $2",
    [orgId, version],
  );
  return rows[0] && keptPrice(version, rows[0].price);
};

/** As a plan has it. */
export const storedPrice = ({ pricing: record, aggregation: counted }: PlanPrice): StoredPrice => ({
  cumulative: record.cumulative,
  bands: record.pricingBands
    .toSorted((a, b) => a.lowerLimit - b.lowerLimit)
    .map((band) => ({
      lowerLimit: decimal(band.lowerLimit).toString(),
      fixedPrice: decimal(band.fixedPrice).toString(),
      unitPrice: decimal(band.unitPrice).toString(),
    })),
  rounding: counted.rounding,
  quantityPerUnit: decimal(counted.quantityPerUnit).toString(),
  counts: quantityRule(counted),
});

/** The same usage for nothing. */
export const freeOf = (price: StoredPrice): StoredPrice => ({
  ...price,
  bands: [{ lowerLimit: "0", fixedPrice: "0", unitPrice: "0" }],
});

/** Only sums and counts add up event by event. */
export const quantityRule = ({ aggregation: method, targetField }: PlanPrice["aggregation"]) =>
  method === "SUM" || method === "COUNT" ? ({ field: targetField, method } as const) : null;

const keptPrice = (version: string, price: StoredPrice): KeptPrice => ({
  tariff: tariffOf(version, price),
  counts: price.counts,
});

const tariffOf = (version: string, price: StoredPrice): Tariff =>
  ladderTariff(
    version,
    {
      cumulative: price.cumulative,
      bands: price.bands.map((band) => ({
        lowerLimit: decimal(band.lowerLimit),
        fixedPrice: decimal(band.fixedPrice),
        unitPrice: decimal(band.unitPrice),
      })),
    },
    { rounding: price.rounding, quantityPerUnit: decimal(price.quantityPerUnit) },
  );
