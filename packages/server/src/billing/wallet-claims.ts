import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import {
  compareInstants,
  intersection,
  isBefore,
  later,
  type Period,
} from "@turnpike/engine/time/period.ts";
import { minimumSpendMeter } from "../records/wallet-debits.ts";

type AccountPlan = BillTerms["accountPlans"][number];

/** What wallets pay for on an account plan of a bill: the usage of one meter, or the minimum spend above it. */
export interface WalletClaim {
  readonly accountPlan: AccountPlan;
  /** The codes of those that pay, each for what it was authorized itself; what is missing, the first one pays. */
  readonly accounts: readonly [string, ...string[]];
  readonly asset: string;
  readonly of: { readonly meterId: string } | { readonly meter: string };
  /** Debits of this time are its own. */
  readonly period: Period;
  /** What the bill closes for the plan, which may begin earlier and end later. */
  readonly billed: Period;
}

/** Claims on the same debits: what was paid was paid for all of them. */
export interface JointClaim<Claim extends WalletClaim> {
  readonly claims: readonly [Claim, ...Claim[]];
  readonly accounts: readonly string[];
  readonly period: Period;
}

/**
 * The accounts whose wallets pay for an account plan's usage on this bill: those that it rates together. Where every
 * account is billed for its own share, only the bill's.
 */
const usersOf = (
  terms: BillTerms,
  { childBillingMode, account, pool }: AccountPlan,
): WalletClaim["accounts"] =>
  childBillingMode === "CHILD"
    ? [terms.account.code]
    : [account.code, ...new Set(pool.map((member) => member.account.code))];

/**
 * Everything on the bill that wallets pay for. A plan's own usage is what was used while the account had the plan,
 * because that is when calls were charged at its prices: before and after, the meter may be another plan's or nobody's.
 * A contract's limit is no such end: what was charged beyond it is given back.
 * A minimum spend is no other plan's, and stays the plan's when its end is moved.
 */
export const claimsOf = (terms: BillTerms): WalletClaim[] =>
  terms.accountPlans.flatMap((accountPlan) => {
    const { arrears: billed, active } = accountPlan;
    if (billed === undefined) return [];
    const shared = { accountPlan, accounts: usersOf(terms, accountPlan), billed };
    const period = intersection(billed, active);
    const usage =
      period === undefined
        ? []
        : metersOf(accountPlan).map((one) => ({ ...shared, ...one, period }));
    const of = { meter: minimumSpendMeter(accountPlan.id) };
    const minimums = minimumsOf(accountPlan).map((asset) => ({
      ...shared,
      asset,
      of,
      period: billed,
    }));
    return [...usage, ...minimums];
  });

/** The meters that the plan prices, each with the currency. */
const metersOf = ({ plans }: AccountPlan): { of: { meterId: string }; asset: string }[] => {
  const found = plans.flatMap(({ currency, pricings }) =>
    pricings.flatMap(({ aggregation: { type, meterId } }) =>
      type === "SIMPLE" && meterId !== undefined ? [{ of: { meterId }, asset: currency }] : [],
    ),
  );
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()];
};

/** The currencies of the plan's minimum spends. */
const minimumsOf = ({ plans, planGroup }: AccountPlan): string[] => {
  const owners = planGroup === undefined ? plans : [...plans, planGroup];
  const inPlans = plans.filter(({ pricings }) =>
    pricings.some(({ minimumSpend }) => minimumSpend !== undefined),
  );
  const own = owners.filter(({ minimumSpend }) => minimumSpend !== undefined);
  return [...new Set([...own, ...inPlans].map(({ currency }) => currency))];
};

/**
 * The claims with those put together that share debits: of plans which price one meter in the same months, as far as
 * they are in force at the same time. Plans that follow each other share nothing.
 */
export const jointClaims = <Claim extends WalletClaim>(
  claims: readonly Claim[],
): JointClaim<Claim>[] => [...Map.groupBy(claims, keyOf).values()].flatMap(overlapping);

const keyOf = ({ accounts: [payer], asset, of, billed, accountPlan }: WalletClaim): string => {
  const { frequency, interval } = accountPlan.cadence;
  return JSON.stringify([payer, asset, of, frequency, interval, billed.end.toString()]);
};

const overlapping = <Claim extends WalletClaim>(claims: readonly Claim[]): JointClaim<Claim>[] => {
  const joint: JointClaim<Claim>[] = [];
  for (const claim of claims.toSorted((a, b) => compareInstants(a.period.start, b.period.start))) {
    const last = joint.at(-1);
    if (last === undefined || !isBefore(claim.period.start, last.period.end)) {
      joint.push({ claims: [claim], accounts: claim.accounts, period: claim.period });
      continue;
    }
    const { start, end } = last.period;
    joint[joint.length - 1] = {
      claims: [...last.claims, claim],
      accounts: [...new Set([...last.accounts, ...claim.accounts])],
      period: { start, end: later(end, claim.period.end) },
    };
  }
  return joint;
};
