import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { Correction } from "@turnpike/engine/bill/corrections.ts";
import type { BillFacts, BillTerms } from "@turnpike/engine/bill/facts.ts";
import type { Line } from "@turnpike/engine/bill/line.ts";
import { type Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { startOfDay } from "@turnpike/engine/time/cadence.ts";
import type { DrawDown, History } from "./bill-history.ts";

type Drawing = Pick<Line, "key" | "lineItemType" | "commitmentId" | "balanceId" | "servicePeriod">;

const drawOf = (billId: string, line: Drawing, amount: Decimal): DrawDown[] => {
  const { key: lineKey, servicePeriod: drawnFor } = line;
  if (line.lineItemType === "COMMITMENT_CONSUMED" && line.commitmentId !== undefined) {
    const creditKind = "COMMITMENT" as const;
    return [{ billId, lineKey, creditKind, creditId: line.commitmentId, amount, drawnFor }];
  }
  if (line.lineItemType === "BALANCE_CONSUMED" && line.balanceId !== undefined) {
    const creditKind = "BALANCE" as const;
    return [{ billId, lineKey, creditKind, creditId: line.balanceId, amount, drawnFor }];
  }
  return [];
};

/** What lines took, in the credits' currencies; consumptions are printed below zero. */
export const drawsOfLines = (
  billId: string,
  lines: readonly (Drawing & Pick<Line, "subtotal">)[],
): DrawDown[] => lines.flatMap((line) => drawOf(billId, line, line.subtotal.neg()));

/** What a correction takes or gives back. */
export const drawsOfCorrection = (
  billId: string,
  { key, line, subtotal }: Pick<Correction, "key" | "line" | "subtotal">,
): DrawDown[] => drawOf(billId, { ...line, key }, subtotal.neg());

/** Corrections count in their credits' currencies, whatever currency their line is printed in. */
export const drawsOfBill = (
  billId: string,
  lines: readonly Line[],
  corrections: BillFacts["corrections"],
): DrawDown[] => {
  const corrective = new Set(corrections.map(({ key }) => key));
  return [
    ...drawsOfLines(
      billId,
      lines.filter(({ key }) => !corrective.has(key)),
    ),
    ...corrections.flatMap((correction) => drawsOfCorrection(billId, correction)),
  ];
};

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

  /** The terms with what other bills took. */
  settled(terms: BillTerms): BillTerms {
    return {
      ...terms,
      commitments: terms.commitments.map((commitment) => ({
        ...commitment,
        spentBefore: sum(this.#drawsOn(commitment.id).map(({ amount }) => amount)),
      })),
      balances: terms.balances.map((balance) => ({
        ...balance,
        transactions: [...balance.transactions, ...this.#transactions(terms, balance)],
      })),
    };
  }
}
