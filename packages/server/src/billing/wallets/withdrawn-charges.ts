import { sql } from "kysely";
import { billFactsFromText } from "@turnpike/engine/bill/facts-json.ts";
import type { AccountPlanTerms, BillFacts } from "@turnpike/engine/bill/facts.ts";
import {
  billDateAt,
  billDates,
  billPeriods,
  servicePeriodAt,
} from "@turnpike/engine/time/bill-period.ts";
import { localDate } from "@turnpike/engine/time/cadence.ts";
import {
  intersection,
  isBefore,
  type OpenPeriod,
  type Period,
  spanOf,
  unitedPeriods,
  withoutPeriods,
} from "@turnpike/engine/time/period.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import type { RatedPeriod } from "../../ports/wallets.ts";
import {
  type AccountTime,
  type PaidSubject,
  paidSubjects,
  periodPaid,
  planOwners,
} from "../../records/wallet-debits.ts";
import type { Attachment } from "../attachments.ts";
import type { BillingBook } from "../billing-book.ts";
import { present } from "../catalog-snapshot.ts";
import { closings, type Making } from "./closings.ts";
import { accountPlanTerms, aggregationsOf } from "../terms.ts";
import { measuredBy } from "../usage-reach.ts";
import { type JointClaim, jointClaims, jointClaimsInSlices } from "./joint-claims.ts";
import { claimsOf, claimsOfPlan, usersOf, type WalletClaim } from "./claims.ts";

/**
 * What wallets paid for a plan, and no bill charges any more because the catalog has changed behind it: a plan, its price, its
 * minimum spend, its currency or its dates. It comes back when the bill is made whose time it is of.
 */

type Claims = JointClaim<WalletClaim>;

/** What an account paid for one meter in one asset, with the time that no bill is known to claim. */
interface Unclaimed extends PaidSubject {
  readonly periods: readonly Period[];
  /** What bills claim of that time in another asset. */
  readonly elsewhere: readonly Period[];
}

export interface WithdrawnPeriod extends RatedPeriod {
  /** The time that is closed, of which it is a part. */
  readonly closed: Period;
}

/**
 * All that has to come back, as periods that are rated at nothing. What another bill claims stays, also one of a longer period
 * that has not ended, and one that stands as it was made: then bill and wallet still say the same. What the caller priced
 * himself stays, unless a plan charges it in another asset now.
 */
export const withdrawnCharges = async (
  transaction: DatabaseTransaction,
  making: Making,
): Promise<WithdrawnPeriod[]> => {
  const { orgId } = making.job;
  const { book } = making.given;
  const closed = await closings(transaction, making);
  const span = spanOf(closed.map(({ period }) => period));
  if (span === undefined) return [];
  const paid = await unclaimedIn(transaction, orgId, closed);
  const made = jointClaimsInSlices(
    [...making.bills, ...making.rerated].flatMap(({ facts }) => claimsOf(facts)),
  );
  // Mostly everything is claimed by a plan that still stands: that is found without looking at each of its bills.
  const apart = withoutClaimed(paid, [...made, ...claimsOfPlans(book, span)]);
  const left = withoutClaimed(apart, claimsOfBills(book, apart));
  const unclaimed = withoutClaimed(left, await claimsOfStored(transaction, making, left));
  return withPayments(transaction, orgId, unclaimed);
};

/** Everything that was paid in the time that is closed; no time of an account twice. */
const unclaimedIn = async (
  transaction: DatabaseTransaction,
  orgId: string,
  closed: readonly AccountTime[],
): Promise<Unclaimed[]> => {
  const byAccount = Map.groupBy(closed, ({ account }) => account);
  const asked = [...byAccount].flatMap(([account, own]) =>
    unitedPeriods(own.map(({ period }) => period)).map((period) => ({ account, period })),
  );
  const subjects = await paidSubjects(transaction, orgId, asked);
  return subjects.map((subject) => ({ ...subject, periods: [subject.period], elsewhere: [] }));
};

const cut = (period: Period, others: readonly OpenPeriod[]): Period[] =>
  withoutPeriods(period, others).map(({ start, end = period.end }) => ({ start, end }));

const periodsOf = (claims: readonly Claims[]): Period[] => claims.map(({ period }) => period);

/** What is left when the claims are taken out of it, without what nobody has to give back. */
const withoutClaimed = (paid: readonly Unclaimed[], claims: readonly Claims[]): Unclaimed[] => {
  const byAccount = Map.groupBy(
    claims.flatMap((claim) => claim.accounts.map((account) => ({ account, claim }))),
    ({ account }) => account,
  );
  return paid
    .map((one) => {
      const { asked, asset, meter, meterId } = one;
      const own = (byAccount.get(asked.account) ?? [])
        .map(({ claim }) => claim)
        .filter(({ meters }) => meters.includes(meterId ?? meter));
      const inAsset = ({ claims: [claim] }: Claims): boolean => claim.asset === asset;
      const alike = own.filter(inAsset);
      const others = own.filter((claim) => !inAsset(claim));
      return {
        ...one,
        periods: one.periods.flatMap((period) => cut(period, periodsOf(alike))),
        elsewhere: [...one.elsewhere, ...periodsOf(others)],
      };
    })
    .filter(
      ({ periods, isForPlan, elsewhere }) =>
        periods.length > 0 && (isForPlan || elsewhere.length > 0),
    );
};

