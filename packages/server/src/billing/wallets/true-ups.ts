import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import type { Line } from "@turnpike/engine/bill/line.ts";
import { offsetCharges } from "@turnpike/engine/bill/offset-charges.ts";
import { isAmong } from "@turnpike/engine/bill/plan-charges.ts";
import { linesApart } from "@turnpike/engine/bill/rate-bill.ts";
import { isInArrears } from "@turnpike/engine/bill/usage-windows.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import type { Wallets } from "../../ports/wallets.ts";
import { calculateBills } from "../bill-calculation.ts";
import type { Rated } from "../current-charges.ts";
import { type BillRunParts, gather, type Job } from "../bill-run.ts";
import { present } from "../catalog-snapshot.ts";
import { hasEnded, type Making } from "./closings.ts";
import { settledTotals, type Total } from "./settled-slices.ts";
import { payingFamilies } from "./balances.ts";
import { billedClaims } from "./other-bills.ts";
import { type Measured, type MeasuredPeriod, periodsToSettle } from "./periods-to-settle.ts";
import { chargesOf, usersOf, type WalletClaim } from "./claims.ts";
import { withdrawnCharges } from "./withdrawn-charges.ts";

/** As many as a bill run calculates together. */
const chunkSize = 1000;
/** How often a period is measured again that has moved meanwhile, or whose usage is still on its way. */
const triesMax = 20;
const pauseMs = 250;

export interface TrueUpParts extends BillRunParts {
  readonly wallets: Wallets;
}

/**
 * Makes what wallets paid for periods that have ended equal to what their usage costs, before the bills of a job are
 * calculated (authorization semantics f.10.5): bill and wallet then say the same. Answers with the accounts of which
 * that cannot be said yet: their usage is still on its way, or their payments keep moving.
 */
export const trueUpWallets = async (parts: TrueUpParts, job: Job): Promise<ReadonlySet<string>> => {
  const accountIds = await waitingWallets(parts, job);
  const unsettled = new Set<string>();
  for (let first = 0; first < accountIds.length; first += chunkSize) {
    const chunk = { ...job, accountIds: accountIds.slice(first, first + chunkSize) };
    for (const id of await trueUpAccounts(parts, chunk)) unsettled.add(id);
  }
  return unsettled;
};

interface JobPart extends Job {
  readonly accountIds: readonly string[];
}

/** Those of the accounts that remain unsettled. */
const trueUpAccounts = async (parts: TrueUpParts, job: JobPart): Promise<string[]> => {
  for (let tries = 1; ; tries += 1) {
    const { late, periods } = await ratedPeriods(parts, job);
    const moved = await parts.wallets.trueUp(job.orgId, periods);
    const billed = new Set([...late, ...moved.flatMap(({ billedTo }) => billedTo)]);
    const unsettled = job.accountIds.filter((id) => billed.has(id));
    if (unsettled.length === 0 || tries === triesMax) return unsettled;
    await delay(pauseMs);
  }
};

/** The job's accounts that wait, as far as they or others of their families have a wallet. */
const waitingWallets = async (
  { database }: TrueUpParts,
  { orgId, jobId }: Job,
): Promise<string[]> => {
  const { rows } = await sql<{ id: string; parent_id: string | null }>`
    SELECT account_id AS id, to_id AS parent_id FROM bill_job_account AS waiting
    LEFT JOIN reference ON reference.org_id = waiting.org_id AND from_kind = 'account' AND from_id = account_id
      AND field = 'parentAccountId'
    WHERE waiting.org_id = ${orgId} AND job_id = ${jobId} AND NOT is_done ORDER BY account_id
  `.execute(database);
  const families = rows.map(({ id, parent_id }) => ({
    id,
    heads: [id, ...(parent_id === null ? [] : [parent_id])],
  }));
  const heads = families.flatMap((one) => one.heads);
  const paying = await payingFamilies(database, orgId, heads);
  return families.filter((one) => one.heads.some((id) => paying.has(id))).map(({ id }) => id);
};

interface RatedPeriods {
  readonly periods: readonly MeasuredPeriod[];
  /** Whose bills close periods that are left out: not all that was decided has reached the usage store. */
  readonly late: readonly string[];
}

