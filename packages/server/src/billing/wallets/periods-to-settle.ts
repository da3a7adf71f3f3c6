import { sql } from "kysely";
import { asset as assetResource } from "@turnpike/contract/authorization/asset.ts";
import { meter as meterResource } from "@turnpike/contract/catalog/meter.ts";
import { toAtoms } from "@turnpike/engine/ledger/asset.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import type { RatedPeriod } from "../../ports/wallets.ts";
import { lookupAll, lookupEvery } from "../../records/lookup.ts";
import { withWallet } from "../../records/paying-accounts.ts";
import { periodPaid } from "../../records/wallet-debits.ts";
import { usersOf, type WalletClaim } from "./claims.ts";
import { type JointClaim, jointClaims, productOf } from "./joint-claims.ts";
import type { Total } from "./settled-slices.ts";

/** Usage that a bill is made of, whoever pays for it. */
export interface Measured {
  /** The codes of the accounts whose usage is rated together. */
  readonly users: readonly string[];
  /** The ids of the accounts whose bills it is on, or would be. */
  readonly billedTo: readonly string[];
  /** Time of which all usage has to have arrived. */
  readonly usedIn: Period;
}

export interface MeasuredPeriod extends RatedPeriod, Measured {}

/** What the totals come to together, with what was paid for it; without those that no wallet has to do with. */
export const periodsToSettle = async (
  transaction: DatabaseTransaction,
  orgId: string,
  totals: readonly Total[],
): Promise<MeasuredPeriod[]> => {
  const names = await namesFor(transaction, orgId, totals);
  const all = jointClaims(totals).flatMap((joint) => settlingOf(joint, names));
  const payers = all.map(({ payer }) => payer);
  const paying = await withWallet(transaction, orgId, payers);
  const since = await firstPostings(transaction, orgId, payers);
  const found: (Settling & MeasuredPeriod)[] = [];
  for (const one of all) {
    const { payer, rated, period, ...asked } = one;
    const between = { start: period.start.epochMilliseconds, end: period.end.epochMilliseconds };
    const paid = await periodPaid(transaction, { ...asked, orgId, period: between });
    if (rated > paid.debited + paid.shortfall && !paying.has(payer)) continue;
    found.push({ ...one, paid });
  }
  const touched = new Set(found.filter(isPaid).flatMap(({ times }) => times));
  // For the time before it was there a wallet pays only where it has paid already.
  return found.filter(
    ({ payer, until, times }) =>
      times.some((time) => touched.has(time)) || (since.get(payer) ?? never) < until,
  );
};

/** How the catalog names what totals are of. */
interface Names {
  readonly meterCodes: ReadonlyMap<string, string>;
  /** Of assets, by code. */
  readonly scales: ReadonlyMap<string, number>;
}

const namesFor = async (
  transaction: DatabaseTransaction,
  orgId: string,
  totals: readonly Total[],
): Promise<Names> => {
  const meters = await lookupAll(transaction, meterResource, {
    orgId,
    ids: totals.flatMap(({ of }) => ("meter" in of ? [] : of.meterIds)),
  });
  const assets = await lookupEvery(transaction, assetResource, orgId);
  return {
    meterCodes: new Map([...meters].map(([id, { code }]) => [id, code])),
    scales: new Map(assets.map(({ code, scale }) => [code, scale])),
  };
};

/** What one close settles, before it is known what was paid for it. */
interface Settling extends Omit<MeasuredPeriod, "paid"> {
  /** The periods of payers that it closes. */
  readonly times: readonly string[];
  /** Epoch milliseconds. */
  readonly until: number;
}

/** None where the catalog does not know what is claimed any more, or where nobody can tell what it costs. */
const settlingOf = (joint: JointClaim<Total>, { meterCodes, scales }: Names): Settling[] => {
  const { claims, accounts, meters: meterIds, period } = joint;
  const [payer] = accounts;
  const [{ asset, of }] = claims;
  const scale = scales.get(asset);
  const [meter, ...others] =
    "meter" in of ? [of.meter] : meterIds.flatMap((id) => meterCodes.get(id) ?? []);
  const rated = scale === undefined ? undefined : ratedTogether(claims, scale);
  if (meter === undefined || rated === undefined) return [];
  return [
    {
      payer,
      accounts,
      users: [...new Set(claims.flatMap(({ accountPlan }) => usersOf(accountPlan)))],
      meters: [meter, ...others],
      product: productOf(joint),
      asset,
      period,
      usedIn: period,
      onlyForPlan: false,
      rated,
      billedTo: claims.map(({ billedTo }) => billedTo),
      times: claims.map(timeOf),
      until: Math.max(...claims.map(({ until }) => until.epochMilliseconds)),
    },
  ];
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
