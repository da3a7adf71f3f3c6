import { sql } from "kysely";
import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { BilledLine } from "@turnpike/engine/bill/corrections.ts";
import type { CarriedCorrection } from "@turnpike/engine/bill/drawable.ts";
import { billFactsFromText } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFacts, BillTerms } from "@turnpike/engine/bill/facts.ts";
import { type UsageWindow, usageWindows } from "@turnpike/engine/bill/usage-windows.ts";
import { sum } from "@turnpike/engine/exact/decimal.ts";
import type { UsageChanges } from "../ports/usage-changes.ts";
import type { History, StoredBill } from "./bill-history.ts";
import { readLine } from "./bill-replies.ts";
import type { Reader } from "../ports/database.ts";
import { watchedBy } from "./usage-reach.ts";

/** A bill that is no longer calculated again, with what it was calculated from. */
export interface StoredFixedBill {
  readonly stored: StoredBill;
  readonly facts: BillFacts;
  readonly billed: readonly BilledLine[];
  /** To be measured again; none when no usage has changed. */
  readonly windows: readonly UsageWindow[];
  /** Wallets have paid another sum for its usage by now; the facts say which. */
  readonly isPaidAnew: boolean;
}

/** Bills whose usage may have changed since they were calculated. */
const changedBills = async (
  usage: UsageChanges,
  orgId: string,
  bills: readonly StoredBill[],
): Promise<ReadonlySet<string>> => {
  const unmarked = bills.filter(({ usageMark, usageReach }) => !usageMark || !usageReach);
  const watched = bills.flatMap(({ id, usageMark, usageReach }) =>
    usageMark === null
      ? []
      : watchedBy(usageReach ?? [], usageMark).map((question) => ({ billId: id, question })),
  );
  const questions = watched.map(({ question }) => question);
  const places = questions.length === 0 ? [] : await usage.changed({ orgId, watched: questions });
  const changed = places.flatMap((place) => watched[place]?.billId ?? []);
  return new Set([...unmarked.map(({ id }) => id), ...changed]);
};

interface FixedRow {
  readonly id: string;
  readonly facts: string;
  readonly lines: readonly { id: string; line: unknown }[];
}

const takeRows = async (
  reader: Reader,
  orgId: string,
  bills: readonly StoredBill[],
): Promise<ReadonlyMap<string, FixedRow>> => {
  if (bills.length === 0) return new Map();
  const { rows } = await sql<FixedRow>`
    SELECT bill.id, facts, coalesce((
      SELECT jsonb_agg(jsonb_build_object('id', bill_line.id, 'line', line) ORDER BY sequence_number)
      FROM bill_line WHERE bill_line.org_id = bill.org_id AND bill_id = bill.id
    ), '[]') AS lines
    FROM bill WHERE org_id = ${orgId} AND id = ANY(${bills.map(({ id }) => id)}::uuid[])
  `.execute(reader);
  return new Map(rows.map((row) => [row.id, row]));
};

const paymentsText = (balances: readonly BalanceTerms[]): string =>
  balances
    .filter(({ isWallet }) => isWallet === true)
    .map(
      ({ id, transactions }) => `${id} ${sum(transactions.map(({ amount }) => amount)).toString()}`,
    )
    .sort()
    .join();

/** The bills with what wallets have paid for their usage by now: a wallet paid for late usage, or was given back. */
export const paidAnew = (
  bills: readonly StoredFixedBill[],
  wallets: ReadonlyMap<BillTerms, readonly BalanceTerms[]>,
): StoredFixedBill[] =>
  bills.map((bill) => {
    const { facts } = bill;
    const paid = wallets.get(facts) ?? [];
    if (paymentsText(facts.balances) === paymentsText(paid)) return bill;
    const others = facts.balances.filter(({ isWallet }) => isWallet !== true);
    return { ...bill, facts: { ...facts, balances: [...others, ...paid] }, isPaidAnew: true };
  });

/** A bill before the corrected one may have gone without what comes back to the credit. */
const givesBack = ({ correction: { line, subtotal } }: CarriedCorrection): boolean =>
  line.lineItemType.endsWith("_CONSUMED") && subtotal.isPositive();

/**
 * Of some fixed bills those that may have to be rated again: from the first of each account whose usage has changed, or
 * that was corrected before, because what a bill draws depends on the ones before it; all of an account of which one has given
 * something back to a credit; and all that wallets pay for, because a payment moves without usage. Nothing else can differ from what it was: terms are stored with a bill.
 */
export const takeFixedBills = async (
  {
    reader,
    usage,
    orgId,
  }: { readonly reader: Reader; readonly usage: UsageChanges; readonly orgId: string },
  {
    bills,
    corrections,
    paying,
  }: Pick<History, "bills" | "corrections"> & { readonly paying: ReadonlySet<string> },
): Promise<StoredFixedBill[]> => {
  const changed = await changedBills(usage, orgId, bills);
  const corrected = new Set(corrections.map(({ correction }) => correction.billId));
  const givingBack = new Set(
    corrections.filter(givesBack).map(({ correction }) => correction.billId),
  );
  const firstDates = new Map<string, string>();
  for (const { id, accountId, billDate } of bills) {
    const first = firstDates.get(accountId);
    if (!changed.has(id) && !corrected.has(id)) continue;
    const from = givingBack.has(id) ? "" : billDate;
    if (first === undefined || from < first) firstDates.set(accountId, from);
  }
  const affected = bills.filter(
    ({ accountId, billDate }) =>
      paying.has(accountId) || billDate >= (firstDates.get(accountId) ?? "9999"),
  );
  const rows = await takeRows(reader, orgId, affected);
  return affected.flatMap((stored) => {
    const row = rows.get(stored.id);
    if (row === undefined) return [];
    const facts = billFactsFromText(row.facts);
    const billed = row.lines.map(({ id, line }) => ({ lineItemId: id, line: readLine(line) }));
    const windows = changed.has(stored.id) ? usageWindows(facts) : [];
    return [{ stored, facts, billed, windows, isPaidAnew: false }];
  });
};