/** What was paid and what was on its way is read as of one moment, before anything is measured. */
const ratedPeriods = ({ database, usage, now }: TrueUpParts, job: JobPart): Promise<RatedPeriods> =>
  database
    .transaction()
    .setIsolationLevel("repeatable read")
    .execute(async (transaction) => {
      const underWay = await usageUnderWay(transaction, job.orgId);
      const given = await gather(transaction, { ...job, at: now() });
      const { bills, rerated, others } = await calculateBills(transaction, usage, given);
      const rated = [...bills.map(({ facts, rated: { lines } }) => ({ facts, lines })), ...rerated];
      const totals = rated.flatMap((bill) => totalsOf(bill, given.now));
      const all = await settledTotals({ reader: transaction, usage, given, others }, totals);
      const making = { job, given, bills, rerated };
      // What comes back first may pay for the rest.
      const periods = [
        ...(await withdrawnPeriods(transaction, making)),
        ...(await periodsToSettle(transaction, job.orgId, all)),
      ];
      const isLate = latenessBy(underWay);
      const late = [...periods, ...all.map(measuredFrom)].filter(isLate);
      return {
        periods: periods.filter((period) => !isLate(period)),
        late: late.flatMap(({ billedTo }) => billedTo),
      };
    });

/** Of anyone whose usage counts: a child's share depends on what the others used, too. */
const latenessBy =
  (underWay: Awaited<ReturnType<typeof usageUnderWay>>) =>
  ({ users, usedIn: { start, end } }: Measured): boolean =>
    underWay.some(
      ({ account, at }) =>
        users.includes(account) && at >= start.epochMilliseconds && at < end.epochMilliseconds,
    );

const measuredFrom = ({ accountPlan, period, billedTo }: Total): Measured => ({
  users: usersOf(accountPlan),
  usedIn: period,
  billedTo: [billedTo],
});

/** What has to come back to accounts, on whose bills, or their parents', it would stand. */
const withdrawnPeriods = async (
  transaction: DatabaseTransaction,
  making: Making,
): Promise<MeasuredPeriod[]> => {
  const withdrawn = await withdrawnCharges(transaction, making);
  const accounts = new Map(
    [...making.given.book.accounts.values()].map((one) => [one.code, one] as const),
  );
  return withdrawn.map((one) => {
    const account = accounts.get(one.payer);
    const billedTo = present([account?.id, account?.parentAccountId]);
    return { ...one, users: one.accounts, billedTo, usedIn: one.closed };
  });
};

/** Usage that was decided, or taken back, and that the usage store has not acknowledged yet. */
const usageUnderWay = async (
  transaction: DatabaseTransaction,
  orgId: string,
): Promise<{ readonly account: string; readonly at: number }[]> => {
  const { rows } = await sql<{ account: string; ts: string }>`
    SELECT measurement->>'account' AS account, measurement->>'ts' AS ts
    FROM usage_outbox CROSS JOIN json_array_elements(measurements::json) AS measurement
    WHERE org_id = ${orgId} AND refusal IS NULL
    UNION ALL
    SELECT account, to_char(
      to_timestamp(occurred_at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
    ) FROM usage_void
    WHERE org_id = ${orgId}
  `.execute(transaction);
  return rows.map(({ account, ts }) => ({ account, at: Date.parse(ts) }));
};

/** The meters that a plan prices and its minimum spend: also what no line charges, so that it is given back. */
const totalsOf = ({ facts, lines }: Rated, now: Temporal.Instant): Total[] => {
  const own = linesApart(facts, lines).filter(
    ({ correctedLineKey }) => correctedLineKey === undefined,
  );
  const charges = offsetCharges(facts, own);
  return billedClaims(facts)
    .filter(({ billed }) => hasEnded(billed, now))
    .map((claim) => ({
      ...claim,
      billedTo: facts.account.id,
      until: claim.period.end,
      amounts: charges.filter(({ line }) => isChargeFor(claim, line)).map(({ cost }) => cost),
      before: [],
    }));
};

/** A bill may close several periods of a plan, and open the next: a child's weekly plan on its parent's monthly bill. */
const isChargeFor = (claim: WalletClaim, line: Line): boolean =>
  isAmong(chargesOf(claim), line) &&
  line.currency === claim.asset &&
  isInArrears(claim.accountPlan, line.servicePeriod.start);
