/** How a line came about, as one answer: enough to compute it again without the facts. */

import type { Decimal } from "../exact/decimal.ts";
import { defaultCurrencyPolicy, type CurrencyPolicy, roundMoney } from "../pricing/rounding.ts";
import type { Period } from "../time/period.ts";
import { amountOf, type Derivation } from "./derivation.ts";
import type { AggregationTerms, BillFacts } from "./facts.ts";
import type { DrawDown, Line, LineBandUsage, LineItemType, PrintedMoney } from "./line.ts";
import type { RatedBill } from "./rate-bill.ts";
import { pricedUsages, type UsageWindow, usageWindows } from "./usage-windows.ts";

export interface MeasuredWindow extends UsageWindow {
  readonly quantity: Decimal | null;
}

/** What was measured and by which version of which price it was rated. */
export interface ExplainedUsage {
  readonly aggregation: AggregationTerms;
  readonly pricingId: string;
  readonly pricingVersion: number;
  /** The windows behind the line; their sources lead to the very events. */
  readonly windows: readonly MeasuredWindow[];
}

/** A draw on this line by a commitment or balance, with what the credit held around it. */
export interface ExplainedDrawDown extends DrawDown {
  readonly consumptionKey: string;
  readonly commitmentId?: string | undefined;
  readonly balanceId?: string | undefined;
  /** In the credit's currency. */
  readonly amount: Decimal;
}

export interface Explanation {
  readonly key: string;
  readonly lineItemType: LineItemType;
  readonly description: string;
  readonly servicePeriod: Period;
  readonly quantity: Decimal;
  readonly units: Decimal;
  readonly unit: string;
  readonly bandUsage: readonly LineBandUsage[];
  readonly derivation: Derivation;
  readonly currency: CurrencyPolicy;
  readonly billingCurrency: CurrencyPolicy;
  readonly conversionRate: Decimal;
  /** Where the printed amounts follow from other printed amounts: see `Line.printed`. */
  readonly printed?: PrintedMoney | undefined;
  readonly usage?: ExplainedUsage | undefined;
  readonly counterPricingVersion?: number | undefined;
  readonly drawDown?: DrawDown | undefined;
  readonly drawDowns: readonly ExplainedDrawDown[];
}

const explainedUsage = (facts: BillFacts, line: Line): ExplainedUsage | undefined => {
  const usage = pricedUsages(facts).find(({ key }) => key === line.usageKey);
  if (usage === undefined) return undefined;
  const isBehind = ({ key }: UsageWindow) => key === usage.key || key.startsWith(`${usage.key}/`);
  return {
    aggregation: usage.pricing.aggregation,
    pricingId: usage.pricing.id,
    pricingVersion: usage.pricing.version,
    windows: usageWindows(facts)
      .filter(isBehind)
      .map((window) => ({
        ...window,
        quantity: facts.quantities[window.key]?.quantity ?? null,
      })),
  };
};

const drawDownsOf = (bill: RatedBill, lineKey: string): readonly ExplainedDrawDown[] =>
  bill.lines.flatMap(({ key, drawDown, subtotal, commitmentId, balanceId }) =>
    drawDown?.lineKey === lineKey
      ? [{ ...drawDown, consumptionKey: key, amount: subtotal.neg(), commitmentId, balanceId }]
      : [],
  );

const policyOf = (facts: BillFacts, currency: string): CurrencyPolicy =>
  facts.currencies.find(({ code }) => code === currency) ?? {
    code: currency,
    ...defaultCurrencyPolicy,
  };

/** The line's explanation; undefined when the bill has no such line. */
export const explainLine = (
  facts: BillFacts,
  bill: RatedBill,
  lineKey: string,
): Explanation | undefined => {
  const line = bill.lines.find(({ key }) => key === lineKey);
  if (line === undefined) return undefined;
  return {
    key: line.key,
    lineItemType: line.lineItemType,
    description: line.description,
    servicePeriod: line.servicePeriod,
    quantity: line.quantity,
    units: line.units,
    unit: line.unit,
    bandUsage: line.bandUsage,
    derivation: line.derivation,
    currency: policyOf(facts, line.currency),
    billingCurrency: policyOf(facts, facts.currency),
    conversionRate: line.conversionRate,
    printed: line.printed,
    usage: explainedUsage(facts, line),
    counterPricingVersion: facts.accountPlans
      .flatMap(({ plans }) => plans.flatMap(({ counterPricings }) => counterPricings))
      .find(({ id }) => id === line.counterPricingId)?.version,
    drawDown: line.drawDown,
    drawDowns: drawDownsOf(bill, lineKey),
  };
};

export interface Recomputed {
  readonly exact: Decimal;
  readonly subtotal: Decimal | undefined;
  readonly convertedSubtotal: Decimal | undefined;
}

/** The line's amounts from its explanation alone. */
export const recompute = (explanation: Explanation): Recomputed => {
  const exact = amountOf(explanation.derivation);
  const { printed, currency, billingCurrency, conversionRate } = explanation;
  return {
    exact,
    subtotal: printed?.subtotal ?? roundMoney(exact, currency),
    convertedSubtotal:
      printed?.convertedSubtotal ?? roundMoney(exact.times(conversionRate), billingCurrency),
  };
};
