import { randomUUIDv7 } from "node:crypto";
import { sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { billFactsToText } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFacts, UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import type { BillFailure } from "@turnpike/engine/bill/printing.ts";
import { rateBill, type RatedBill } from "@turnpike/engine/bill/rate-bill.ts";
import type { Line } from "@turnpike/engine/bill/line.ts";
import { type UsageWindow, usageWindows } from "@turnpike/engine/bill/usage-windows.ts";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { lookupAll } from "../records/lookup.ts";
import { type AdvanceLines, takeAdvanceLines } from "./advance-lines.ts";
import type { CarriedCorrection, DrawDown, History, StoredBill } from "./bill-history.ts";
import type { BillingBook } from "./billing-book.ts";
import type { Reader } from "./catalog-snapshot.ts";
import { customFieldsOf } from "./custom-fields.ts";
import { DrawDownLedger, drawsOfBill } from "./draw-downs.ts";
import { measure } from "./measured-usage.ts";
import { plannedAgain, type PlannedBill } from "./planned-bills.ts";
import { type FixedBill, Rerating, takeFixedBills, withPayments } from "./rerating.ts";
import { walletBalancesOf } from "./wallet-balances.ts";

/** A bill as a run would write it. */
export interface CalculatedBill {
  readonly id: string;
  /** What it replaces. */
  readonly stored?: StoredBill | undefined;
  readonly planned: PlannedBill;
  readonly facts: BillFacts;
  readonly rated: RatedBill;
  readonly drawDowns: readonly DrawDown[];
}

export interface Calculation {
  /** In the order in which they were calculated; bills without lines among them. */
  readonly bills: readonly CalculatedBill[];
  /** Why bills could not be calculated, by account. */
  readonly failures: ReadonlyMap<string, readonly BillFailure[]>;
  /** Approved and locked bills of the same accounts, as they would be today. */
  readonly rerated: readonly Rated[];
}

/** A bill's lines with what they were rated from. */
export interface Rated {
  readonly facts: BillFacts;
  readonly lines: readonly Line[];
}

export interface Given {
  readonly book: BillingBook;
  /** The book as the run wanted it that calculated a bill. */
  readonly bookFor: (request: BillJobRequest) => BillingBook;
  readonly history: History;
  readonly planned: readonly PlannedBill[];
  readonly now: Temporal.Instant;
}

/** A bill in line to be calculated. */
interface Candidate {
  readonly id: string;
  readonly stored?: StoredBill | undefined;
  readonly planned: PlannedBill;
  readonly windows: readonly UsageWindow[];
  /** Nobody asked for it: it follows when an earlier bill of its account has changed (m3ter semantics 18.7). */
  readonly isFollowing: boolean;
}

const identityKey = (bill: {
  accountId: string;
  billDate: string;
  currency: string;
  groupKey: string;
}): string => JSON.stringify([bill.accountId, bill.billDate, bill.currency, bill.groupKey]);

const candidateOf = (
  planned: PlannedBill,
  stored: StoredBill | undefined,
  isFollowing: boolean,
): Candidate => ({
  id: stored?.id ?? randomUUIDv7(),
  stored,
  planned,
  windows: usageWindows(planned.terms),
  isFollowing,
});

/** What is asked for, without what is locked, and the later unlocked bills of the same accounts; in date order. */
const candidatesOf = ({ bookFor, history, planned, now }: Given): Candidate[] => {
  const known = new Map(history.bills.map((bill) => [identityKey(bill), bill]));
  const asked = planned
    .map((bill) => candidateOf(bill, known.get(identityKey(bill.identity)), false))
    .filter(({ stored }) => stored?.isLocked !== true);
  const firstDates = new Map<string, string>();
  for (const { identity } of planned) {
    const first = firstDates.get(identity.accountId);
    if (first === undefined || identity.billDate < first) {
      firstDates.set(identity.accountId, identity.billDate);
    }
  }
  const askedIds = new Set(asked.map(({ id }) => id));
  const following = history.bills
    .filter((bill) => !bill.isLocked && !askedIds.has(bill.id))
    .filter(({ accountId, billDate }) => billDate > (firstDates.get(accountId) ?? "9999"))
    .flatMap((bill) => {
      const stored = history.bills.filter(({ accountId }) => accountId === bill.accountId);
      const again = plannedAgain(bookFor(bill.request), bill, { now, stored });
      return again === undefined ? [] : [candidateOf(again, bill, true)];
    });
  return [...asked, ...following].sort(inDateOrder);
};

/** What wallets paid counts like a balance of the bill's periods. */
const candidatesWithWallets = async (
  reader: Reader,
  orgId: string,
  candidates: readonly Candidate[],
): Promise<Candidate[]> => {
  const bills = candidates.map(({ planned }) => planned.terms);
  const wallets = await walletBalancesOf(reader, orgId, bills);
  return candidates.map((candidate) => {
    const { planned } = candidate;
    const { terms } = planned;
    const balances = [...terms.balances, ...(wallets.get(terms) ?? [])];
    return { ...candidate, planned: { ...planned, terms: { ...terms, balances } } };
  });
};

/** Children before their parents, whose bills may draw on what theirs left. */
const rank = ({ planned: { identity, account } }: Candidate): string =>
  [
    identity.billDate,
    account.parentAccountId === undefined ? "1" : "0",
    identity.accountId,
    identity.groupKey,
    identity.currency,
  ].join(" ");

const inDateOrder = (a: Candidate, b: Candidate): number => (rank(a) < rank(b) ? -1 : 1);

/** Bills that are not calculated again although usage of their periods may have changed. */
const fixedBills = ({ bills }: History, candidates: readonly Candidate[]): StoredBill[] => {
  const lastDates = new Map<string, string>();
  for (const { planned } of candidates) {
    // The candidates are in date order.
    lastDates.set(planned.identity.accountId, planned.identity.billDate);
  }
  const again = new Set(candidates.map(({ id }) => id));
  return bills.filter(
    ({ id, accountId, billDate, isApproved, isLocked }) =>
      (isApproved || isLocked) && !again.has(id) && billDate < (lastDates.get(accountId) ?? ""),
  );
};

/** With the aggregations that only fixed bills still name. */
const withAggregationsOf = async (
  reader: Reader,
  book: BillingBook,
  fixed: readonly FixedBill[],
): Promise<BillingBook> => {
  const ids = fixed
    .flatMap(({ windows }) => windows.map(({ aggregationId }) => aggregationId))
    .filter((id) => !book.aggregations.has(id) && !book.compounds.has(id));
  const found = await lookupAll(reader, aggregation, { orgId: book.orgId, ids });
  return { ...book, aggregations: new Map([...book.aggregations, ...found]) };
};

const storedFacts = async (
  reader: Reader,
  orgId: string,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, string>> => {
  const followed = new Set(
    candidates.filter(({ isFollowing }) => isFollowing).map(({ planned }) => planned.account.id),
  );
  const ids = candidates
    .filter(({ stored, planned }) => stored !== undefined && followed.has(planned.account.id))
    .map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const rows = await reader
    .selectFrom("bill")
    .select(["id", "facts"])
    .where("org_id", "=", orgId)
    .where(sql<boolean>`id = ANY(${ids}::uuid[])`)
    .execute();
  return new Map(rows.map(({ id, facts }) => [id, facts]));
};

interface Materials {
  readonly history: History;
  readonly measured: ReadonlyMap<UsageWindow, UsageQuantity>;
  readonly advance: AdvanceLines;
  /** By account. */
  readonly reratings: ReadonlyMap<string, Rerating>;
  /** By bill. */
  readonly factsBefore: ReadonlyMap<string, string>;
}

/** Calculates bills one after the other, each with what those before it took and put right. */
class Calculator {
  readonly #materials: Materials;
  readonly #ledger: DrawDownLedger;
  readonly #changedAccounts = new Set<string>();
  readonly #bills: CalculatedBill[] = [];
  readonly #failures = new Map<string, BillFailure[]>();
  #corrections: readonly CarriedCorrection[];

  constructor(materials: Materials, candidates: readonly Candidate[]) {
    this.#materials = materials;
    this.#ledger = new DrawDownLedger(materials.history);
    this.#corrections = materials.history.corrections;
    // What is calculated again gives back first what it took, so that earlier bills may take it.
    this.#released = new Map(candidates.map(({ id }) => [id, this.#ledger.release(id)]));
    for (const [accountId, { failures }] of materials.reratings) {
      if (failures.length > 0) this.#fail(accountId, failures);
    }
  }

  readonly #released: ReadonlyMap<string, readonly DrawDown[]>;

  #fail(accountId: string, failures: readonly BillFailure[]): void {
    this.#failures.set(accountId, [...(this.#failures.get(accountId) ?? []), ...failures]);
  }

  #factsOf({ id, planned, windows }: Candidate): BillFacts {
    const { history, measured, advance, reratings } = this.#materials;
    const { accountId, billDate } = planned.identity;
    const carried = this.#corrections.filter(({ billId }) => billId !== id);
    return {
      ...this.#ledger.settled(planned.terms),
      memos: history.memos.get(id) ?? [],
      corrections: reratings.get(accountId)?.correctionsBefore(billDate, carried) ?? [],
      quantities: Object.fromEntries(
        windows.map((window) => [window.key, measured.get(window) ?? { quantity: null }]),
      ),
      billedInAdvance: advance.billedBefore({ id, billDate }, planned.terms),
    };
  }

  /** The bill stays as it stands, and so does what it took. */
  #leave({ id, planned }: Candidate): void {
    this.#ledger.record(planned.identity.billDate, this.#released.get(id) ?? []);
  }

  calculate(candidate: Candidate): void {
    const { id, planned, stored, isFollowing } = candidate;
    const { accountId, billDate } = planned.identity;
    if (isFollowing && !this.#changedAccounts.has(accountId)) return this.#leave(candidate);
    const facts = this.#factsOf(candidate);
    const isSame = this.#materials.factsBefore.get(id) === billFactsToText(facts);
    if (isFollowing && isSame) return this.#leave(candidate);
    const rated = rateBill(facts);
    if (rated.outcome === "failed") {
      this.#fail(accountId, rated.failures);
      return this.#leave(candidate);
    }
    const drawDowns = drawsOfBill(id, rated.lines, facts.corrections);
    this.#bills.push({ id, stored, planned, facts, rated, drawDowns });
    if (!isSame) this.#changedAccounts.add(accountId);
    this.#ledger.record(billDate, drawDowns);
    this.#materials.advance.replace({ id, billDate }, rated.lines);
    this.#corrections = [
      ...this.#corrections.filter(({ billId }) => billId !== id),
      ...facts.corrections.map((correction) => ({ billId: id, correction })),
    ];
  }

  result(): Calculation {
    const rerated = [...this.#materials.reratings.values()].flatMap((one) => one.rerated());
    return { bills: this.#bills, failures: this.#failures, rerated };
  }
}

/**
 * Calculates what is planned, and later unlocked bills that depend on it, without storing anything; every query
 * serves all of them.
 */
export const calculateBills = async (
  reader: Reader,
  usage: UsageStore,
  given: Given,
): Promise<Calculation> => {
  const { history } = given;
  const { orgId } = given.book;
  const candidates = await candidatesWithWallets(reader, orgId, candidatesOf(given));
  const fixed = await withPayments(
    reader,
    orgId,
    await takeFixedBills(reader, orgId, fixedBills(history, candidates)),
  );
  const book = await withAggregationsOf(reader, given.book, fixed);
  const terms = candidates.map(({ planned }) => planned.terms);
  const measured = await measure(usage, book, [
    ...candidates.map(({ planned, windows }) => ({
      windows,
      customFields: customFieldsOf(book, planned.terms),
    })),
    ...fixed.map(({ facts, windows }) => ({ windows, customFields: customFieldsOf(book, facts) })),
  ]);
  const byAccount = Map.groupBy(fixed, ({ stored }) => stored.accountId);
  const carried = { corrections: history.corrections, stored: history.bills };
  const calculator = new Calculator(
    {
      history,
      measured,
      advance: await takeAdvanceLines(reader, orgId, terms),
      reratings: new Map(
        [...byAccount].map(([id, bills]) => [id, new Rerating(bills, measured, carried)]),
      ),
      factsBefore: await storedFacts(reader, orgId, candidates),
    },
    candidates,
  );
  for (const candidate of candidates) calculator.calculate(candidate);
  return calculator.result();
};
