/**
 * Corrections: what a bill that was approved or locked would be today, less what it is. A correction
 * keeps the type and the labels of the line it corrects, so that sums by type, product, commitment or
 * balance over the old bill and its corrections are those of the full re-rating. `rerating.ts` does
 * this for a row of bills.
 */

import { type Decimal, sum, zero } from "../exact/decimal.ts";
import { amountOf, type Derivation } from "./derivation.ts";
import type { BillTerms } from "./facts.ts";
import type { Line, LineDraft } from "./line.ts";

export interface Correction {
  /** Names the correction: bill, line, and how many came before it. */
  readonly key: string;
  readonly billId: string;
  /** Absent when the old bill has no such line. */
  readonly lineItemId?: string | undefined;
  readonly lineKey: string;
  /** The line's labels, as re-rated; as billed when re-rating has no such line any more. */
  readonly line: LineDraft;
  /** What the differences in money come from. */
  readonly derivations: Readonly<Record<"subtotal" | "convertedSubtotal", Derivation>>;
  /** Differences, in the line's currency and in the old bill's. */
  readonly subtotal: Decimal;
  readonly conversionRate: Decimal;
  readonly convertedSubtotal: Decimal;
  readonly quantity: Decimal;
  readonly units: Decimal;
  readonly billingCurrency: string;
}

export interface BilledLine {
  readonly lineItemId: string;
  readonly line: Line;
}

interface Rerating {
  readonly billId: string;
  readonly billingCurrency: string;
  readonly billed: readonly BilledLine[];
  /** Corrections of this bill that other bills already carry. */
  readonly corrected: readonly Correction[];
  readonly rerated: readonly Line[];
}

type Measure = "subtotal" | "convertedSubtotal" | "quantity" | "units";

const correctionOf = (given: Rerating, lineKey: string): Correction | undefined => {
  const was = given.billed.find(({ line }) => line.key === lineKey);
  const is = given.rerated.find(({ key }) => key === lineKey);
  const earlier = given.corrected.filter((correction) => correction.lineKey === lineKey);
  const label = is ?? was?.line ?? earlier[0]?.line;
  if (label === undefined) return undefined;
  const derivationOf = (measure: Measure): Derivation => ({
    how: "CORRECTED",
    due: is?.[measure] ?? zero,
    billed: was?.line[measure] ?? zero,
    corrected: sum(earlier.map((correction) => correction[measure])),
  });
  const derivations = {
    subtotal: derivationOf("subtotal"),
    convertedSubtotal: derivationOf("convertedSubtotal"),
  };
  const subtotal = amountOf(derivations.subtotal);
  const convertedSubtotal = amountOf(derivations.convertedSubtotal);
  if (subtotal.isZero() && convertedSubtotal.isZero()) return undefined;
  return {
    key: `CORRECTION/${given.billId}/${lineKey}/${earlier.length + 1}`,
    billId: given.billId,
    lineItemId: was?.lineItemId ?? earlier[0]?.lineItemId,
    lineKey,
    line: label,
    derivations,
    subtotal,
    conversionRate:
      is?.conversionRate ?? was?.line.conversionRate ?? earlier[0]?.conversionRate ?? zero,
    convertedSubtotal,
    quantity: amountOf(derivationOf("quantity")),
    units: amountOf(derivationOf("units")),
    billingCurrency: given.billingCurrency,
  };
};

/** One correction per line whose money differs: old + earlier corrections + these = re-rated. */
export const correctionsOf = (given: Rerating): readonly Correction[] => {
  const keys = new Set([
    ...given.billed.map(({ line }) => line.key),
    ...given.corrected.map(({ lineKey }) => lineKey),
    ...given.rerated.map(({ key }) => key),
  ]);
  return [...keys].sort().flatMap((key) => correctionOf(given, key) ?? []);
};

/** What takes corrections back, of bills that were calculated again since: now they say themselves what was put right. */
export const takenBack = (corrected: readonly Correction[]): readonly Correction[] =>
  [...Map.groupBy(corrected, ({ billId }) => billId)].flatMap(([billId, ofBill]) =>
    ofBill
      .slice(0, 1)
      .flatMap(({ billingCurrency }) =>
        correctionsOf({ billId, billingCurrency, billed: [], corrected: ofBill, rerated: [] }),
      ),
  );

/** The correction as a line of a later bill; its printed amounts are exactly the differences. */
export const correctionLine = (terms: BillTerms, correction: Correction): LineDraft => {
  const { line, subtotal, conversionRate, convertedSubtotal, billingCurrency } = correction;
  const isSameCurrency = billingCurrency === terms.currency;
  const measure = isSameCurrency ? "subtotal" : "convertedSubtotal";
  return {
    ...line,
    key: correction.key,
    description: `Correction: ${line.description}`,
    quantity: correction.quantity,
    units: correction.units,
    currency: isSameCurrency ? line.currency : billingCurrency,
    exact: correction[measure],
    derivation: correction.derivations[measure],
    printed: isSameCurrency ? { subtotal, conversionRate, convertedSubtotal } : undefined,
    bandUsage: [],
    usageKey: undefined,
    usageAccountId: undefined,
    drawDown: undefined,
    summarized: undefined,
    referencedBillId: correction.billId,
    referencedLineItemId: correction.lineItemId,
    correctedLineKey: correction.lineKey,
  };
};
