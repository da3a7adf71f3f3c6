import type { BillFacts } from "./facts.ts";
import type { Line, LineDraft } from "./line.ts";
import { type BillFailure, printLine } from "./printing.ts";

/** A bill on its way through the steps. */
export interface Draft {
  readonly lines: readonly Line[];
  readonly failures: readonly BillFailure[];
}

export const emptyDraft: Draft = { lines: [], failures: [] };

/** A rule of the bill: reads facts and the lines so far, answers with the next draft. */
export type BillStep = (facts: BillFacts, draft: Draft) => Draft;

/** Prints the lines onto the draft; those that cannot be printed become failures. */
export const addLines = (
  facts: BillFacts,
  draft: Draft,
  additions: readonly (LineDraft | BillFailure)[],
): Draft => {
  if (additions.length === 0) return draft;
  const lines = [...draft.lines];
  const failures = [...draft.failures];
  for (const addition of additions) {
    const printed = "failure" in addition ? addition : printLine(facts, addition);
    if ("failure" in printed) failures.push(printed);
    else lines.push(printed);
  }
  return { ...draft, lines, failures };
};
