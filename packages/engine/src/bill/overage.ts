/** Usage beyond an exhausted commitment or balance (m3ter semantics 15.4, 15.6). */

import { type Decimal, min, one, zero } from "../exact/decimal.ts";
import { averageUnitPrice, type Ladder, priceUnits, unitsWorth } from "../pricing/bands.ts";
import { earlier, later } from "../time/period.ts";
import { type Credit, type Funds, mayDraw } from "./credit.ts";
import type { Draft } from "./draft.ts";
import type { BillFacts } from "./facts.ts";
import type { Line, LineDraft } from "./line.ts";
import { type Owed, type OwingLine, slicesWithin, totalOwed } from "./owing.ts";
import { convertedBands } from "./printing.ts";
import { derived } from "./proration.ts";
import { overageLadderStart } from "./rules.ts";
import { lineBands } from "./usage-rating.ts";

export interface Overage {
  /** Usage lines as they stay, by key; undefined when all of the line is overage. */
  readonly kept: ReadonlyMap<string, Line | undefined>;
  readonly additions: readonly LineDraft[];
}

/** A usage line's part that no credit covers, and the exhausted credit whose terms it pays. */
interface Uncovered {
  readonly owing: OwingLine;
  readonly credit: Credit;
  readonly owed: Owed;
}

/**
 * The last exhausted credit in draw order that could have paid for the line. A wallet is none: it paid call by call, at the
 * ordinary price, and what it could not pay costs no more than without it (authorization semantics I19).
 */
const uncovered = (
  facts: BillFacts,
  owing: OwingLine,
  state: { readonly credits: readonly Credit[]; readonly funds: Funds },
): Uncovered | undefined => {
  if (owing.line.lineItemType !== "USAGE") return undefined;
  const credit = state.credits.findLast(
    (each) =>
      !each.isWallet &&
      mayDraw(facts, each, owing.line) &&
      state.funds.isExhausted(each) &&
      totalOwed(slicesWithin(owing, each.window)).billing.isPositive(),
  );
  if (credit === undefined) return undefined;
  return { owing, credit, owed: totalOwed(slicesWithin(owing, credit.window)) };
};

const overageLadder = ({ owing }: Uncovered): Ladder | undefined => {
  const pricing = owing.usage?.pricing;
  return pricing === undefined || pricing.overageBands.length === 0 || !pricing.cumulative
    ? undefined
    : { cumulative: true, bands: pricing.overageBands };
};

/** The units that stay at the ordinary price: those that what is not overage pays for. */
const keptUnits = ({ owing: { line }, owed }: Uncovered): Decimal => {
  const kept = line.subtotal.minus(owed.own);
  if (line.derivation.how === "PRICED_QUANTITY" && line.derivation.ladder.cumulative) {
    return min(unitsWorth(line.derivation.ladder.bands, kept) ?? line.units, line.units);
  }
  return line.subtotal.isZero() ? zero : line.units.times(kept).div(line.subtotal);
};

const quantityOf = (line: Line, units: Decimal): Decimal =>
  line.units.isZero() ? line.quantity : line.quantity.times(units).div(line.units);

const keptBands = (line: Line, units: Decimal, quantity: Decimal): Line["bandUsage"] => {
  if (line.derivation.how !== "PRICED_QUANTITY") return [];
  const { ladder, scale } = line.derivation;
  const bands = lineBands(priceUnits(ladder, units), quantity, scale.quantityPerUnit);
  return convertedBands(bands, line.conversionRate);
};

/** The usage line without its overage; undefined when nothing of it is left. */
const keptLine = ({ owing: { line }, owed }: Uncovered, units: Decimal): Line | undefined => {
  const amount = line.subtotal.minus(owed.own);
  if (units.isZero() && amount.isZero()) return undefined;
  const quantity = quantityOf(line, units);
  const printed = {
    subtotal: amount,
    conversionRate: line.conversionRate,
    convertedSubtotal: line.convertedSubtotal.minus(owed.billing),
  };
  return {
    ...line,
    ...printed,
    printed,
    quantity,
    units,
    bandUsage: keptBands(line, units, quantity),
    exact: amount,
    derivation: { how: "PART", whole: line.derivation, amount },
    averageUnitPrice: averageUnitPrice(amount, units),
  };
};

