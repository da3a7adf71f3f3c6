import { type Decimal, min, one } from "../../exact/decimal.ts";
import { type Credit, creditsInOrder, Funds, mayDraw } from "../credit.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { BillFacts } from "../facts.ts";
import type { LineDraft } from "../line.ts";
import { overageOf, withOverage } from "../overage.ts";
import {
  exactlyOwed,
  type Owed,
  type OwingLine,
  owingLines,
  partOwed,
  settle,
  slicesWithin,
  totalOwed,
} from "../owing.ts";
import { type BillFailure, conversionRate, scaleOf } from "../printing.ts";
import { pricedUsages } from "../usage-windows.ts";

interface Draw {
  /** In the credit's currency. */
  readonly taken: Decimal;
  /** What it takes off the credit: of what a wallet paid the exact cost, of others what is taken. */
  readonly spent: Decimal;
  readonly outstanding: Decimal;
  readonly available: Decimal;
  readonly covered: Owed;
}

/**
 * Takes what the line owes, as far as the credit reaches (m3ter semantics 15.4). In the line's own
 * currency where credit and line share it, else by way of the billing currency. Whatever is covered
 * in full is covered to the cent in every currency. A wallet that paid what the line
 * costs exactly covers it however it was rounded, and what that adds or loses is no other line's.
 */
const draw = (
  facts: BillFacts,
  given: { readonly credit: Credit; readonly owing: OwingLine; readonly funds: Funds },
): Draw | BillFailure | undefined => {
  const { credit, owing, funds } = given;
  const slices = slicesWithin(owing, credit.window);
  const owed = totalOwed(slices);
  if (!owed.billing.isPositive()) return undefined;
  const rate = conversionRate(facts, credit.currency);
  if (rate === undefined || rate.isZero()) {
    return { failure: "MISSING_CONVERSION_RATE", from: credit.currency, to: facts.currency };
  }
  const scale = scaleOf(facts, credit.currency);
  const isOwnCurrency = credit.currency === owing.line.currency;
  const outstanding = isOwnCurrency
    ? owed.own
    : (owed.billing.div(rate).round(scale, "HALF_UP") ?? owed.billing);
  const cost = isOwnCurrency ? exactlyOwed(owing.line, owed) : outstanding;
  const isPaid = cost.isPositive() && funds.paid(credit, cost);
  const available = isPaid ? outstanding : funds.available(credit, outstanding);
  const taken = min(outstanding, available);
  if (!taken.isPositive() && !isPaid) return undefined;
  const billing = taken.times(rate).round(scaleOf(facts, facts.currency), "HALF_UP");
  const isFull = taken.eq(outstanding);
  const part = partOwed(facts, owing.line, {
    total: owed,
    billing: billing ?? owed.billing,
  });
  const covered = isFull ? owed : isOwnCurrency ? { ...part, own: taken } : part;
  settle(slices, covered);
  const spent = credit.isWallet && isFull ? cost : taken;
  return { taken, spent, outstanding, available, covered };
};

const drawLine = (
  facts: BillFacts,
  given: { readonly credit: Credit; readonly owing: OwingLine; readonly before: Decimal },
  { taken, spent, outstanding, available, covered }: Draw,
): LineDraft => {
  const { credit, before } = given;
  const { line } = given.owing;
  const lineItemType = credit.kind === "COMMITMENT" ? "COMMITMENT_CONSUMED" : "BALANCE_CONSUMED";
  const phase = credit.isRollover ? "rollover/" : "";
  return {
    key: `${lineItemType}/${credit.id}/${phase}${line.key}`,
    lineItemType,
    description: credit.description,
    servicePeriod: line.servicePeriod,
    quantity: one,
    units: one,
    unit: "",
    currency: credit.currency,
    exact: taken.neg(),
    derivation: { how: "DRAW_DOWN", outstanding, available },
    printed: {
      subtotal: taken.neg(),
      conversionRate: conversionRate(facts, credit.currency) ?? one,
      convertedSubtotal: covered.billing.neg(),
    },
    bandUsage: [],
    product: line.product,
    accountingProduct: credit.accountingProduct,
    childAccount: line.childAccount,
    accountPlanId: line.accountPlanId,
    planId: line.planId,
    planGroupId: line.planGroupId,
    contractId: line.contractId,
    commitmentId: credit.kind === "COMMITMENT" ? credit.id : undefined,
    balanceId: credit.kind === "BALANCE" ? credit.id : undefined,
    drawDown: { lineKey: line.key, before, after: before.minus(spent) },
  };
};

const drawAll = (
  facts: BillFacts,
  credits: readonly Credit[],
  state: { readonly owing: readonly OwingLine[]; readonly funds: Funds },
): readonly (LineDraft | BillFailure)[] =>
  credits.flatMap((credit) =>
    state.owing
      .filter(({ line }) => mayDraw(facts, credit, line))
      .flatMap((owing): readonly (LineDraft | BillFailure)[] => {
        const before = state.funds.left(credit);
        const drawn = draw(facts, { credit, owing, funds: state.funds });
        if (drawn === undefined) return [];
        if ("failure" in drawn) return [drawn];
        state.funds.take(credit, drawn.spent);
        return [drawLine(facts, { credit, owing, before }, drawn)];
      }),
  );

/**
 * Commitments and balances pay for what is owed, each line in draw order; usage beyond an exhausted
 * one pays its overage terms (m3ter semantics 15.4 to 15.6, 16.3).
 */
export const drawDownsStep: BillStep = (facts, draft) => {
  const credits = creditsInOrder(facts).filter(({ isGrant }) => !isGrant);
  if (credits.length === 0) return draft;
  const usages = new Map(pricedUsages(facts).map((usage) => [usage.key, usage]));
  const owing = owingLines(facts, draft.lines, usages);
  const funds = new Funds(facts, credits);
  const draws = drawAll(facts, credits, { owing, funds });
  const overage = overageOf(facts, credits, { owing, funds });
  return addLines(facts, withOverage(draft, overage), [...draws, ...overage.additions]);
};
