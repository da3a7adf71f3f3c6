/** Which accounts are rated together, and on whose bill a child's lines stand (m3ter semantics 14.2). */

import { billDateCovering } from "../time/bill-period.ts";
import type { Cadence } from "../time/cadence.ts";
import { type OpenPeriod, withoutPeriods } from "../time/period.ts";
import type { AccountRef, PoolMember } from "./facts.ts";

export interface ChildAccount {
  readonly account: AccountRef;
  /** Plans of the child's own, by product. */
  readonly plans: readonly { readonly productId: string; readonly active: OpenPeriod }[];
}

/**
 * Children whose usage is rated with the parent's plan: those without a plan of their own, judged per
 * product and per instant ([R]).
 */
export const poolOf = (
  parent: { readonly active: OpenPeriod; readonly productIds: readonly string[] },
  children: readonly ChildAccount[],
): readonly PoolMember[] =>
  parent.productIds.flatMap((productId) =>
    children.flatMap(({ account, plans }) => {
      const own = plans.filter((plan) => plan.productId === productId);
      const periods = withoutPeriods(
        parent.active,
        own.map(({ active }) => active),
      );
      return periods.length === 0 ? [] : [{ account, productId, periods }];
    }),
  );

/** The parent's bill that has a child's period of that bill date: the one that contains the period's last day ([R]). */
export const parentBillDate = (parent: Cadence, covering: Temporal.PlainDate): Temporal.PlainDate =>
  billDateCovering(parent, covering.subtract({ days: 1 }));
