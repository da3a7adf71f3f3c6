import type { PeriodPaid } from "@turnpike/engine/ledger/rows.ts";

/** What the usage of meters costs in a period that has ended, in atoms, and what was paid for it so far. */
export interface RatedPeriod {
  /** The code of the account whose wallet pays what is missing. */
  readonly payer: string;
  /** The codes of the accounts whose usage is rated together. */
  readonly accounts: readonly string[];
  /** The codes of those that are rated together; what is missing is paid under the first. */
  readonly meters: readonly [string, ...string[]];
  /** The id of the product whose plans rate it; null of several, or of none. */
  readonly product: string | null;
  readonly asset: string;
  readonly period: { readonly start: Temporal.Instant; readonly end: Temporal.Instant };
  /** Whether only what was charged for a plan is meant, and nothing that a caller priced. */
  readonly onlyForPlan: boolean;
  readonly rated: bigint;
  /** As it stood before the usage was measured. */
  readonly paid: PeriodPaid;
}

/** How billing settles with wallets (authorization semantics f.10.5). */
export interface Wallets {
  /** Makes each period's debits its rated total; those that have moved since they were measured are left, and answered. */
  trueUp<Period extends RatedPeriod>(orgId: string, periods: readonly Period[]): Promise<Period[]>;
}
