import type { Tariff } from "@turnpike/engine/ledger/price.ts";
import type { UsageFilter } from "../../ports/usage-store.ts";
import type { QuantityRule } from "./kept-prices.ts";
import type { OfSegment } from "./segmented-usage.ts";

/** The price of one meter for one account at one time, or why there is none. */
export type MeterPrice =
  | (AnyTime & {
      readonly kind: "priced";
      readonly currency: string;
      readonly productId: string;
      /** In an order of their own, at least one: a call costs their sum. */
      readonly parts: readonly [PricedCount, ...PricedCount[]];
    })
  | (AnyTime & {
      readonly kind: "unpriced";
      readonly why: string;
      /** Of the plans that price it all the same, when the period ends. */
      readonly currencies: readonly string[];
      /** Of the plan that prices it so; undefined where none does. */
      readonly productId: string | undefined;
    });

/** What the account's prices of a meter say together, whenever they are in force. */
export interface AnyTime {
  /** Texts of the meter, sent or derived, that a filter of one of the account's contracts looks at. */
  readonly filterFields: readonly string[];
  /** Whether bills ask for something where measurements sum up to nothing. */
  readonly hasFixedPrice: boolean;
}

/** A quantity of usage, in its unit. */
export interface Counting {
  readonly counts: QuantityRule;
  readonly unit: string;
}

/** One of a call's prices: what it counts, from where. */
export interface PricedCount extends Counting {
  readonly tariff: Tariff;
  readonly position: string;
  /** When the period begins whose bill has it, in epoch milliseconds. */
  readonly periodStart: number;
  /** Which usage it is of; undefined where of all. */
  readonly ofSegment: OfSegment | undefined;
  /** What it is for usage that does not pass the filters. */
  readonly unlessPassed: Unbilled | undefined;
}

/** What usage costs that is kept off the bill of its plan: it is counted, at a place of its own. */
interface Unbilled {
  readonly filters: readonly UsageFilter[];
  readonly tariff: Tariff;
  readonly position: string;
}

/** What is priced all the same, when the period ends. */
export const asUnpriced = (found: MeterPrice, why: string): MeterPrice => {
  if (found.kind === "unpriced") return found;
  const { filterFields, hasFixedPrice, currency, productId } = found;
  return { kind: "unpriced", why, filterFields, hasFixedPrice, productId, currencies: [currency] };
};
