import { sql } from "kysely";
import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import { billFactsToText } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFacts, BillTerms, UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import type { BillFailure } from "@turnpike/engine/bill/printing.ts";
import { drawsOfBill } from "@turnpike/engine/bill/credit-draws.ts";
import type { CarriedCorrection, Room } from "@turnpike/engine/bill/drawable.ts";
import { correctionsBefore } from "@turnpike/engine/bill/rerating.ts";
import { type Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { rateBill, type RatedBill } from "@turnpike/engine/bill/rate-bill.ts";
import { takenBack } from "@turnpike/engine/bill/corrections.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import type { UsageMark } from "../ports/usage-changes.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { type AdvanceLines, takeAdvanceLines } from "./advance-lines.ts";
import {
  type Candidate,
  candidatesOf,
  familyOf,
  fixedBills,
  type Given,
} from "./bill-candidates.ts";
import type { Sources } from "./wallets/charged-up-to.ts";
import type { DrawDown, History, StoredBill } from "./bill-history.ts";
import type { BillingBook } from "./billing-book.ts";
import type { Reader } from "../ports/database.ts";
import { balanceTerms, commitmentTerms } from "./credit-terms.ts";
import { askedNow, type Rated } from "./current-charges.ts";
import { DrawDownLedger } from "./draw-downs.ts";
import { type AskedWindows, measure } from "./measured-usage.ts";
import { otherBills, type OtherBills } from "./wallets/other-bills.ts";
import type { PlannedBill } from "./planned-bills.ts";
import { paidAnew, type StoredFixedBill, takeFixedBills } from "./fixed-bills.ts";
import { Reratings } from "./reratings.ts";
import { takeStanding } from "./wallets/standing-bills.ts";
import { reachOf, type UsageReach } from "./usage-reach.ts";
import { payingFamilies, walletBalancesOf } from "./wallets/balances.ts";

/** A bill as a run would write it. */
export interface CalculatedBill {
  readonly id: string;
  /** What it replaces. */
  readonly stored?: StoredBill | undefined;
  readonly planned: PlannedBill;
  readonly facts: BillFacts;
  readonly rated: RatedBill;
  readonly drawDowns: readonly DrawDown[];
  /** From before its usage was read, and how far that reached. */
  readonly usageMark: UsageMark;
  readonly usageReach: readonly UsageReach[];
}

export interface Calculation {
  /** In the order in which they were calculated; bills without lines among them. */
  readonly bills: readonly CalculatedBill[];
  /** Why bills could not be calculated, by account. */
  readonly failures: ReadonlyMap<string, readonly BillFailure[]>;
  /** Of approved and locked bills those that may differ or that wallets pay for, as they would be today. */
  readonly rerated: readonly Rated[];
  /** What these bills, and others of their families, claim of what wallets pay. */
  readonly others: OtherBills;
}

/** What wallets paid counts like a balance of the bill's periods. */
const withWallets = (
  candidate: Candidate,
  wallets: ReadonlyMap<BillTerms, readonly BalanceTerms[]>,
): Candidate => {
  const { planned } = candidate;
  const { terms } = planned;
  const balances = [...terms.balances, ...(wallets.get(terms) ?? [])];
  return { ...candidate, planned: { ...planned, terms: { ...terms, balances } } };
};

/** Of bills that stand, in families of which later ones may follow. */
const storedFacts = async (
  reader: Reader,
  orgId: string,
  candidates: readonly Candidate[],
): Promise<ReadonlyMap<string, string>> => {
  const followed = new Set(
    candidates.filter(({ isFollowing }) => isFollowing).map(({ family }) => family),
  );
  const ids = candidates
    .filter(({ stored, family }) => stored !== undefined && followed.has(family))
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
  readonly usageMark: UsageMark;
  readonly measured: ReadonlyMap<UsageWindow, UsageQuantity>;
  readonly advance: AdvanceLines;
  readonly reratings: Reratings;
  /** Of those that fixed bills draw from: what was put into commitments, and into balances that may not be overdrawn. */
  readonly credits: ReadonlyMap<string, Decimal>;
  /** By bill. */
  readonly factsBefore: ReadonlyMap<string, string>;
}

/** Calculates bills one after the other, each with what those before it took and put right. */
class Calculator {
  readonly #materials: Materials;
  readonly #ledger: DrawDownLedger;
  readonly #released: ReadonlyMap<string, readonly DrawDown[]>;
  readonly #changedFamilies = new Set<string>();
  readonly #bills: CalculatedBill[] = [];
  readonly #failures = new Map<string, BillFailure[]>();
  readonly #known: ReadonlyMap<string, StoredBill>;
  readonly #waiting: Set<string>;
  readonly #calculated = new Set<string>();
  #corrections: readonly CarriedCorrection[];

  constructor(materials: Materials, candidates: readonly Candidate[]) {
    this.#materials = materials;
    this.#ledger = new DrawDownLedger(materials.history);
    this.#corrections = materials.history.corrections;
    this.#known = new Map(materials.history.bills.map((bill) => [bill.id, bill]));
    this.#waiting = new Set(candidates.map(({ id }) => id));
    // What is calculated again gives back first what it took, so that earlier bills may take it.
    this.#released = new Map(candidates.map(({ id }) => [id, this.#ledger.release(id)]));
  }

  #fail(accountId: string, failures: readonly BillFailure[]): void {
    this.#failures.set(accountId, [...(this.#failures.get(accountId) ?? []), ...failures]);
  }

  #correctionsOf({ id, planned }: Candidate): BillFacts["corrections"] {
    const carried = this.#corrections.filter(({ billId }) => billId !== id);
    const isSaidAgain = ({ billId, correction }: CarriedCorrection): boolean => {
      const bill = this.#known.get(correction.billId);
      // What still waits drops those that it carries, and carries again what is left to put right.
      if (bill === undefined || this.#waiting.has(billId)) return false;
      const isOpen = this.#calculated.has(bill.id) || !(bill.isApproved || bill.isLocked);
      const { accountId, billDate } = planned.identity;
      return isOpen && bill.accountId === accountId && bill.billDate < billDate;
    };
    const { identity, terms } = planned;
    // What still waits has given back what it took, and carries afterwards what is left to put right.
    const done = carried.filter(({ billId }) => !this.#waiting.has(billId));
    const room = this.#roomFor(done);
    return [
      ...correctionsBefore(
        this.#materials.reratings.of(identity.accountId, room, terms.billDate),
        terms.billDate,
        done.map(({ correction }) => correction),
      ),
      ...takenBack(carried.filter(isSaidAgain).map(({ correction }) => correction)),
    ];
  }

  /** @param carried by bills that do not wait to be calculated */
  #roomFor(carried: readonly CarriedCorrection[]): Room {
    return {
      left: (creditId) => {
        const amount = this.#materials.credits.get(creditId);
        return amount?.minus(this.#ledger.taken(creditId));
      },
      takenUpTo: (creditId, billDate) => this.#ledger.takenUpTo(creditId, billDate),
      carried,
    };
  }

  #factsOf(candidate: Candidate): BillFacts {
    const { history, measured, advance } = this.#materials;
    const { id, planned, windows } = candidate;
    const { billDate } = planned.identity;
    return {
      ...this.#ledger.settled(planned.terms),
      memos: history.memos.get(id) ?? [],
      corrections: this.#correctionsOf(candidate),
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
    this.#waiting.delete(candidate.id);
    const { id, planned, stored, windows, family, isFollowing } = candidate;
    const { accountId, billDate } = planned.identity;
    if (isFollowing && !this.#changedFamilies.has(family)) return this.#leave(candidate);
    const facts = this.#factsOf(candidate);
    const isSame = this.#materials.factsBefore.get(id) === billFactsToText(facts);
    if (isFollowing && isSame) return this.#leave(candidate);
    const rated = rateBill(facts);
    if (rated.outcome === "failed") {
      this.#fail(accountId, rated.failures);
      return this.#leave(candidate);
    }
    const draws = drawsOfBill(rated.lines, facts.corrections);
    const drawDowns = draws.map((draw) => ({ ...draw, billId: id }));
    const { usageMark } = this.#materials;
    const usageReach = reachOf(windows, planned.terms.aggregations);
    this.#bills.push({
      id,
      stored,
      planned,
      facts,
      rated,
      drawDowns,
      usageMark,
      usageReach,
    });
    this.#calculated.add(id);
    const isPutRight = this.#corrections.some(({ correction }) => correction.billId === id);
    if (!isSame || isPutRight) this.#changedFamilies.add(family);
    this.#ledger.record(billDate, drawDowns);
    this.#materials.advance.replace({ id, billDate }, rated.lines);
    this.#corrections = [
      ...this.#corrections.filter(({ billId }) => billId !== id),
      ...facts.corrections.map((correction) => ({
        billId: id,
        billDate: planned.terms.billDate,
        correction,
      })),
    ];
  }

  result(): Omit<Calculation, "others"> {
    const reratings = this.#materials.reratings.all(this.#roomFor(this.#corrections));
    for (const [accountId, { failures }] of reratings) {
      if (failures.length > 0) this.#fail(accountId, failures);
    }
    const rerated = [...reratings.values()].flatMap((one) =>
      one.rerated.map(({ facts, lines }) => ({ facts, lines })),
    );
    return { bills: this.#bills, failures: this.#failures, rerated };
  }
}

