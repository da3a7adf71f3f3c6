/** What drawable lines still owe while credits cover them, in slices that credits cut. */

import { type Decimal, max, min, sum, zero } from "../exact/decimal.ts";
import { contains, type Period } from "../time/period.ts";
import { apportion } from "./apportionment.ts";
import type { BillFacts } from "./facts.ts";
import type { Line } from "./line.ts";
import { scaleOf } from "./printing.ts";
import { timeSlices, usageSlices, type WeightedSlice } from "./quantities.ts";
import { byDrawnType, byDrawOrder, drawableLineTypes, offsetsCharges } from "./rules.ts";
import type { PricedUsage } from "./usage-windows.ts";

/** A printed amount in the line's currency and in the billing currency. */
export interface Owed {
  readonly own: Decimal;
  readonly billing: Decimal;
}

export interface OwingSlice {
  readonly period: Period;
  owed: Owed;
}

export interface OwingLine {
  readonly line: Line;
  readonly usage: PricedUsage | undefined;
  readonly slices: readonly OwingSlice[];
}

export const totalOwed = (slices: readonly OwingSlice[]): Owed => ({
  own: sum(slices.map(({ owed }) => owed.own)),
  billing: sum(slices.map(({ owed }) => owed.billing)),
});

/**
 * What a line costs before it is rounded, of which so much is owed as printed; nothing owed costs nothing. What rounds to
 * nothing in its own currency may be a cent when it is converted.
 */
export const exactlyOwed = ({ exact, subtotal }: Line, { own, billing }: Owed): Decimal =>
  own.isZero() && billing.isZero() ? zero : max(zero, exact.minus(subtotal.minus(own)));

/** The slices in which the credit may be drawn on: none straddles a credit's edge. */
export const slicesWithin = ({ slices }: OwingLine, window: Period): readonly OwingSlice[] =>
  slices.filter(({ period }) => contains(window, period.start));

const sliced = (
  facts: BillFacts,
  line: Line,
  slices: readonly WeightedSlice[],
): readonly OwingSlice[] => {
  const weights = slices.map(({ weight }, index) => ({ id: String(index), weight }));
  const own = apportion(line.subtotal, weights, scaleOf(facts, line.currency));
  const billing = apportion(line.convertedSubtotal, weights, scaleOf(facts, facts.currency));
  return slices.map(({ period }, index) => ({
    period,
    owed: { own: own.get(String(index)) ?? zero, billing: billing.get(String(index)) ?? zero },
  }));
};

/** Takes up to that much off the slices, first things first; own and billing amounts go together. */
export const settle = (slices: readonly OwingSlice[], amount: Owed): void => {
  let { own, billing } = amount;
  for (const [index, slice] of slices.entries()) {
    const isLast = index === slices.length - 1;
    const takenOwn = isLast ? own : min(slice.owed.own, own);
    const takenBilling = isLast ? billing : min(slice.owed.billing, billing);
    slice.owed = {
      own: slice.owed.own.minus(takenOwn),
      billing: slice.owed.billing.minus(takenBilling),
    };
    own = own.minus(takenOwn);
    billing = billing.minus(takenBilling);
  }
};

/** A part of what is owed, given in the billing currency; all of it takes the last cent of both. */
export const partOwed = (
  facts: BillFacts,
  line: Line,
  { total, billing }: { readonly total: Owed; readonly billing: Decimal },
): Owed => {
  if (billing.gte(total.billing)) return total;
  if (line.currency === facts.currency) return { own: billing, billing };
  const own = billing.div(line.conversionRate).round(scaleOf(facts, line.currency), "HALF_UP");
  return { own: min(own ?? total.own, total.own), billing };
};

interface Offset {
  readonly line: Line;
  /** Those of other products it leaves as they are; undefined is none. */
  readonly productId: string | undefined;
}

const isOffsetBy =
  ({ productId }: Offset) =>
  ({ line }: OwingLine): boolean =>
    productId === undefined || line.product?.id === productId;

/** What is for one product first: what is for all has the others' lines, too. The lines' own order never counts. */
const byReach = (a: Offset, b: Offset): number =>
  Number(a.productId === undefined) - Number(b.productId === undefined);

/** Of each type of lines first those of the account whose plan gives it: a child's own are the child's (14.2). */
const byOwner = (facts: BillFacts, { line: given }: Offset) => {
  const owners = new Map(facts.accountPlans.map(({ id, account }) => [id, account.id]));
  const ownerOf = ({ accountPlanId = "" }: Line) => owners.get(accountPlanId) ?? facts.account.id;
  const isOthers = (line: Line) => Number(ownerOf(line) !== ownerOf(given));
  return (a: OwingLine, b: OwingLine): number =>
    byDrawnType(a.line, b.line) || isOthers(a.line) - isOthers(b.line);
};

/** Credits and refunds lower what lines owe before prepaid money is touched ([R], 10.5). */
const applyOffsets = (
  facts: BillFacts,
  owing: readonly OwingLine[],
  offsets: readonly Offset[],
): void => {
  for (const offset of offsets.toSorted(byReach)) {
    let rest = offset.line.convertedSubtotal.neg();
    for (const each of owing.filter(isOffsetBy(offset)).toSorted(byOwner(facts, offset))) {
      const total = totalOwed(each.slices);
      const part = partOwed(facts, each.line, { total, billing: min(rest, total.billing) });
      settle(each.slices, part);
      rest = rest.minus(part.billing);
    }
  }
};

/** The drawable lines of the bill in draw order, with what they owe after credits and refunds. */
export const owingLines = (
  facts: BillFacts,
  lines: readonly Line[],
  usages: ReadonlyMap<string, PricedUsage>,
): readonly OwingLine[] => {
  const usageOf = ({ usageKey }: Line) =>
    usageKey === undefined ? undefined : usages.get(usageKey);
  const owing = lines
    .filter(({ lineItemType }) => drawableLineTypes.includes(lineItemType))
    .filter(({ convertedSubtotal }) => convertedSubtotal.isPositive())
    .toSorted(byDrawOrder)
    .map((line) => {
      const usage = usageOf(line);
      const slices = usage ? usageSlices(facts, usage) : timeSlices(facts, line.servicePeriod);
      return { line, usage, slices: sliced(facts, line, slices) };
    });
  const offsets = lines.filter(offsetsCharges).map((line) => {
    const isGlobal = usageOf(line)?.pricing.type === "GLOBAL_CREDIT";
    return { line, productId: isGlobal ? undefined : line.product?.id };
  });
  applyOffsets(facts, owing, offsets);
  return owing;
};
