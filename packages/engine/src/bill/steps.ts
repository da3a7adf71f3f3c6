import type { BillStep } from "./draft.ts";
import { printOrderStep } from "./steps/print-order.ts";
import { standingChargesStep } from "./steps/standing-charges.ts";
import { usageStep } from "./steps/usage.ts";

/**
 * How a bill comes about, in this order (m3ter semantics 18.3). The bill job, the preview and the
 * simulator all run this list; a line is printed (rounded, converted) the moment a step adds it, and
 * later steps see what is printed.
 */
export const billSteps: readonly { readonly name: string; readonly run: BillStep }[] = [
  { name: "usage", run: usageStep },
  { name: "standing charges", run: standingChargesStep },
  { name: "print order", run: printOrderStep },
];