const overageLine = (
  part: Uncovered,
  units: Decimal,
): Pick<LineDraft, "quantity" | "units"> & Line => {
  const { line } = part.owing;
  return {
    ...line,
    key: `OVERAGE_USAGE/${line.key}`,
    lineItemType: "OVERAGE_USAGE",
    description: part.credit.overageDescription ?? `${line.description} (overage)`,
    quantity: quantityOf(line, units),
    units,
  };
};

/** Overage units by their own price list, which starts at 0 ([R], m3ter semantics 15.6). */
const rerated = (part: Uncovered, units: Decimal, ladder: Ladder): LineDraft => {
  const line = overageLine(part, units);
  const to = overageLadderStart.plus(units);
  return {
    ...line,
    ...derived({ how: "UNIT_RANGE", from: overageLadderStart, to, ladder }),
    printed: undefined,
    bandUsage: lineBands(priceUnits(ladder, units), line.quantity, one),
  };
};

/** The uncovered part at its ordinary price, under the name of overage. */
const relabelled = (part: Uncovered, units: Decimal): LineDraft => {
  const { line } = part.owing;
  const { own, billing } = part.owed;
  return {
    ...overageLine(part, units),
    exact: own,
    derivation: { how: "PART", whole: line.derivation, amount: own },
    printed: { subtotal: own, conversionRate: line.conversionRate, convertedSubtotal: billing },
    bandUsage: [],
  };
};

/** A percentage on the uncovered usage of one product. */
const surchargeLine = (parts: readonly Uncovered[], percent: Decimal): LineDraft | undefined => {
  const [first] = parts;
  if (first === undefined) return undefined;
  const { line } = first.owing;
  const { credit } = first;
  const periods = parts.map(({ owing }) => owing.line.servicePeriod);
  const overage = parts.reduce((total, { owed }) => total.plus(owed.own), zero);
  return {
    key: surchargeKey(first),
    lineItemType: "OVERAGE_SURCHARGE",
    description: credit.overageDescription ?? "Overage Surcharge",
    servicePeriod: {
      start: periods.map(({ start }) => start).reduce(earlier),
      end: periods.map(({ end }) => end).reduce(later),
    },
    quantity: one,
    units: one,
    unit: "",
    currency: line.currency,
    ...derived({ how: "SURCHARGE", overage, percent }),
    bandUsage: [],
    product: line.product,
    accountingProduct: line.product,
    childAccount: line.childAccount,
    contractId: line.contractId,
    commitmentId: credit.kind === "COMMITMENT" ? credit.id : undefined,
    balanceId: credit.kind === "BALANCE" ? credit.id : undefined,
  };
};

/** One surcharge per credit, product, currency and account. */
const surchargeKey = ({ owing: { line }, credit }: Uncovered): string =>
  [
    "OVERAGE_SURCHARGE",
    credit.id,
    line.product?.id ?? "",
    line.currency,
    line.childAccount?.id ?? "",
    line.contractId ?? "",
  ].join("/");

const surcharges = (parts: readonly Uncovered[]): readonly LineDraft[] => {
  const groups = Map.groupBy(parts, surchargeKey);
  return [...groups.values()].flatMap(
    (group) => surchargeLine(group, group[0]?.credit.surchargePercent ?? zero) ?? [],
  );
};

/** Surcharge if the credit has one, else overage bands, else a line of its own if it asks for that. */
export const overageOf = (
  facts: BillFacts,
  credits: readonly Credit[],
  state: { readonly owing: readonly OwingLine[]; readonly funds: Funds },
): Overage => {
  const kept = new Map<string, Line | undefined>();
  const additions: LineDraft[] = [];
  const surcharged: Uncovered[] = [];
  for (const owing of state.owing) {
    const part = uncovered(facts, owing, { credits, funds: state.funds });
    if (part === undefined) continue;
    const ladder = overageLadder(part);
    if (part.credit.surchargePercent !== undefined) surcharged.push(part);
    else if (ladder !== undefined || part.credit.separatesOverage) {
      const units = keptUnits(part);
      const beyond = owing.line.units.minus(units);
      kept.set(owing.line.key, keptLine(part, units));
      additions.push(ladder ? rerated(part, beyond, ladder) : relabelled(part, beyond));
    }
  }
  return { kept, additions: [...additions, ...surcharges(surcharged)] };
};

/** The draft with usage lines cut to what is not overage. */
export const withOverage = (draft: Draft, { kept }: Overage): Draft => ({
  ...draft,
  lines: draft.lines.flatMap((line) => (kept.has(line.key) ? (kept.get(line.key) ?? []) : line)),
});
