import type { Scope } from "./scope.ts";

/** At most `limit` authorizations of the scope are HELD at any time (I28). A charge holds nothing. */
export interface ConcurrencyLimit {
  readonly id: string;
  readonly code: string;
  readonly scope: Scope;
  readonly limit: number;
}

export const hasFreeSlot = (limit: ConcurrencyLimit, held: number): boolean => held < limit.limit;
