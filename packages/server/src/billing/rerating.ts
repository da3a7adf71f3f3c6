import { sql } from "kysely";
import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import {
  type BilledLine,
  type Correction,
  correctionsOf,
} from "@turnpike/engine/bill/corrections.ts";
import { billFactsFromText, fromJson, type Json } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFacts, UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import type { Line } from "@turnpike/engine/bill/line.ts";
import type { BillFailure } from "@turnpike/engine/bill/printing.ts";
import { rateBill } from "@turnpike/engine/bill/rate-bill.ts";
import { type UsageWindow, usageWindows } from "@turnpike/engine/bill/usage-windows.ts";
import { type Decimal, sum, zero } from "@turnpike/engine/exact/decimal.ts";
import { startOfDay } from "@turnpike/engine/time/cadence.ts";
import type { CarriedCorrection, StoredBill } from "./bill-history.ts";
import type { Reader } from "./catalog-snapshot.ts";
import { drawsOfBill, drawsOfCorrection } from "./draw-downs.ts";
import { walletBalancesOf } from "./wallet-balances.ts";

/**
 * What approved and locked bills would be today: their own terms, the usage as it is now. What differs is put right
 * on a later bill.
 */

/** A bill that is no longer calculated again, with what it was calculated from. */
export interface FixedBill {
  readonly stored: StoredBill;
  readonly facts: BillFacts;
  readonly windows: readonly UsageWindow[];
  readonly billed: readonly BilledLine[];
  /** Wallets have paid another sum for its usage by now. */
  readonly isPaidAnew: boolean;
}

const readLine = (stored: unknown): Line =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written from a line, by us
  fromJson(stored as Json) as Line;

interface FixedRow {
  readonly id: string;
  readonly facts: string;
  readonly lines: readonly { id: string; line: unknown }[];
}

export const takeFixedBills = async (
  reader: Reader,
  orgId: string,
  bills: readonly StoredBill[],
): Promise<FixedBill[]> => {
  if (bills.length === 0) return [];
  const { rows } = await sql<FixedRow>`
    SELECT bill.id, facts, coalesce((
      SELECT jsonb_agg(jsonb_build_object('id', bill_line.id, 'line', line) ORDER BY sequence_number)
      FROM bill_line WHERE bill_line.org_id = bill.org_id AND bill_id = bill.id
    ), '[]') AS lines
    FROM bill WHERE org_id = ${orgId} AND id = ANY(${bills.map(({ id }) => id)}::uuid[])
  `.execute(reader);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return bills.flatMap((stored) => {
    const row = byId.get(stored.id);
    if (row === undefined) return [];
    const facts = billFactsFromText(row.facts);
    const billed = row.lines.map(({ id, line }) => ({
      lineItemId: id,
      line: readLine(line),
    }));
    return [{ stored, facts, windows: usageWindows(facts), billed, isPaidAnew: false }];
  });
};

const walletsOf = (balances: readonly BalanceTerms[]): string =>
  balances
    .filter(({ isWallet }) => isWallet === true)
    .map(
      ({ id, transactions }) => `${id} ${sum(transactions.map(({ amount }) => amount)).toString()}`,
    )
    .sort()
    .join();

/** The bills with what wallets have paid for their usage by now: a wallet paid for late usage, or was given back. */
export const withPayments = async (
  reader: Reader,
  orgId: string,
  bills: readonly FixedBill[],
): Promise<FixedBill[]> => {
  const wallets = await walletBalancesOf(
    reader,
    orgId,
    bills.map(({ facts }) => facts),
  );
  return bills.map((bill) => {
    const { facts } = bill;
    const paid = wallets.get(facts) ?? [];
    if (walletsOf(facts.balances) === walletsOf(paid)) return bill;
    const others = facts.balances.filter(({ isWallet }) => isWallet !== true);
    return { ...bill, facts: { ...facts, balances: [...others, ...paid] }, isPaidAnew: true };
  });
};

/** The quantities as they are measured now; what can no longer be measured stays as it was. */
const remeasured = (
  { facts, windows }: FixedBill,
  measured: ReadonlyMap<UsageWindow, UsageQuantity>,
): BillFacts["quantities"] =>
  Object.fromEntries(
    windows.map((window) => [
      window.key,
      measured.get(window) ?? facts.quantities[window.key] ?? { quantity: null },
    ]),
  );

const isSameQuantity = (a: UsageQuantity | undefined, b: UsageQuantity | undefined): boolean => {
  const before = a?.quantity ?? null;
  const after = b?.quantity ?? null;
  if (a?.error !== b?.error) return false;
  return before === null || after === null ? before === after : before.eq(after);
};

/** By credit, what re-rated earlier bills take beyond what this bill's facts know of. */
type Shift = ReadonlyMap<string, Decimal>;