/** Planned bills are measured as things are configured now, fixed ones as they were. */
const askedFor = (
  book: BillingBook,
  candidates: readonly Candidate[],
  fixed: readonly StoredFixedBill[],
): AskedWindows[] => [
  ...candidates.map(({ planned: { terms }, windows }) => askedNow(book, terms, windows)),
  ...fixed.map(({ windows, facts: { aggregations, quantities, organization } }) => {
    const nothing = { customFields: {}, lookups: [] };
    const givenFor = ({ key }: UsageWindow) => quantities[key]?.inputs ?? nothing;
    return { windows, aggregations, zone: organization.zone, givenFor };
  }),
];

const creditsOf = (book: BillingBook, fixed: readonly StoredFixedBill[]): Map<string, Decimal> => {
  const drawn = new Set(
    fixed.flatMap(({ facts }) => [...facts.commitments, ...facts.balances].map(({ id }) => id)),
  );
  const commitments = book.commitments
    .filter(({ id }) => drawn.has(id))
    .map((record) => commitmentTerms(book, record));
  const balances = book.balances
    .filter(({ id }) => drawn.has(id))
    .map((record) => balanceTerms(book, record));
  return new Map([
    ...commitments.map(({ id, amount }) => [id, amount] as const),
    ...balances
      .filter(({ allowOverdraft }) => !allowOverdraft)
      .map(({ id, transactions }) => [id, sum(transactions.map(({ amount }) => amount))] as const),
  ]);
};

