import { randomUUIDv7 } from "node:crypto";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { type UsageWindow, usageWindows } from "@turnpike/engine/bill/usage-windows.ts";
import type { History, StoredBill } from "./bill-history.ts";
import type { BillingBook } from "./billing-book.ts";
import { identityKey, plannedAgain, type PlannedBill } from "./planned-bills.ts";

/** Which bills a run calculates, in which order, and which it leaves as they are. */

export interface Given {
  readonly book: BillingBook;
  /** The book as the run wanted it that calculated a bill. */
  readonly bookFor: (request: BillJobRequest) => BillingBook;
  readonly history: History;
  readonly planned: readonly PlannedBill[];
  readonly now: Temporal.Instant;
}

/** A bill in line to be calculated. */
export interface Candidate {
  readonly id: string;
  readonly stored?: StoredBill | undefined;
  readonly planned: PlannedBill;
  readonly windows: readonly UsageWindow[];
  /** See `familyOf`. */
  readonly family: string;
  /** Nobody asked for it: it follows when an earlier bill of its family has changed (m3ter semantics 18.7). */
  readonly isFollowing: boolean;
}

/** The parent, also of itself: those who share plans and credits. */
export const familyOf = ({ accounts }: BillingBook, accountId: string): string =>
  accounts.get(accountId)?.parentAccountId ?? accountId;

/** By date, children before their parents, whose bills may draw on what theirs left. */
const placeInTime = (
  { accounts }: BillingBook,
  { billDate, accountId }: Pick<StoredBill, "billDate" | "accountId">,
): string => `${billDate} ${accounts.get(accountId)?.parentAccountId === undefined ? 1 : 0}`;

const inDateOrder =
  (book: BillingBook) =>
  (a: Candidate, b: Candidate): number =>
    rank(book, a) < rank(book, b) ? -1 : 1;

const rank = (book: BillingBook, { planned: { identity } }: Candidate): string => {
  const { accountId, groupKey, currency } = identity;
  return `${placeInTime(book, identity)} ${accountId} ${groupKey} ${currency}`;
};

const candidateOf = (
  planned: PlannedBill,
  stored: StoredBill | undefined,
  isFollowing: boolean,
): Candidate => ({
  id: stored?.id ?? randomUUIDv7(),
  stored,
  planned,
  family: planned.account.parentAccountId ?? planned.account.id,
  windows: usageWindows(planned.terms),
  isFollowing,
});

/** What is asked for, without what is locked, and the later unlocked bills of the same families; in date order. */
export const candidatesOf = ({ book, bookFor, history, planned, now }: Given): Candidate[] => {
  const known = new Map(history.bills.map((bill) => [identityKey(bill), bill]));
  const byAccount = Map.groupBy(history.bills, ({ accountId }) => accountId);
  const asked = planned
    .map((bill) => candidateOf(bill, known.get(identityKey(bill.identity)), false))
    .filter(({ stored }) => stored?.isLocked !== true);
  const places = new Map<string, string>();
  for (const { identity } of planned) {
    const family = familyOf(book, identity.accountId);
    const place = placeInTime(book, identity);
    if (place < (places.get(family) ?? "9999")) places.set(family, place);
  }
  const askedIds = new Set(asked.map(({ id }) => id));
  const following = history.bills
    .filter((bill) => !bill.isLocked && !askedIds.has(bill.id))
    .filter(
      (bill) => placeInTime(book, bill) > (places.get(familyOf(book, bill.accountId)) ?? "9999"),
    )
    .flatMap((bill) => {
      const stored = byAccount.get(bill.accountId) ?? [];
      const again = plannedAgain(bookFor(bill.request), bill, { now, stored });
      return again === undefined ? [] : [candidateOf(again, bill, true)];
    });
  return [...asked, ...following].sort(inDateOrder(book));
};

/**
 * Locked bills that come after some others of their families: what these charge in advance, the locked ones may have
 * settled already.
 */
export const lockedAfter = (
  book: BillingBook,
  { bills }: Pick<History, "bills">,
  earlier: readonly Pick<StoredBill, "accountId" | "billDate">[],
): StoredBill[] => {
  const firstDates = new Map<string, string>();
  for (const { accountId, billDate } of earlier) {
    const family = familyOf(book, accountId);
    if (billDate < (firstDates.get(family) ?? "9999")) firstDates.set(family, billDate);
  }
  return bills.filter(
    ({ accountId, billDate, isLocked }) =>
      isLocked && billDate > (firstDates.get(familyOf(book, accountId)) ?? "9999"),
  );
};

/**
 * Bills that are not calculated again although what they were calculated from may have changed; without a mark those
 * before which another is calculated now.
 */
export const fixedBills = (
  { book, history }: Pick<Given, "book" | "history">,
  candidates: readonly Candidate[],
): StoredBill[] => {
  const identities = candidates.map(({ planned }) => planned.identity);
  const lastDates = new Map<string, string>();
  // The candidates are in date order.
  for (const { accountId, billDate } of identities) lastDates.set(accountId, billDate);
  const again = new Set(candidates.map(({ id }) => id));
  const overtaken = new Set(lockedAfter(book, history, identities).map(({ id }) => id));
  return history.bills
    .filter(
      ({ id, accountId, billDate, isApproved, isLocked }) =>
        (isApproved || isLocked) && !again.has(id) && billDate < (lastDates.get(accountId) ?? ""),
    )
    .map((bill) => (overtaken.has(bill.id) ? { ...bill, usageMark: null } : bill));
};
