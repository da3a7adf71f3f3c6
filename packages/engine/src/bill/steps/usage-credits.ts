import { type Decimal, min, sum } from "../../exact/decimal.ts";
import { addLines, type BillStep, type Draft } from "../draft.ts";
import type { AccountPlanTerms, BillFacts } from "../facts.ts";
import { usageLabels } from "../line-labels.ts";
import type { Line, LineDraft, PrintedMoney } from "../line.ts";
import { billsRecurringTo, type PlanOrGroup } from "../plan-or-group.ts";
import { type BillFailure, conversionRate, printMoney } from "../printing.ts";
import { derived } from "../proration.ts";
import { rateUsage } from "../usage-rating.ts";
import { type PricedUsage, pricedUsages } from "../usage-windows.ts";

interface Totals {
  readonly own: Decimal;
  readonly billing: Decimal;
  /** From the one to the other. */
  readonly rate: Decimal;
}

type CreditType = "PRODUCT_CREDIT" | "GLOBAL_CREDIT";

const creditUsages = (facts: BillFacts, type: CreditType): readonly PricedUsage[] =>
  pricedUsages(facts, [type]).filter(({ accountPlan }) => billsRecurringTo(facts, accountPlan));

/** Uncapped product credits of one plan, or of all plans of a group. */
export const productCreditsOf = (
  facts: BillFacts,
  accountPlan: AccountPlanTerms,
  owner: PlanOrGroup,
): readonly { readonly amount: Decimal; readonly currency: string }[] =>
  creditUsages(facts, "PRODUCT_CREDIT")
    .filter((usage) => usage.accountPlan === accountPlan)
    .filter(({ plan }) => owner.kind === "planGroup" || plan.id === owner.id)
    .flatMap((usage) => {
      const rated = rateUsage(facts, usage);
      return rated === null || "failure" in rated
        ? []
        : [{ amount: rated.exact, currency: usage.plan.currency }];
    });

/** What the lines add up to: what a credit may take off them, in its currency and the bill's. */
const totalsOf = (
  facts: BillFacts,
  lines: readonly Line[],
  currency: string,
): Totals | BillFailure => {
  const rate = conversionRate(facts, currency);
  if (rate === undefined || rate.isZero()) {
    return { failure: "MISSING_CONVERSION_RATE", from: currency, to: facts.currency };
  }
  const billing = sum(lines.map(({ convertedSubtotal }) => convertedSubtotal));
  const own = lines.every((line) => line.currency === currency)
    ? sum(lines.map(({ subtotal }) => subtotal))
    : billing.div(rate);
  return { own, billing, rate };
};

/** A credit that reaches its cap leaves not a cent of what it covers, in either currency. */
const printedCredit = (
  facts: BillFacts,
  credit: { readonly exact: Decimal; readonly currency: string },
  cap: Totals,
): PrintedMoney | BillFailure => {
  const isCapped = credit.exact.gte(cap.own);
  const own = printMoney(facts, isCapped ? cap.own : credit.exact, credit.currency);
  const billing = printMoney(facts, credit.exact.times(cap.rate), facts.currency);
  if ("failure" in own) return own;
  if ("failure" in billing) return billing;
  return {
    subtotal: own.amount.neg(),
    conversionRate: cap.rate,
    convertedSubtotal: (isCapped ? cap.billing : min(billing.amount, cap.billing)).neg(),
  };
};

const creditLine = (
  facts: BillFacts,
  usage: PricedUsage,
  lines: readonly Line[],
): LineDraft | BillFailure | undefined => {
  const rated = rateUsage(facts, usage);
  if (rated === null) return undefined;
  if ("failure" in rated) return rated;
  const { pricing, plan } = usage;
  const isGlobal = pricing.type === "GLOBAL_CREDIT";
  const covered = isGlobal ? lines : lines.filter(({ product }) => product?.id === plan.product.id);
  const cap = totalsOf(facts, covered, plan.currency);
  if ("failure" in cap) return cap;
  if (rated.exact.isZero() || !cap.own.isPositive()) return undefined;
  const printed = printedCredit(facts, { exact: rated.exact, currency: plan.currency }, cap);
  if ("failure" in printed) return printed;
  return {
    ...usageLabels(facts, usage),
    ...rated,
    key: `USAGE_CREDIT/${usage.key}`,
    lineItemType: "USAGE_CREDIT",
    usageKey: usage.key,
    ...derived({ how: "CAPPED_CREDIT", credit: rated.derivation, cap: cap.own }),
    printed,
  };
};

/** Product credits up to what their product costs, then global ones up to the bill (10.5). */
export const usageCreditsStep: BillStep = (facts, draft) =>
  [...creditUsages(facts, "PRODUCT_CREDIT"), ...creditUsages(facts, "GLOBAL_CREDIT")].reduce<Draft>(
    (next, usage) => {
      const line = creditLine(facts, usage, next.lines);
      return line === undefined ? next : addLines(facts, next, [line]);
    },
    draft,
  );