/** The facts with more (or less) already taken by earlier bills. */
const shifted = (facts: BillFacts, shift: Shift): BillFacts => {
  const shiftOf = (id: string): Decimal => shift.get(id) ?? zero;
  const appliedAt = startOfDay(facts.billDate, facts.organization.zone);
  return {
    ...facts,
    commitments: facts.commitments.map((commitment) => ({
      ...commitment,
      spentBefore: commitment.spentBefore.plus(shiftOf(commitment.id)),
    })),
    balances: facts.balances.map((balance) => ({
      ...balance,
      transactions: shiftOf(balance.id).isZero()
        ? balance.transactions
        : [...balance.transactions, { amount: shiftOf(balance.id).neg(), appliedAt }],
    })),
  };
};

interface Rerated {
  readonly bill: FixedBill;
  readonly lines: readonly Line[];
}

/** The fixed bills of one account, re-rated in date order, each with what the re-rated earlier ones left. */
export class Rerating {
  readonly #rerated: Rerated[] = [];
  readonly failures: BillFailure[] = [];
  readonly #carrierDates: ReadonlyMap<string, string>;

  constructor(
    bills: readonly FixedBill[],
    measured: ReadonlyMap<UsageWindow, UsageQuantity>,
    carried: { corrections: readonly CarriedCorrection[]; stored: readonly StoredBill[] },
  ) {
    this.#carrierDates = new Map(carried.stored.map(({ id, billDate }) => [id, billDate]));
    const inDateOrder = bills.toSorted((a, b) =>
      a.stored.billDate < b.stored.billDate ? -1 : a.stored.billDate > b.stored.billDate ? 1 : 0,
    );
    for (const bill of inDateOrder) {
      const lines = this.#rerate(bill, measured, carried.corrections);
      if (lines !== undefined) this.#rerated.push({ bill, lines });
    }
  }

  #rerate(
    bill: FixedBill,
    measured: ReadonlyMap<UsageWindow, UsageQuantity>,
    corrections: readonly CarriedCorrection[],
  ): readonly Line[] | undefined {
    const { facts, billed } = bill;
    const quantities = remeasured(bill, measured);
    const shift = this.#shift(bill, corrections);
    const isUnchanged =
      !bill.isPaidAnew &&
      [...shift.values()].every((amount) => amount.isZero()) &&
      Object.entries(quantities).every(([key, now]) => isSameQuantity(facts.quantities[key], now));
    if (isUnchanged) return billed.map(({ line }) => line);
    const rated = rateBill(shifted({ ...facts, quantities }, shift));
    if (rated.outcome === "rated") return rated.lines;
    this.failures.push(...rated.failures);
    return undefined;
  }

  #shift({ stored }: FixedBill, corrections: readonly CarriedCorrection[]): Shift {
    const moved = this.#rerated.flatMap(({ bill, lines }) => [
      ...drawsOfBill(bill.stored.id, lines, bill.facts.corrections),
      ...drawsOfBill(
        bill.stored.id,
        bill.billed.map(({ line }) => line),
        bill.facts.corrections,
      ).map((draw) => ({ ...draw, amount: draw.amount.neg() })),
    ]);
    const earlier = new Set(this.#rerated.map(({ bill }) => bill.stored.id));
    // A bill's own facts already know of the corrections that it or an earlier bill carries.
    const known = corrections
      .filter(({ correction }) => earlier.has(correction.billId))
      .filter(({ billId }) => (this.#carrierDates.get(billId) ?? "9999") <= stored.billDate)
      .flatMap(({ billId, correction }) => drawsOfCorrection(billId, correction))
      .map((draw) => ({ ...draw, amount: draw.amount.neg() }));
    const byCredit = Map.groupBy([...moved, ...known], ({ creditId }) => creditId);
    return new Map(
      [...byCredit].map(([id, draws]) => [id, sum(draws.map(({ amount }) => amount))]),
    );
  }

  /** Every bill with its lines as they would be today. */
  rerated(): { readonly facts: BillFacts; readonly lines: readonly Line[] }[] {
    return this.#rerated.map(({ bill, lines }) => ({ facts: bill.facts, lines }));
  }

  /** What a bill of that date has to put right, beyond the corrections that other bills carry. */
  correctionsBefore(billDate: string, carried: readonly CarriedCorrection[]): Correction[] {
    return this.#rerated
      .filter(({ bill }) => bill.stored.billDate < billDate)
      .flatMap(({ bill, lines }) =>
        correctionsOf({
          billId: bill.stored.id,
          billingCurrency: bill.stored.currency,
          billed: bill.billed,
          corrected: carried
            .map(({ correction }) => correction)
            .filter(({ billId }) => billId === bill.stored.id),
          rerated: lines,
        }),
      );
  }
}
