import { type Decimal, sum, zero } from "../../exact/decimal.ts";
import { apportion, type Weight } from "../apportionment.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { AccountRef, BillFacts } from "../facts.ts";
import { allocateGrants, type Granted } from "../grants.ts";
import { childAccount, usageLabels } from "../line-labels.ts";
import type { LineDraft } from "../line.ts";
import { billsRecurringTo } from "../plan-or-group.ts";
import { type BillFailure, printMoney, scaleOf } from "../printing.ts";
import { rawQuantity } from "../quantities.ts";
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

/**
 * What each account used that used anything. A default stands for the pool, not for each of its accounts; with
 * nobody to share it, it is the plan's own account's.
 */
const poolWeights = (facts: BillFacts, usage: PricedUsage): readonly Weight[] | BillFailure => {
  const weights: Weight[] = [];
  for (const { id } of pooledAccounts(usage)) {
    const quantity = rawQuantity(facts, accountKey(usage, id));
    if (quantity === null) continue;
    if ("failure" in quantity) return quantity;
    weights.push({ id, weight: quantity });
  }
  return weights.length > 0 ? weights : [{ id: usage.accountPlan.account.id, weight: zero }];
};

/** One account's part of the pool. */
const shareLine = (
  whole: LineDraft,
  part: {
    readonly account: AccountRef;
    readonly quantity: Decimal;
    readonly pooled: Decimal;
    readonly amount: Decimal;
  },
): LineDraft => {
  const { account, quantity, pooled, amount } = part;
  const shared = (of: Decimal): Decimal => share(of, quantity, pooled);
  return {
    ...whole,
    key: `${whole.key}/${account.id}`,
    quantity,
    units: shared(whole.units),
    exact: amount,
    bandUsage: whole.bandUsage.map((band) => ({
      ...band,
      bandUnits: shared(band.bandUnits),
      bandQuantity: shared(band.bandQuantity),
      unitSubtotal: shared(band.unitSubtotal),
      bandSubtotal: shared(band.bandSubtotal),
    })),
  };
};

/** The pool is rated once and shown by account, those that used nothing left out ([R], m3ter semantics 14.2). */
const splitLines = (
  facts: BillFacts,
  usage: PricedUsage,
  rated: RatedUsage,
): readonly Addition[] => {
  const weights = poolWeights(facts, usage);
  if ("failure" in weights) return [weights];
  const { currency } = usage.plan;
  const printed = printMoney(facts, rated.exact, currency);
  if ("failure" in printed) return [printed];
  const scale = scaleOf(facts, currency);
  const amounts = apportion(printed.amount, weights, scale);
  const quantities = new Map(weights.map(({ id, weight }) => [id, weight]));
  const pooled = sum(quantities.values());
  const line = wholeLine(facts, usage, rated);
  return shownAccounts(facts, usage).flatMap((account) => {
    const quantity = quantities.get(account.id);
    if (quantity === undefined) return [];
    const amount = amounts.get(account.id) ?? zero;
    return {
      ...shareLine(line, { account, quantity, pooled, amount }),
      childAccount: childAccount(facts, account),
      usageAccountId: account.id,
      derivation: {
        how: "POOL_SHARE",
        pool: rated.derivation,
        weights,
        accountId: account.id,
        scale,
      },
    };
  });
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