interface Calculating {
  readonly candidates: readonly Candidate[];
  readonly fixed: readonly StoredFixedBill[];
  readonly others: OtherBills;
}

/** The bills with what wallets have paid of them, of families that have a wallet. */
const takeWallets = async (
  sources: Omit<Sources, "others">,
  { candidates, fixed }: Omit<Calculating, "others">,
  paying: ReadonlySet<string>,
): Promise<Calculating> => {
  const { reader, given } = sources;
  const planned = candidates.map((candidate) => candidate.planned);
  const standing = fixed.map(({ stored: identity, facts: terms }) => ({ identity, terms }));
  const own = [...planned, ...standing].filter(({ identity }) => paying.has(identity.accountId));
  const bills = own.map(({ terms }) => terms);
  const except = [...candidates.map(({ id }) => id), ...fixed.map(({ stored }) => stored.id)];
  const beside = await takeStanding(reader, given.book, { bills, except });
  const others = otherBills(given, [...own, ...beside]);
  const wallets = await walletBalancesOf({ ...sources, others }, bills);
  return {
    candidates: candidates.map((one) => withWallets(one, wallets)),
    fixed: paidAnew(fixed, wallets),
    others,
  };
};

/** Those of the bills' accounts of whose families somebody has a wallet. */
const payingOf = async (
  reader: Reader,
  book: BillingBook,
  accountIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  const heads = accountIds.map((id) => familyOf(book, id));
  const paying = await payingFamilies(reader, book.orgId, heads);
  return new Set(accountIds.filter((_, nth) => paying.has(heads[nth] ?? "")));
};

/**
 * Calculates what is planned, and later unlocked bills that depend on it, without storing anything; every query
 * serves all of them.
 */
export const calculateBills = async (
  reader: Reader,
  usage: UsageStore,
  given: Given,
): Promise<Calculation> => {
  const { history, book } = given;
  const { orgId } = book;
  const { corrections } = history;
  // Before anything is read: what comes in the meantime is looked at again.
  const usageMark = await usage.mark();
  const asked = candidatesOf(given);
  const unchanging = fixedBills(given, asked);
  const accountIds = [...asked.map(({ planned }) => planned.identity), ...unchanging].map(
    ({ accountId }) => accountId,
  );
  const paying = await payingOf(reader, book, accountIds);
  const taken = await takeFixedBills(
    { reader, usage, orgId },
    { bills: unchanging, corrections, paying },
  );
  const { candidates, fixed, others } = await takeWallets(
    { reader, usage, given },
    { candidates: asked, fixed: taken },
    paying,
  );
  const measured = await measure({ reader, usage, orgId }, askedFor(book, candidates, fixed));
  const terms = [
    ...candidates.map(({ planned }) => planned.terms),
    ...fixed.map(({ facts }) => facts),
  ];
  const advance = await takeAdvanceLines(reader, orgId, terms);
  const calculator = new Calculator(
    {
      history,
      usageMark,
      measured,
      advance,
      reratings: new Reratings(fixed, { measured, advance }),
      credits: creditsOf(book, fixed),
      factsBefore: await storedFacts(reader, orgId, candidates),
    },
    candidates,
  );
  for (const candidate of candidates) calculator.calculate(candidate);
  return { ...calculator.result(), others };
};
