import { type Decimal, zero } from "../../exact/decimal.ts";
import { apportion, type Weight } from "../apportionment.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { AccountRef, BillFacts } from "../facts.ts";
import { allocateGrants, type Granted } from "../grants.ts";
import { childAccount, usageLabels } from "../line-labels.ts";
import type { LineDraft } from "../line.ts";
import { billsRecurringTo } from "../plan-or-group.ts";
import { type BillFailure, printMoney, scaleOf } from "../printing.ts";
import { measuredQuantity } from "../quantities.ts";
import { type RatedUsage, rateUsage } from "../usage-rating.ts";
import {
  accountKey,
  isSplitByAccount,
  pooledAccounts,
  type PricedUsage,
  pricedUsages,
} from "../usage-windows.ts";

type Addition = LineDraft | BillFailure;

const wholeLine = (facts: BillFacts, usage: PricedUsage, rated: RatedUsage): LineDraft => ({
  ...usageLabels(facts, usage),
  ...rated,
  key: `USAGE/${usage.key}`,
  lineItemType: "USAGE",
  usageKey: usage.key,
});

/** Part of a whole, by weight; nothing of nothing. */
const share = (amount: Decimal, part: Decimal, whole: Decimal): Decimal =>
  whole.isZero() ? zero : amount.times(part).div(whole);

const poolWeights = (facts: BillFacts, usage: PricedUsage): readonly Weight[] | BillFailure => {
  const weights: Weight[] = [];
  for (const { id } of pooledAccounts(usage)) {
    const quantity = measuredQuantity(facts, accountKey(usage, id), usage.pricing);
    if (quantity !== null && "failure" in quantity) return quantity;
    weights.push({ id, weight: quantity ?? zero });
  }
  return weights;
};

/** The pool is rated once and shown account by account ([R], m3ter semantics 14.2). */
const splitLines = (
  facts: BillFacts,
  usage: PricedUsage,
  rated: RatedUsage,
): readonly Addition[] => {
  const weights = poolWeights(facts, usage);
  if ("failure" in weights) return [weights];
  const { currency } = usage.plan;
  const pooled = printMoney(facts, rated.exact, currency);
  if ("failure" in pooled) return [pooled];
  const scale = scaleOf(facts, currency);
  const amounts = apportion(pooled.amount, weights, scale);
  const whole = weights.reduce((total, { weight }) => total.plus(weight), zero);
  const lineOf = (account: AccountRef): LineDraft => {
    const quantity = weights.find(({ id }) => id === account.id)?.weight ?? zero;
    return {
      ...wholeLine(facts, usage, rated),
      key: `USAGE/${usage.key}/${account.id}`,
      childAccount: childAccount(facts, account),
      quantity,
      units: share(rated.units, quantity, whole),
      exact: amounts.get(account.id) ?? zero,
      bandUsage: rated.bandUsage.map((band) => ({
        ...band,
        bandUnits: share(band.bandUnits, quantity, whole),
        bandQuantity: share(band.bandQuantity, quantity, whole),
        unitSubtotal: share(band.unitSubtotal, quantity, whole),
        bandSubtotal: share(band.bandSubtotal, quantity, whole),
      })),
      derivation: {
        how: "POOL_SHARE",
        pool: rated.derivation,
        weights,
        accountId: account.id,
        scale,
      },
    };
  };
  return shownAccounts(facts, usage).map(lineOf);
};

/** Billed to each account itself (CHILD): this bill shows only its own; else everybody's. */
const shownAccounts = (facts: BillFacts, usage: PricedUsage): readonly AccountRef[] =>
  usage.accountPlan.childBillingMode === "CHILD"
    ? pooledAccounts(usage).filter(({ id }) => id === facts.account.id)
    : pooledAccounts(usage);

const usageLines = (
  facts: BillFacts,
  usage: PricedUsage,
  granted: Granted | undefined,
): readonly Addition[] => {
  const rated = rateUsage(facts, usage, granted?.units);
  if (rated === null) return [];
  if ("failure" in rated) return [rated];
  const lines = isSplitByAccount(usage)
    ? splitLines(facts, usage, rated)
    : [wholeLine(facts, usage, rated)];
  // What a grant gave to a pool is booked once, on the bill of the plan's own account.
  const isBooked = granted !== undefined && billsRecurringTo(facts, usage.accountPlan);
  return isBooked ? [...lines, ...granted.lines] : lines;
};

/** Metered usage, one line per account plan, pricing and segment (m3ter semantics 6.3, 10.3). */
export const usageStep: BillStep = (facts, draft) => {
  const granted = allocateGrants(facts);
  return addLines(
    facts,
    draft,
    pricedUsages(facts, ["DEBIT"]).flatMap((usage) =>
      usageLines(facts, usage, granted.get(usage.key)),
    ),
  );
};
