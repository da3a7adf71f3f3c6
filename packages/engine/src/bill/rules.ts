/**
 * The decisions where the public description of m3ter is silent ("[R]" in the semantics notes), by
 * the name under which the steps ask for them. Change one here and every bill follows.
 */

/** What a minimum charged in advance gives back once usage is known: see steps/minimum-spends.ts. */
export type MinimumSpendRefundMode = "NET_TO_MAX" | "DOCUMENTED_DIFFERENCE";
export const minimumSpendRefundMode: MinimumSpendRefundMode = "NET_TO_MAX";

/** A plan that ends inside a period that was charged in advance gets the unused part back (11). */
export const refundsUnusedAdvance = true;

/** Whether a recurring amount falls due with service period n (11, 15.7). */
export const isApplied = (
  { interval, offset }: { readonly interval: number; readonly offset: number },
  number: number,
): boolean => number >= offset && (number - offset) % interval === 0;
