import { sql } from "kysely";
import {
  boundary,
  boundaryIndex,
  type Cadence,
  isBoundary,
  localDate,
  startOfDay,
} from "@turnpike/engine/time/cadence.ts";
import { compareInstants, earlier, isBefore, type Period } from "@turnpike/engine/time/period.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import type { CalculatedBill } from "../bill-calculation.ts";
import type { Given } from "../bill-candidates.ts";
import type { Job } from "../bill-run.ts";
import type { AccountTime } from "../../records/wallet-debits.ts";
import { attachmentsOf, type BillingBook, childrenOf } from "../billing-book.ts";
import { present } from "../catalog-snapshot.ts";
import type { Rated } from "../current-charges.ts";
import { runDate } from "../planned-bills.ts";
import type { AccountRecord } from "../snapshot.ts";
import { payersOf } from "./claims.ts";

/** Which time of which accounts a run closes: what was paid in it has to be on some bill. */

/** The bills that a run makes for some of its accounts. */
export interface Making {
  readonly job: Job & { readonly accountIds: readonly string[] };
  readonly given: Given;
  readonly bills: readonly CalculatedBill[];
  readonly rerated: readonly Rated[];
}

/** Time that has ended and whose bills are made; some of it perhaps twice. */
export const closings = async (
  transaction: DatabaseTransaction,
  making: Making,
): Promise<AccountTime[]> => [
  ...closingsOfBills(making),
  ...(await closingsWithoutBill(transaction, making)),
];

const repeats = (frequency: string): frequency is Cadence["frequency"] =>
  frequency === "DAILY" ||
  frequency === "WEEKLY" ||
  frequency === "MONTHLY" ||
  frequency === "ANNUALLY";

/** From the boundary before the date to the date. */
const periodUpTo = (cadence: Cadence, date: Temporal.PlainDate, zone: string): Period => ({
  start: startOfDay(boundary(cadence, boundaryIndex(cadence, date) - 1), zone),
  end: startOfDay(date, zone),
});

/** An account, and its children: its plans rate them as well. */
const codesOfFamily = (book: BillingBook, account: AccountRecord): readonly string[] => [
  account.code,
  ...childrenOf(book, account).map(({ code }) => code),
];

/** The time of bills: of their plans, from where a period would begin whose plan now begins later; and of a bill without plans. */
const closingsOfBills = ({ given: { book, now }, bills, rerated }: Making): AccountTime[] => {
  const ofPlans = [...bills, ...rerated].flatMap(({ facts }) =>
    facts.accountPlans.flatMap((accountPlan) => {
      const { arrears, cadence } = accountPlan;
      if (arrears === undefined) return [];
      const { zone } = facts.organization;
      const whole = periodUpTo(cadence, localDate(arrears.end, zone), zone);
      const period = { start: earlier(whole.start, arrears.start), end: arrears.end };
      return payersOf(facts, accountPlan).map((account) => ({ account, period }));
    }),
  );
  const ofBills = bills.flatMap(({ facts, planned: { frequency, interval, account: owner } }) => {
    if (!repeats(frequency)) return [];
    const { billDate, organization } = facts;
    const cadence = { anchor: billDate, frequency, interval };
    const period = periodUpTo(cadence, billDate, organization.zone);
    return codesOfFamily(book, owner).map((account) => ({ account, period }));
  });
  return [...ofPlans, ...ofBills].filter(({ period }) => hasEnded(period, now));
};

export const hasEnded = ({ end }: Period, now: Temporal.Instant): boolean =>
  compareInstants(end, now) <= 0;

/**
 * Of accounts of the run that have no bill of its date: the period of a plan that is not in force then, and all the time until
 * the date of a plan that is gone, as it is not known any more how often it was billed.
 */
const closingsWithoutBill = async (
  transaction: DatabaseTransaction,
  { job, given: { planned, bookFor, now } }: Making,
): Promise<AccountTime[]> => {
  const date = job.type === "CREATE" ? runDate(job) : undefined;
  if (date === undefined) return [];
  const book = bookFor(job.request);
  const billed = new Set(planned.map(({ identity }) => identity.accountId));
  const unbilled = job.accountIds
    .filter((id) => !billed.has(id))
    .flatMap((id) => book.accounts.get(id) ?? []);
  const owners = unbilled.flatMap(({ id, parentAccountId }) => present([id, parentAccountId]));
  const removed = await startsOfRemoved(transaction, job.orgId, owners);
  const periodsOf = (owner: AccountRecord): Period[] =>
    [
      ...periodsOfPlans(book, owner, date),
      ...[...startsOfUnscheduled(book, owner), ...(removed.get(owner.id) ?? [])].map((start) => ({
        start,
        end: startOfDay(date, book.zone),
      })),
    ].filter((period) => isBefore(period.start, period.end) && hasEnded(period, now));
  return unbilled.flatMap((account) => {
    const parent = book.accounts.get(account.parentAccountId ?? "");
    const inherited = parent === undefined ? [] : periodsOf(parent);
    return [
      ...inherited.map((period) => ({ account: account.code, period })),
      ...periodsOf(account).flatMap((period) =>
        codesOfFamily(book, account).map((code) => ({ account: code, period })),
      ),
    ];
  });
};

/** Up to the date, in force or not. */
const periodsOfPlans = (
  book: BillingBook,
  owner: AccountRecord,
  date: Temporal.PlainDate,
): Period[] =>
  attachmentsOf(book, owner)
    .map(({ schedule }) => schedule.cadence)
    .filter((cadence) => isBoundary(cadence, date))
    .map((cadence) => periodUpTo(cadence, date, book.zone));

/** When plans began that are not billed by themselves any more. */
const startsOfUnscheduled = (book: BillingBook, owner: AccountRecord): Temporal.Instant[] => {
  const scheduled = new Set(attachmentsOf(book, owner).map(({ accountPlan }) => accountPlan.id));
  return book.accountPlans
    .filter(({ id, accountId }) => accountId === owner.id && !scheduled.has(id))
    .map(({ startDate }) => Temporal.Instant.from(startDate));
};

/** When the plans began that accounts have no more. */
const startsOfRemoved = async (
  transaction: DatabaseTransaction,
  orgId: string,
  accountIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Temporal.Instant[]>> => {
  if (accountIds.length === 0) return new Map();
  const { rows } = await sql<{ accountId: string; startDate: string }>`
    SELECT before->>'accountId' AS "accountId", before->>'startDate' AS "startDate" FROM change
    WHERE org_id = ${orgId} AND kind = 'accountPlan' AND action = 'deleted'
      AND before->>'accountId' = ANY(${accountIds}::text[])
  `.execute(transaction);
  const starts = rows.map(({ accountId, startDate }) => ({
    accountId,
    start: Temporal.Instant.from(startDate),
  }));
  const byAccount = Map.groupBy(starts, ({ accountId }) => accountId);
  return new Map([...byAccount].map(([id, own]) => [id, own.map(({ start }) => start)]));
};
