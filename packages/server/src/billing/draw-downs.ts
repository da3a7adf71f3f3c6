import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { type Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { startOfDay } from "@turnpike/engine/time/cadence.ts";
import type { DrawDown, History } from "./bill-history.ts";

/** What every bill took from some credits, while bills are calculated one after the other. */
export class DrawDownLedger {
  readonly #byCredit = new Map<string, Map<string, DrawDown[]>>();
  readonly #dates: Map<string, string>;

  constructor({ drawDowns, drawDates }: Pick<History, "drawDowns" | "drawDates">) {
    this.#dates = new Map(drawDates);
    for (const draw of drawDowns) this.#add(draw);
  }

  #add(draw: DrawDown): void {
    const ofCredit = this.#byCredit.get(draw.creditId) ?? new Map<string, DrawDown[]>();
    this.#byCredit.set(draw.creditId, ofCredit);
    ofCredit.set(draw.billId, [...(ofCredit.get(draw.billId) ?? []), draw]);
  }

  /** Gives back what the bill took; the answer is what that was. */
  release(billId: string): DrawDown[] {
    return [...this.#byCredit.values()].flatMap((ofCredit) => {
      const taken = ofCredit.get(billId) ?? [];
      ofCredit.delete(billId);
      return taken;
    });
  }

  record(billDate: string, draws: readonly DrawDown[]): void {
    for (const draw of draws) {
      this.#dates.set(draw.billId, billDate);
      this.#add(draw);
    }
  }

  #drawsOn(creditId: string): DrawDown[] {
    return [...(this.#byCredit.get(creditId)?.values() ?? [])].flat();
  }

  #transactions(terms: BillTerms, { id }: BalanceTerms): BalanceTerms["transactions"] {
    const billDate = terms.billDate.toString();
    return this.#drawsOn(id).map(({ billId, amount, drawnFor }) => {
      const drawnOn = this.#dates.get(billId) ?? billDate;
      // What a later bill took for good is gone for this one too.
      const on = drawnOn < billDate ? Temporal.PlainDate.from(drawnOn) : terms.billDate;
      const appliedAt = startOfDay(on, terms.organization.zone);
      return { amount: amount.neg(), appliedAt, drawnFor };
    });
  }

  /** By all bills together. */
  taken(creditId: string): Decimal {
    return sum(this.#drawsOn(creditId).map(({ amount }) => amount));
  }

  /** By bills up to that date. */
  takenUpTo(creditId: string, billDate: Temporal.PlainDate): Decimal {
    const until = billDate.toString();
    const draws = this.#drawsOn(creditId).filter(
      ({ billId }) => (this.#dates.get(billId) ?? "9999") <= until,
    );
    return sum(draws.map(({ amount }) => amount));
  }

  /** The terms with what other bills took. */
  settled(terms: BillTerms): BillTerms {
    return {
      ...terms,
      commitments: terms.commitments.map((commitment) => ({
        ...commitment,
        spentBefore: this.taken(commitment.id),
      })),
      balances: terms.balances.map((balance) => ({
        ...balance,
        transactions: [...balance.transactions, ...this.#transactions(terms, balance)],
      })),
    };
  }
}
