import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { asset as assetResource } from "@turnpike/contract/authorization/asset.ts";
import { meter as meterResource } from "@turnpike/contract/catalog/meter.ts";
import type { Line } from "@turnpike/engine/bill/line.ts";
import { offsetCharges } from "@turnpike/engine/bill/offset-charges.ts";
import { isAmong } from "@turnpike/engine/bill/plan-charges.ts";
import { linesApart } from "@turnpike/engine/bill/rate-bill.ts";
import { isInArrears } from "@turnpike/engine/bill/usage-windows.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import { toAtoms } from "@turnpike/engine/ledger/asset.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import type { RatedPeriod, Wallets } from "../../ports/wallets.ts";
import { lookupAll, lookupEvery } from "../../records/lookup.ts";
import { withWallet } from "../../records/paying-accounts.ts";
import { periodPaid } from "../../records/wallet-debits.ts";
import { calculateBills } from "../bill-calculation.ts";
import type { Rated } from "../current-charges.ts";
import { type BillRunParts, gather, type Job } from "../bill-run.ts";
import { present } from "../catalog-snapshot.ts";
import { hasEnded, type Making } from "./closings.ts";
import { settledTotals, type Total } from "./settled-slices.ts";
import { payingFamilies } from "./balances.ts";
import { jointClaims, productOf } from "./joint-claims.ts";
import { billedClaims } from "./other-bills.ts";
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
        ...(await withPayments(transaction, job.orgId, all)),
      ];
      const isLate = latenessBy(underWay);
      const late = [...periods, ...all.map(measuredFrom)].filter(isLate);
      return {
        periods: periods.filter((period) => !isLate(period)),
        late: late.flatMap(({ billedTo }) => billedTo),
      };
    });

/** Usage that a bill is made of, whoever pays for it. */
interface Measured {
  /** The codes of the accounts whose usage is rated together. */
  readonly users: readonly string[];
  /** The ids of the accounts whose bills it is on, or would be. */
  readonly billedTo: readonly string[];
  /** Time of which all usage has to have arrived. */
  readonly usedIn: Period;
}

interface MeasuredPeriod extends RatedPeriod, Measured {}

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

/** Every total with what was paid for it; without those that no wallet has to do with. */
const withPayments = async (
  transaction: DatabaseTransaction,
  orgId: string,
  totals: readonly Total[],
): Promise<MeasuredPeriod[]> => {
  const known = await lookupAll(transaction, meterResource, {
    orgId,
    ids: totals.flatMap(({ of }) => ("meter" in of ? [] : of.meterIds)),
  });
  const assets = await lookupEvery(transaction, assetResource, orgId);
  const scales = new Map(assets.map(({ code, scale }) => [code, scale]));
  const joint = jointClaims(totals);
  const payers = joint.map(({ accounts: [payer] }) => payer);
  const paying = await withWallet(transaction, orgId, payers);
  const since = await firstPostings(transaction, orgId, payers);
  const found: (MeasuredPeriod & { readonly times: readonly string[]; readonly until: number })[] =
    [];
  for (const one of joint) {
    const { claims, accounts, meters: meterIds, period } = one;
    const [payer] = accounts;
    const [{ asset, of }] = claims;
    const scale = scales.get(asset);
    const [meter, ...others] =
      "meter" in of ? [of.meter] : meterIds.flatMap((id) => known.get(id)?.code ?? []);
    if (scale === undefined || meter === undefined) continue;
    const meters = [meter, ...others] as const;
    const between = { start: period.start.epochMilliseconds, end: period.end.epochMilliseconds };
    const rated = ratedTogether(claims, scale);
    if (rated === undefined) continue;
    const asked = { orgId, accounts, meters, asset, period: between, onlyForPlan: false };
    const paid = await periodPaid(transaction, asked);
    if (rated > paid.debited + paid.shortfall && !paying.has(payer)) continue;
    const times = claims.map(timeOf);
    const product = productOf(one);
    const users = [...new Set(claims.flatMap(({ accountPlan }) => usersOf(accountPlan)))];
    const billedTo = claims.map((total) => total.billedTo);
    const own = { payer, accounts, users, meters, product, asset, period, usedIn: period };
    const until = Math.max(...claims.map((total) => total.until.epochMilliseconds));
    found.push({ ...own, onlyForPlan: false, rated, paid, billedTo, times, until });
  }
  const touched = new Set(found.filter(isPaid).flatMap(({ times }) => times));
  // For the time before it was there a wallet pays only where it has paid already.
  return found.filter(
    ({ payer, until, times }) =>
      times.some((time) => touched.has(time)) || (since.get(payer) ?? never) < until,
  );
};

/** In atoms; undefined where one of them is not known. */
const ratedTogether = (totals: readonly Total[], scale: number): bigint | undefined => {
  let rated = 0n;
  for (const { amounts, before } of totals) {
    if (amounts === undefined || before === undefined) return undefined;
    for (const amount of amounts) rated += toAtoms(amount, scale);
    for (const amount of before) rated -= toAtoms(amount, scale);
  }
  return rated < 0n ? 0n : rated;
};

const never = Number.POSITIVE_INFINITY;

const isPaid = ({ paid }: RatedPeriod): boolean => paid.debited !== 0n || paid.shortfall !== 0n;

const timeOf = ({ accounts: [payer], billed }: WalletClaim): string =>
  JSON.stringify([payer, billed.start.toString(), billed.end.toString()]);

/** When the first money of each account's wallet moved, in epoch milliseconds. */
const firstPostings = async (
  transaction: DatabaseTransaction,
  orgId: string,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql<{ account: string; at: string }>`
    SELECT code AS account, posting.at FROM unnest(${[...new Set(accounts)]}::text[]) AS code
    CROSS JOIN LATERAL (
      SELECT at FROM posting WHERE org_id = ${orgId} AND account = code ORDER BY sequence LIMIT 1
    ) AS posting
  `.execute(transaction);
  return new Map(rows.map(({ account, at }) => [account, Number(at)]));
};
