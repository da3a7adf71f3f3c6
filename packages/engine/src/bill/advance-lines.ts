import type { BillTerms } from "./facts.ts";
import { advanceLineTypes, type Line, type SummarizedLine } from "./line.ts";
import { counterAdvanceKeys } from "./steps/counters.ts";
import { minimumSpendAdvanceKeys } from "./steps/minimum-spends.ts";
import { standingChargeAdvanceKeys } from "./steps/standing-charges.ts";

/** What of a bill's lines later bills may settle: those of account plans apart that are printed as one. */
export const advanceLinesOf = (lines: readonly Line[]): readonly SummarizedLine[] =>
  lines
    .filter(({ lineItemType }) => advanceLineTypes.includes(lineItemType))
    .flatMap(({ summarized, key, subtotal }) => summarized ?? [{ key, subtotal }]);

/**
 * Keys of lines that earlier bills may have charged for what this bill settles: in advance, or because a plan was to end. The server
 * puts the subtotals of those that exist into `BillFacts.billedInAdvance`.
 */
export const advanceLineKeys = (terms: BillTerms): readonly string[] => [
  ...counterAdvanceKeys(terms),
  ...standingChargeAdvanceKeys(terms),
  ...minimumSpendAdvanceKeys(terms),
];