const plansOf = (book: BillingBook): readonly Attachment[] => [...book.attachments.values()].flat();

/** Each plan's claims by themselves, in all the time that its bills charge. */
const claimsOfPlans = (book: BillingBook, span: Period): Claims[] =>
  plansOf(book).flatMap((attachment) => {
    const billed = intersection(span, billedTime(attachment));
    if (billed === undefined) return [];
    const accountPlan = accountPlanTerms(book, { attachment, periods: {} });
    return claimsIn(book, accountPlan, [billed]).flatMap((claim) => jointClaims([claim]));
  });

/** To the end of the period in which the plan ends. */
const billedTime = ({ schedule }: Attachment): OpenPeriod => {
  const { start, end } = schedule.active;
  if (end === undefined || !isBefore(start, end)) return { start, end };
  return { start, end: servicePeriodAt(schedule, end.subtract({ nanoseconds: 1 })).end };
};

/** Of every bill of the time that is left, with those together that share debits. */
const claimsOfBills = (book: BillingBook, left: readonly Unclaimed[]): Claims[] => {
  const span = spanOf(left.flatMap(({ periods }) => periods));
  if (span === undefined) return [];
  const accounts = new Set(left.map(({ asked }) => asked.account));
  return jointClaimsInSlices(
    plansOf(book).flatMap((attachment) => {
      const accountPlan = accountPlanTerms(book, { attachment, periods: {} });
      if (!usersOf(accountPlan).some((code) => accounts.has(code))) return [];
      const { schedule } = attachment;
      const from = localDate(span.start, schedule.zone);
      const to = billDateAt(schedule, span.end).add({ days: 1 });
      const dates = billDates(schedule, { from, to, billsInAdvance: false });
      const periods = dates.flatMap((date) => billPeriods(schedule, date).arrears ?? []);
      return claimsIn(book, accountPlan, periods);
    }),
  );
};

const claimsIn = (
  book: BillingBook,
  accountPlan: AccountPlanTerms,
  periods: readonly Period[],
): WalletClaim[] => {
  const measured = measuredBy(aggregationsOf(book, [accountPlan]));
  const accounts = usersOf(accountPlan);
  return periods.flatMap((period) =>
    claimsOfPlan({ ...accountPlan, arrears: { number: 0, ...period } }, { accounts, measured }),
  );
};

/** Of bills that stand and are not made anew here, by the terms that they have: also of a parent whose child this was. */
const claimsOfStored = async (
  transaction: DatabaseTransaction,
  { job: { orgId }, given: { book }, bills }: Making,
  left: readonly Unclaimed[],
): Promise<Claims[]> => {
  const span = spanOf(left.flatMap(({ periods }) => periods));
  if (span === undefined) return [];
  const accounts = [...new Set(left.map(({ asked }) => asked.account))];
  const owners = await planOwners(transaction, { orgId, accounts, period: span });
  const codes = new Set(accounts);
  const family = [...book.accounts.values()]
    .filter(({ code }) => codes.has(code))
    .flatMap(({ id, parentAccountId }) => present([id, parentAccountId]));
  const { rows } = await sql<{ facts: string }>`
    SELECT facts FROM bill
    WHERE org_id = ${orgId} AND starts_at < ${span.end.toString()} AND ends_at > ${span.start.toString()}
      AND NOT id = ANY(${bills.map(({ id }) => id)}::uuid[])
      AND account_id IN (
        SELECT unnest(${family}::uuid[]) UNION ALL
        SELECT id FROM record WHERE org_id = ${orgId} AND kind = 'account' AND code = ANY(${owners}::text[])
      )
  `.execute(transaction);
  const stored: BillFacts[] = rows.map(({ facts }) => billFactsFromText(facts));
  return stored.flatMap((facts) => jointClaimsInSlices(claimsOf(facts)));
};

/** What was paid in the time that is left: everything where a plan charges it in another asset, else what was for a plan. */
const withPayments = async (
  transaction: DatabaseTransaction,
  orgId: string,
  unclaimed: readonly Unclaimed[],
): Promise<WithdrawnPeriod[]> => {
  const withdrawn: WithdrawnPeriod[] = [];
  for (const { asked, meter, asset, ...time } of unclaimed.flatMap(pieces)) {
    const { account: payer, period: closed } = asked;
    const { start, end } = time.period;
    const period = { start: start.epochMilliseconds, end: end.epochMilliseconds };
    const shared = { ...time, accounts: [payer], meters: [meter], asset } as const;
    const paid = await periodPaid(transaction, { ...shared, orgId, period });
    if (paid.debited === 0n && paid.shortfall === 0n) continue;
    withdrawn.push({ ...shared, payer, product: null, rated: 0n, paid, closed });
  }
  return withdrawn;
};

interface Piece extends Pick<Unclaimed, "asked" | "meter" | "asset"> {
  readonly period: Period;
  readonly onlyForPlan: boolean;
}

const pieces = ({ asked, meter, asset, periods, elsewhere }: Unclaimed): Piece[] => {
  const shared = { asked, meter, asset };
  const charged = unitedPeriods(elsewhere);
  return periods.flatMap((period) => [
    ...charged.flatMap((other) => {
      const piece = intersection(period, other);
      return piece === undefined ? [] : [{ ...shared, period: piece, onlyForPlan: false }];
    }),
    ...cut(period, charged).map((piece) => ({ ...shared, period: piece, onlyForPlan: true })),
  ]);
};
