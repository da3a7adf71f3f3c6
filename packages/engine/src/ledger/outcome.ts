import type { Scope } from "./scope.ts";
import type { AuthorizationState } from "./transition.ts";

/** Why a request was denied (f.3), in evaluation order; the first is the reason, all are reported. */
export type Reason =
  | { readonly code: "UNKNOWN_CUSTOMER" }
  | { readonly code: "NO_ENTITLEMENT"; readonly feature: string }
  | { readonly code: "DENIED_POLICY"; readonly policy: "PRICE_VERSION" | "MAX_AMOUNT" | "LINKED" }
  | { readonly code: "CANNOT_RATE"; readonly why: string }
  | ({ readonly code: "CONCURRENCY_EXCEEDED"; readonly limit: number } & LimitName)
  | ({ readonly code: "RATE_LIMITED"; readonly retryAt: number } & LimitName)
  | BudgetExceeded
  | { readonly code: "ACCOUNT_FROZEN" }
  | { readonly code: "DEBT_OUTSTANDING"; readonly debt: bigint; readonly asset: string }
  | { readonly code: "INSUFFICIENT_FUNDS"; readonly shortfall: bigint; readonly asset: string }
  /** Not a refusal: nothing had to be funded (W10). */
  | { readonly code: "UNCONTROLLED" };

/** A limit as it was when it was asked. */
export interface LimitName {
  readonly limitId: string;
  readonly limitCode: string;
}

/** A budget as it was when it was asked: what was answered must not change with it (I10). */
export interface BudgetName {
  readonly id: string;
  readonly code: string;
  /** What it counts; null for money, in the asset of the answer. */
  readonly unit: string | null;
}

export interface BudgetExceeded {
  readonly code: "BUDGET_EXCEEDED";
  readonly budget: BudgetName;
  readonly scope: Scope;
  readonly limit: bigint;
  readonly used: bigint;
  readonly requested: bigint;
}

export interface BudgetUse {
  readonly budget: BudgetName;
  readonly used: bigint;
  readonly limit: bigint;
}

/** What one wallet account pays, in its own atoms. */
export interface Line {
  readonly walletAccount: string;
  readonly amount: bigint;
}

export interface Authorized {
  readonly kind: "authorized";
  readonly id: string;
  readonly decision: "allow" | "partial" | "deny";
  readonly reasons: readonly Reason[];
  readonly amount: bigint;
  readonly asset: string;
  readonly quantity: bigint;
  readonly lines: readonly Line[];
  readonly held: bigint;
  readonly shortfall: bigint;
  readonly remaining: { readonly available: bigint; readonly budgets: readonly BudgetUse[] };
  readonly validUntil: number | null;
  /** True when nothing more will be granted: a session's last slice. */
  readonly isFinal: boolean;
  readonly priceVersion: string | null;
  readonly isReplayed: boolean;
}

/** The answer to settle, void, extend, update and the lease commands. */
export interface Settled {
  readonly kind: "settled";
  readonly id: string;
  readonly state: AuthorizationState;
  readonly amount: bigint;
  readonly quantity: bigint;
  /** Of a part, the further quantities that it used, in the order of its authorization's. */
  readonly further: readonly bigint[];
  readonly shortfall: bigint;
  readonly held: bigint;
  readonly heldQuantity: bigint;
  readonly available: bigint;
  readonly validUntil: number | null;
  readonly isFinal: boolean;
  /** Whether it is a part that was metered, under its own id. */
  readonly isMetered: boolean;
  readonly isReplayed: boolean;
}

/** The answer to grants, top-ups, refunds, wallet settings and the close of a period. */
export interface Booked {
  readonly kind: "booked";
  readonly id: string;
  readonly amount: bigint;
  readonly shortfall: bigint;
  readonly isReplayed: boolean;
}

/** The request is misuse or came too late: nothing changed (409; NOT_FOUND 404, INVALID 400). */
export interface Conflict {
  readonly kind: "conflict";
  readonly id: string;
  readonly code: ConflictCode;
  readonly state: AuthorizationState | null;
}

export type ConflictCode =
  | "ID_REUSED"
  | "NOT_FOUND"
  | "INVALID"
  | "WRONG_STATE"
  | "OVERAGE_REJECTED"
  | "ACCOUNT_FROZEN"
  | "DEBT_OUTSTANDING"
  | "INSUFFICIENT_FUNDS"
  | "BUDGET_EXCEEDED"
  | "REFUND_EXCEEDS_SETTLED"
  | "GRANT_ENDED"
  | "PAYMENT_ALREADY_CREDITED"
  | "SAME_PAYMENT_METHOD"
  | "PERIOD_CHANGED"
  | "LINKED_REQUEST_DENIED";

export type Outcome = Authorized | Settled | Booked | Conflict;

export const conflict = (
  id: string,
  code: ConflictCode,
  state: AuthorizationState | null = null,
): Conflict => ({ kind: "conflict", id, code, state });

export const booked = (id: string, amount: bigint, shortfall = 0n): Booked => ({
  kind: "booked",
  id,
  amount,
  shortfall,
  isReplayed: false,
});
