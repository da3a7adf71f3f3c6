/** Grants: allowances of units, taken from usage before it is priced (m3ter semantics 16.4). */

import { type Decimal, min, sum, zero } from "../exact/decimal.ts";
import { compareInstants, intersection } from "../time/period.ts";
import { type Credit, creditsInOrder, Funds, mayDraw } from "./credit.ts";
import { stated } from "./derivation.ts";
import type { BillFacts } from "./facts.ts";
import { usageLabels } from "./line-labels.ts";
import type { LineDraft } from "./line.ts";
import { usageSlices, type WeightedSlice } from "./quantities.ts";
import { isGrantFor } from "./rules.ts";
import { unitsOfPeriod } from "./usage-rating.ts";
import { type PricedUsage, pricedUsages } from "./usage-windows.ts";

interface GrantDraw {
  readonly credit: Credit;
  readonly units: Decimal;
  readonly before: Decimal;
}

export interface Granted {
  readonly units: Decimal;
  readonly lines: readonly LineDraft[];
}

/** A share by days rarely ends; a ledger of units does not want a hundred digits of it. */
const shareDecimals = 9;

/** Units of the usage that fall into the credit's window, of those that no grant has given yet. */
const unitsWithin = (credit: Credit, slices: readonly WeightedSlice[], units: Decimal): Decimal => {
  const whole = sum(slices.map(({ weight }) => weight));
  const inside = slices.filter(({ period }) => intersection(period, credit.window) !== undefined);
  if (inside.length === slices.length) return units;
  const weight = sum(inside.map((slice) => slice.weight));
  return whole.isZero() ? zero : units.times(weight).divTo(whole, shareDecimals);
};

const drawGrants = (facts: BillFacts, usage: PricedUsage, funds: Funds): readonly GrantDraw[] => {
  const units = unitsOfPeriod(facts, usage);
  if (units === null || "failure" in units) return [];
  const labels = { ...usageLabels(facts, usage), lineItemType: "USAGE" } as const;
  const slices = usageSlices(facts, usage);
  const draws: GrantDraw[] = [];
  let open = units;
  for (const credit of grantsFor(facts, usage)) {
    if (!mayDraw(facts, credit, labels)) continue;
    const wanted = min(open, unitsWithin(credit, slices, units));
    const taken = min(wanted, funds.available(credit, wanted));
    if (!taken.isPositive()) continue;
    draws.push({ credit, units: taken, before: funds.left(credit) });
    funds.take(credit, taken);
    open = open.minus(taken);
  }
  return draws;
};

const grantsFor = (facts: BillFacts, { pricing }: PricedUsage): readonly Credit[] =>
  creditsInOrder(facts).filter(({ isGrant, currency }) => isGrant && isGrantFor(currency, pricing));

/** A consumption in units: it changes the balance, not the money on the bill. */
const grantLine = (facts: BillFacts, usage: PricedUsage, draw: GrantDraw): LineDraft => {
  const { credit, units, before } = draw;
  const lineKey = `USAGE/${usage.key}`;
  return {
    ...usageLabels(facts, usage),
    key: `BALANCE_CONSUMED/${credit.id}/${credit.isRollover ? "rollover/" : ""}${lineKey}`,
    lineItemType: "BALANCE_CONSUMED",
    description: credit.description,
    accountingProduct: credit.accountingProduct,
    balanceId: credit.id,
    quantity: units,
    units,
    currency: credit.currency,
    exact: units.neg(),
    derivation: stated(units.neg()),
    printed: { subtotal: units.neg(), conversionRate: zero, convertedSubtotal: zero },
    bandUsage: [],
    drawDown: { lineKey, before, after: before.minus(units) },
  };
};

const inDrawOrder = (a: PricedUsage, b: PricedUsage): number =>
  compareInstants(a.window.start, b.window.start) || (a.key < b.key ? -1 : 1);

/** What grants give to each usage, by its key; usages without a grant are not in it. */
export const allocateGrants = (facts: BillFacts): ReadonlyMap<string, Granted> => {
  const granted = new Map<string, Granted>();
  if (!facts.balances.some(({ isGrant }) => isGrant)) return granted;
  const funds = new Funds(facts, creditsInOrder(facts));
  for (const usage of pricedUsages(facts, ["DEBIT"]).toSorted(inDrawOrder)) {
    const draws = drawGrants(facts, usage, funds);
    if (draws.length === 0) continue;
    granted.set(usage.key, {
      units: sum(draws.map(({ units }) => units)),
      lines: draws.map((draw) => grantLine(facts, usage, draw)),
    });
  }
  return granted;
};
