import type { MeasurementFields } from "./measurement-fields.ts";
import type { Price } from "./price.ts";
import type { EpochMs, GrantTerms, OnExpiry, PeriodPaid, SettleOverage, Undoing } from "./rows.ts";
import type { Scope } from "./scope.ts";

/** What the caller sent, as a hash of its canonical payload: a reused id must carry the same (I10). */
interface Identified {
  readonly id: string;
  readonly fingerprint: string;
}

/** Usage that is to be allowed, or that happened already. Quantities at 12 digits after the point. */
interface Usage {
  readonly account: string;
  readonly meter: string | null;
  /** What limits apply to, the account apart: subject, agent, key, feature, product. */
  readonly scope: Omit<Scope, "account">;
  /** Of the first quantity. */
  readonly unit: string | null;
  readonly quantity: bigint;
  readonly price: Price;
  /** The assets that may pay, in order; empty for the asset of the price alone. */
  readonly assets: readonly string[];
  readonly occurredAt: EpochMs;
  /** What later measurements of it are to say; null where none is, or what they say is sent with them. */
  readonly fields: MeasurementFields | null;
}

export interface Authorize extends Identified, Usage {
  readonly kind: "authorize";
  readonly mode: "check" | "charge" | "hold" | "session";
  readonly maxAmount: bigint | null;
  readonly ttlMs: number;
  readonly idleTimeoutMs: number | null;
  readonly onExpiry: OnExpiry;
  readonly settleOverage: SettleOverage;
  readonly partial: "never" | "allow";
  readonly expectedPriceVersion: string | null;
  readonly isDryRun: boolean;
}

/** Usage that was never authorized: it is charged after the fact and cannot be refused (f.10.6). */
export interface RecordUsage extends Identified, Usage {
  readonly kind: "record";
  readonly settleOverage: "cap" | "debt";
  /** The caller let it pass while the server was out of reach (f.7). */
  readonly unverified: boolean;
  /** False where the usage store knows the usage already. */
  readonly isMetered: boolean;
  /** The authorization that it stands for now: budgets count it as they did that, in the same windows. Null of most. */
  readonly insteadOf: string | null;
}

/** What was used: an amount, or a quantity at the price of the authorization's own price version. */
export interface Used {
  readonly quantity: bigint;
  /** The further quantities of the authorization, in their order. */
  readonly further: readonly bigint[];
  readonly price: Price;
  readonly occurredAt: EpochMs;
  /** Whether it says that anything was used: that is metered even where nothing of it is counted. */
  readonly isMeasured: boolean;
}

export interface Settle extends Identified {
  readonly kind: "settle";
  readonly sequence: number;
  readonly used: Used;
  readonly isFinal: boolean;
}

export interface VoidHold extends Identified {
  readonly kind: "void";
}

export interface Extend extends Identified {
  readonly kind: "extend";
  /** Null of one that is always new, as a heartbeat is: nothing says whether it was sent before. */
  readonly sequence: number | null;
  readonly ttlMs: number;
  readonly addAmount: bigint;
}

/** A session's report: what was used since the last one, and what is asked for next. */
export interface Update extends Identified {
  readonly kind: "update";
  readonly sequence: number;
  readonly used: Used;
  readonly request: { readonly quantity: bigint; readonly price: Price };
}

export interface Refund extends Identified {
  readonly kind: "refund";
  readonly of: string;
  /** Null for all that is left. */
  readonly amount: bigint | null;
  /** What is undone where that is known, as of one part of a hold: the first quantity, then the further ones. */
  readonly quantities: readonly bigint[] | null;
  /** False where the usage store takes the usage back by itself. */
  readonly isMetered: boolean;
  /** `inProportionThenWhole`: what takes the last of the money back undoes the usage as a whole, what came before in proportion. */
  readonly undoes: Undoing | "inProportionThenWhole";
  /** What is said with what is taken back. */
  readonly fields: MeasurementFields | null;
}

export interface CreditGrant extends Identified {
  readonly kind: "grant";
  readonly account: string;
  readonly asset: string;
  readonly terms: OfferedTerms;
}

