import { type Decimal, sum } from "../exact/decimal.ts";
import { type Draft, emptyDraft } from "./draft.ts";
import type { BillFacts } from "./facts.ts";
import { inCanonicalOrder } from "./fact-order.ts";
import type { Line } from "./line.ts";
import type { BillFailure } from "./printing.ts";
import { billSteps } from "./steps.ts";
import { childSummariesStep, summaryPlanIds } from "./steps/child-summaries.ts";

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

const runSteps = (facts: BillFacts, steps: typeof billSteps): Draft =>
  steps.reduce((draft, step) => step.run(facts, draft), emptyDraft);

/** Facts in, bill out: runs `billSteps`. The same facts give the same bytes. */
export const rateBill = (given: BillFacts): RatedBill | FailedBill => {
  const facts = inCanonicalOrder(given);
  const { lines, failures } = runSteps(facts, billSteps);
  if (failures.length > 0) return { outcome: "failed", failures };
  return {
    outcome: "rated",
    currency: facts.currency,
    lines: lines.map((line, index) => ({ ...line, sequenceNumber: index + 1 })),
    billTotal: sum(lines.map(({ convertedSubtotal }) => convertedSubtotal)),
  };
};

/**
 * A bill's lines with those of account plans apart that it shows as one: rated again, as no sum tells its parts.
 *
 * @param lines what the facts were rated to
 */
export const linesApart = (given: BillFacts, lines: readonly Line[]): readonly Line[] => {
  if (summaryPlanIds(given).size === 0) return lines;
  const steps = billSteps.filter(({ run }) => run !== childSummariesStep);
  return runSteps(inCanonicalOrder(given), steps).lines;
};
