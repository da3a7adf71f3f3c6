import { intersection, type Period, unitedPeriods } from "@turnpike/engine/time/period.ts";
import { type Claimed, closeOf, sharingDebits } from "./joint-claims.ts";
import type { BilledClaim, OtherBills, Priced } from "./other-bills.ts";
import { metersOf, type WalletClaim } from "./claims.ts";

/**
 * What another bill claims of the same debits, of other plans or of other members of a family, as if it was billed for the
 * time of what it stands beside.
 */
export interface Fellow<Claim> extends BilledClaim {
  readonly beside: Claim;
}

export const fellowsOf = <Claim extends BilledClaim>(
  others: OtherBills,
  own: readonly Claim[],
): Fellow<Claim>[] =>
  [...Map.groupBy(own, closeOf).values()]
    .flatMap((closed) => areasOf(others, closed))
    .flatMap((area) => fellowsIn(others, area));

/** Claims that may have debits in common, also through accounts that are rated with both. */
interface Area<Claim> {
  readonly own: ReadonlySet<Claim>;
  readonly known: ReadonlySet<BilledClaim>;
  readonly priced: ReadonlySet<Priced>;
}

const areasOf = <Claim extends BilledClaim>(
  others: OtherBills,
  own: readonly Claim[],
): Area<Claim>[] => {
  const byAccount = Map.groupBy(
    own.flatMap((claim) => claim.accounts.map((code) => ({ code, claim }))),
    ({ code }) => code,
  );
  const placed = new Set<Claim>();
  return own.flatMap((first) => {
    if (placed.has(first)) return [];
    const area = {
      own: new Set<Claim>(),
      known: new Set<BilledClaim>(),
      priced: new Set<Priced>(),
    };
    const codes = new Set<string>(first.accounts);
    // It goes on with those that are added meanwhile.
    for (const code of codes) {
      const claims = (byAccount.get(code) ?? []).map(({ claim }) => claim);
      const [known, priced] = [others.known(code), others.priced(code)];
      for (const one of claims) area.own.add(one);
      for (const one of known) area.known.add(one);
      for (const one of priced) area.priced.add(one);
      const found = [...claims, ...known, ...priced];
      for (const { accounts } of found) for (const account of accounts) codes.add(account);
    }
    for (const one of area.own) placed.add(one);
    return [area];
  });
};

/** What has debits in a period, with what bills claim of it that are not the claims' own. */
interface Member<Claim> extends Claimed {
  readonly own?: Claim;
  readonly billed: () => readonly BilledClaim[];
}

const fellowsIn = <Claim extends BilledClaim>(
  others: OtherBills,
  area: Area<Claim>,
): Fellow<Claim>[] =>
  unitedPeriods([...area.own].map(({ period }) => period)).flatMap((period) =>
    sharingDebits(membersIn(others, area, period)).flatMap((sharing) => {
      const beside = sharing.find(({ own }) => own !== undefined)?.own;
      if (beside === undefined) return [];
      return sharing
        .flatMap(({ billed }) => billed())
        .flatMap((claim) => {
          const shared = intersection(period, claim.period);
          return shared === undefined ? [] : [fellowOf(beside, { ...claim, period: shared })];
        });
    }),
  );

const membersIn = <Claim extends BilledClaim>(
  others: OtherBills,
  { own, known, priced }: Area<Claim>,
  period: Period,
): Member<Claim>[] => {
  const [asset] = [...own].map((claim) => claim.asset);
  const names = new Set([...own].map(nameOf));
  const plans = new Set([...own].map(({ accountPlan: { id }, accounts }) => planOf(id, accounts)));
  const members: Member<Claim>[] = [...own]
    .filter((claim) => intersection(period, claim.period) !== undefined)
    .map((claim) => ({ ...claim, own: claim, billed: () => [] }));
  for (const one of known) {
    const { accounts, of } = one;
    const shared = intersection(period, one.period);
    if (shared === undefined || one.asset !== asset || names.has(nameOf(one))) continue;
    members.push({ accounts, of, period: shared, billed: () => [one] });
  }
  for (const one of priced) {
    const { attachment, accounts, of } = one;
    const shared = intersection(period, attachment.schedule.active);
    if (shared === undefined || one.asset !== asset) continue;
    if (plans.has(planOf(attachment.accountPlan.id, accounts))) continue;
    members.push({ accounts, of, period: shared, billed: () => others.planned(one, shared) });
  }
  return members;
};

const planOf = (id: string, [payer]: WalletClaim["accounts"]): string => `${id} ${payer}`;

/** A bill claims a plan's usage of some meters once for each period that it closes; where a plan has moved, two bills do. */
const nameOf = (claim: BilledClaim): string => {
  const { accountPlan, accounts, billed, terms } = claim;
  const { start, end } = billed;
  return JSON.stringify([
    terms.account.id,
    terms.billDate.toString(),
    planOf(accountPlan.id, accounts),
    start.toString(),
    end.toString(),
    ...metersOf(claim),
  ]);
};

/** What joins claims is the period that is closed. */
const fellowOf = <Claim extends BilledClaim>(beside: Claim, claim: BilledClaim): Fellow<Claim> => {
  const { billed, accountPlan } = beside;
  const { cadence } = accountPlan;
  return { ...claim, accountPlan: { ...claim.accountPlan, cadence }, billed, beside };
};