/** A grant that does not say when it takes effect does so when it is booked. */
export interface OfferedTerms extends Omit<GrantTerms, "effectiveAt"> {
  readonly effectiveAt: EpochMs | null;
}

export interface VoidGrant extends Identified {
  readonly kind: "voidGrant";
}

export interface SetWallet extends Identified {
  readonly kind: "setWallet";
  readonly account: string;
  readonly asset: string;
  readonly mode: "hard" | "soft";
  readonly debtLimit: bigint;
}

export interface OpenTopUp extends Identified {
  readonly kind: "topUp";
  readonly account: string;
  readonly asset: string;
  readonly creditAmount: bigint;
  readonly chargeAmount: string;
}

export interface CreditTopUp extends Identified {
  readonly kind: "creditTopUp";
  readonly payment: string;
}

export interface FailTopUp extends Identified {
  readonly kind: "failTopUp";
}

/** A new payment method ends the suspension of an automatic top-up (W14). */
export interface ChangePaymentMethod extends Identified {
  readonly kind: "changePaymentMethod";
  readonly paymentMethod: string;
}

export interface OpenLease extends Identified {
  readonly kind: "openLease";
  readonly account: string;
  /** The access key of who opens it: limits of keys hold for leases as well. */
  readonly key: string;
  readonly asset: string;
  readonly amount: bigint;
  readonly ttlMs: number;
  readonly onExpiry: OnExpiry;
  readonly settleOverage: SettleOverage;
}

/** What a client spent of its lease on its own, one metered event each. */
export interface Spend {
  readonly id: string;
  readonly meter: string;
  readonly product: string | null;
  readonly quantity: bigint;
  /** What else is counted of it. */
  readonly further: readonly bigint[];
  /** Of each quantity, the first in front; null where another has counted the same already. */
  readonly units: readonly (string | null)[];
  readonly fields: MeasurementFields | null;
  readonly amount: bigint;
  readonly occurredAt: EpochMs;
}

export interface ReportLease extends Identified {
  readonly kind: "reportLease";
  readonly sequence: number;
  readonly spends: readonly Spend[];
  readonly isFinal: boolean;
}

export interface RenewLease extends Identified {
  readonly kind: "renewLease";
  readonly sequence: number;
  readonly ttlMs: number;
}

export interface ReleaseLease extends Identified {
  readonly kind: "releaseLease";
}

/** Makes what a period's usage of some meters was settled at equal to its rated total (f.10.5), in atoms. */
export interface TrueUp extends Identified {
  readonly kind: "trueUp";
  /** Pays what is missing. */
  readonly account: string;
  /** Rated together; what is missing is paid under the first. */
  readonly meters: readonly [string, ...string[]];
  /** What grants may be for that pay what is missing; null where it is of several products, or of none. */
  readonly product: string | null;
  readonly asset: string;
  /** Whose usage is rated together. */
  readonly accounts: readonly string[];
  readonly period: { readonly start: EpochMs; readonly end: EpochMs };
  /** Whether only what was charged for a plan is meant (`isForPlan`), and nothing that a caller priced. */
  readonly onlyForPlan: boolean;
  readonly rated: bigint;
  /** What was paid when the period was measured: if it is another sum by now, nothing is done. */
  readonly paid: PeriodPaid;
  readonly settleOverage: "cap" | "debt";
  /** The period's authorizations, newest first, as far as a credit back may need them. */
  readonly authorizations: readonly string[];
}

export type Command =
  | Authorize
  | RecordUsage
  | Settle
  | VoidHold
  | Extend
  | Update
  | Refund
  | CreditGrant
  | VoidGrant
  | SetWallet
  | OpenTopUp
  | CreditTopUp
  | FailTopUp
  | ChangePaymentMethod
  | OpenLease
  | ReportLease
  | RenewLease
  | ReleaseLease
  | TrueUp;

/** All or nothing, in order (f.3). */
export interface Linked {
  readonly kind: "linked";
  readonly commands: readonly Command[];
}

export type Request = Command | Linked;
