import type { BillTerms } from "./facts.ts";
import { minimumSpendAdvanceKeys } from "./steps/minimum-spends.ts";
import { standingChargeAdvanceKeys } from "./steps/standing-charges.ts";

/**
 * Keys of lines that earlier bills may have charged in advance for what this bill settles. The server
 * puts the subtotals of those that exist into `BillFacts.billedInAdvance`.
 */
export const advanceLineKeys = (terms: BillTerms): readonly string[] => [
  ...standingChargeAdvanceKeys(terms),
  ...minimumSpendAdvanceKeys(terms),
];
