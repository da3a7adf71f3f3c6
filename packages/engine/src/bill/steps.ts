import type { BillStep } from "./draft.ts";
import { adHocChargesStep } from "./steps/ad-hoc-charges.ts";
import { childSummariesStep } from "./steps/child-summaries.ts";
import { countersStep } from "./steps/counters.ts";
import { drawDownsStep } from "./steps/draw-downs.ts";
import { feesStep } from "./steps/fees.ts";
import { memosStep } from "./steps/memos.ts";
import { minimumSpendsStep } from "./steps/minimum-spends.ts";
import { printOrderStep } from "./steps/print-order.ts";
import { standingChargesStep } from "./steps/standing-charges.ts";
import { usageCreditsStep } from "./steps/usage-credits.ts";
import { usageStep } from "./steps/usage.ts";

/**
 * How a bill comes about, in this order (m3ter semantics 18.3). The bill job, the preview and the
 * simulator all run this list; a line is printed (rounded, converted) the moment a step adds it, and
 * later steps see what is printed.
 */
export const billSteps: readonly { readonly name: string; readonly run: BillStep }[] = [
  { name: "usage", run: usageStep },
  { name: "counters", run: countersStep },
  { name: "standing charges", run: standingChargesStep },
  { name: "minimum spends", run: minimumSpendsStep },
  { name: "usage credits", run: usageCreditsStep },
  { name: "ad-hoc charges", run: adHocChargesStep },
  { name: "draw-downs and overage", run: drawDownsStep },
  { name: "fees", run: feesStep },
  { name: "child summaries", run: childSummariesStep },
  // Behind the summaries: what a correction takes from a credit is known by its line, which no sum may swallow.
  { name: "memos and corrections", run: memosStep },
  { name: "print order", run: printOrderStep },
];
