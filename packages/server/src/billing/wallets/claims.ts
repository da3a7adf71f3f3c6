import type { PlanCharges } from "@turnpike/engine/balances/balance.ts";
import type { BillTerms, PricingTerms } from "@turnpike/engine/bill/facts.ts";
import { intersection, type Period } from "@turnpike/engine/time/period.ts";
import { minimumSpendMeter } from "../../records/wallet-debits.ts";
import { measuredBy } from "../usage-reach.ts";

type AccountPlan = BillTerms["accountPlans"][number];

/** Usage of meters, as some prices count it: a formula counts several, and what each of them costs nobody can tell. */
export interface PricedMeters {
  readonly meterIds: readonly string[];
  readonly pricingIds: ReadonlySet<string>;
}

/** What wallets pay for on an account plan of a bill: usage, or the minimum spend above it. */
export interface WalletClaim {
  readonly accountPlan: AccountPlan;
  /** The codes of those that pay, each for what it was authorized itself; what is missing, the first one pays. */
  readonly accounts: readonly [string, ...string[]];
  readonly asset: string;
  /** The products of what is claimed; undefined is none. */
  readonly productIds: readonly (string | undefined)[];
  readonly of: PricedMeters | { readonly meter: string };
  /** Debits of this time are its own. */
  readonly period: Period;
  /** What the bill closes for the plan, which may begin earlier and end later. */
  readonly billed: Period;
}

/** The accounts whose usage an account plan rates together. */
export const usersOf = ({ account, pool }: AccountPlan): WalletClaim["accounts"] => [
  account.code,
  ...new Set(pool.map((member) => member.account.code)),
];

/** Those of them whose wallets pay for it on this bill: where every account is billed for its own share, only the bill's. */
export const payersOf = (terms: BillTerms, accountPlan: AccountPlan): WalletClaim["accounts"] =>
  accountPlan.childBillingMode === "CHILD" ? [terms.account.code] : usersOf(accountPlan);

/**
 * Everything on the bill that wallets pay for. A plan's own usage is what was used while the account had the plan,
 * because that is when calls were charged at its prices: before and after, the meter may be another plan's or nobody's.
 * A contract's limit is no such end: what was charged beyond it is given back.
 * A minimum spend is no other plan's, and stays the plan's when its end is moved.
 */
export const claimsOf = (terms: BillTerms): WalletClaim[] => {
  const measured = measuredBy(terms.aggregations);
  return terms.accountPlans.flatMap((accountPlan) =>
    claimsOfPlan(accountPlan, { accounts: payersOf(terms, accountPlan), measured }),
  );
};

/** The same of one of the plans. */
export const claimsOfPlan = (
  accountPlan: AccountPlan,
  {
    accounts,
    measured,
  }: Pick<WalletClaim, "accounts"> & { readonly measured: ReturnType<typeof measuredBy> },
): WalletClaim[] => {
  const { arrears: billed, active } = accountPlan;
  if (billed === undefined) return [];
  const shared = { accountPlan, accounts, billed };
  const period = intersection(billed, active);
  const usage =
    period === undefined
      ? []
      : usageOf(accountPlan, measured).map((one) => ({ ...shared, ...one, period }));
  const of = { meter: minimumSpendMeter(accountPlan.id) };
  const minimums = minimumsOf(accountPlan).map((one) => ({
    ...shared,
    ...one,
    of,
    period: billed,
  }));
  return [...usage, ...minimums];
};

/** What only credits count is no usage of the plan's: calls are paid for as they said. */
const isCharged = ({ type }: PricingTerms): boolean => type === "DEBIT";

/** The meters that plans price, each with the currency; together those that one formula counts. */
export const usageOf = (
  { plans }: Pick<AccountPlan, "plans">,
  measured: ReturnType<typeof measuredBy>,
): Pick<WalletClaim, "asset" | "productIds" | "of">[] => {
  const found = plans.flatMap(({ currency: asset, product, pricings }) =>
    pricings.filter(isCharged).map(({ id, aggregation }) => {
      const counted = measured.get(aggregation.id) ?? [];
      const meterIds = [...new Set(counted.map(({ meterId }) => meterId))];
      return { id, asset, productId: product.id, meterIds };
    }),
  );
  const alike = Map.groupBy(found, ({ asset, meterIds }) => JSON.stringify([asset, meterIds]));
  return [...alike.values()].flatMap(([first, ...others]) => {
    // A formula over custom fields alone is no usage.
    if (first === undefined || first.meterIds.length === 0) return [];
    const { asset, meterIds } = first;
    const all = [first, ...others];
    const pricingIds = new Set(all.map(({ id }) => id));
    return [{ asset, productIds: all.map((one) => one.productId), of: { meterIds, pricingIds } }];
  });
};

/** The plan's minimum spends by currency; a group's is of no product. */
const minimumsOf = ({
  plans,
  planGroup,
}: AccountPlan): Pick<WalletClaim, "asset" | "productIds">[] => {
  const inPlans = plans.filter(
    ({ minimumSpend, pricings }) =>
      minimumSpend !== undefined || pricings.some((pricing) => pricing.minimumSpend !== undefined),
  );
  const found = inPlans.map(({ currency, product }) => ({ currency, productId: product.id }));
  const ofGroup =
    planGroup?.minimumSpend === undefined
      ? []
      : [{ currency: planGroup.currency, productId: undefined }];
  const byCurrency = Map.groupBy([...found, ...ofGroup], ({ currency }) => currency);
  return [...byCurrency].map(([asset, own]) => ({
    asset,
    productIds: own.map(({ productId }) => productId),
  }));
};

/** Not of a minimum spend, which is no other plan's. */
export const isOfUsage = ({ of }: WalletClaim): boolean => "meterIds" in of;

/** What a bill charges for what is claimed. */
export const chargesOf = ({ accountPlan, of }: WalletClaim): PlanCharges => {
  const { id: accountPlanId } = accountPlan;
  return "meter" in of
    ? { accountPlanId, lineItemType: "MINIMUM_SPEND" }
    : { accountPlanId, lineItemType: "USAGE", pricingIds: [...of.pricingIds] };
};

/** By their ids, or what else is paid for: `minimumSpendMeter`. */
export const metersOf = ({ of }: Pick<WalletClaim, "of">): readonly string[] =>
  "meter" in of ? [of.meter] : of.meterIds;

/** What of it is claimed in a part of its time, by those who are rated together then. */
export const claimIn = <Claim extends WalletClaim>(
  claim: Claim,
  within: Period,
): Claim | undefined => {
  const period = intersection(within, claim.period);
  return period && { ...claim, period, accounts: accountsIn(claim, period) };
};

/** A child that has a plan of its own for the product by then pays for that alone. */
const accountsIn = (
  { accounts: [owner, ...others], accountPlan, productIds }: WalletClaim,
  period: Period,
): WalletClaim["accounts"] => {
  const members = new Set(
    accountPlan.pool
      .filter(({ productId }) => productIds.includes(productId))
      .filter(({ periods }) => periods.some((one) => intersection(period, one) !== undefined))
      .map(({ account }) => account.code),
  );
  return [owner, ...others.filter((code) => members.has(code))];
};
