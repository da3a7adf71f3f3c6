import { type Decimal, sum } from "../exact/decimal.ts";
import { emptyDraft } from "./draft.ts";
import type { BillFacts } from "./facts.ts";
import { inCanonicalOrder } from "./fact-order.ts";
import type { Line } from "./line.ts";
import type { BillFailure } from "./printing.ts";
import { billSteps } from "./steps.ts";

export interface BillLine extends Line {
  /** 1, 2, 3 … in print order. */
  readonly sequenceNumber: number;
}

export interface RatedBill {
  readonly outcome: "rated";
  readonly currency: string;
  readonly lines: readonly BillLine[];
  /** The sum of the printed `convertedSubtotal`s. */
  readonly billTotal: Decimal;
}

export interface FailedBill {
  readonly outcome: "failed";
  /** At least one; every reason that was found, not only the first. */
  readonly failures: readonly BillFailure[];
}

/** Facts in, bill out: runs `billSteps`. The same facts give the same bytes. */
export const rateBill = (given: BillFacts): RatedBill | FailedBill => {
  const facts = inCanonicalOrder(given);
  const { lines, failures } = billSteps.reduce((draft, step) => step.run(facts, draft), emptyDraft);
  if (failures.length > 0) return { outcome: "failed", failures };
  return {
    outcome: "rated",
    currency: facts.currency,
    lines: lines.map((line, index) => ({ ...line, sequenceNumber: index + 1 })),
    billTotal: sum(lines.map(({ convertedSubtotal }) => convertedSubtotal)),
  };
};
