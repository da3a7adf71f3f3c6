import type { BillTerms } from "./facts.ts";
import type { LineItemType } from "./line.ts";
import { counterAdvanceKeys } from "./steps/counters.ts";
import { minimumSpendAdvanceKeys } from "./steps/minimum-spends.ts";
import { standingChargeAdvanceKeys } from "./steps/standing-charges.ts";

/** What `billedInAdvance` may have. */
export const advanceLineTypes = [
  "STANDING_CHARGE",
  "MINIMUM_SPEND",
  "COUNTER_RUNNING_TOTAL_CHARGE",
] as const satisfies readonly LineItemType[];

/**
 * Keys of lines that earlier bills may have charged for what this bill settles: in advance, or because a plan was to end. The server
 * puts the subtotals of those that exist into `BillFacts.billedInAdvance`.
 */
export const advanceLineKeys = (terms: BillTerms): readonly string[] => [
  ...counterAdvanceKeys(terms),
  ...standingChargeAdvanceKeys(terms),
  ...minimumSpendAdvanceKeys(terms),
];
