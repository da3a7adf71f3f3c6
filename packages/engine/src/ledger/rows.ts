import type { Asset, ExchangeRate, Ratio } from "./asset.ts";
import type { PostingKind } from "./book.ts";
import type { Budget } from "./budget-window.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import type { MeasurementFields } from "./measurement-fields.ts";
import type { Authorized, Outcome } from "./outcome.ts";
import type { RateBucket, RateLimit } from "./rate-limit.ts";
import type { AuthorizationState } from "./transition.ts";

/** Whole milliseconds since 1970-01-01T00:00Z, by the server's clock. */
export type EpochMs = number;

/** What one account holds in one asset: C, D, H, X of semantics f.1, the fold of its postings. */
export interface WalletAccount {
  readonly id: string;
  readonly account: string;
  readonly asset: string;
  readonly credited: bigint;
  readonly debited: bigint;
  readonly held: bigint;
  readonly debt: bigint;
  readonly debtLimit: bigint;
  readonly mode: "hard" | "soft";
  /** The latest server time that changed this row: time never runs backwards for it (I23). */
  readonly seenAt: EpochMs;
}

/** Asset codes contain no slash, so the id is unambiguous whatever the account's code. */
export const walletAccountId = (account: string, asset: string): string => `${asset}/${account}`;

export const emptyWalletAccount = (account: string, asset: string): WalletAccount => ({
  id: walletAccountId(account, asset),
  account,
  asset,
  credited: 0n,
  debited: 0n,
  held: 0n,
  debt: 0n,
  debtLimit: 0n,
  mode: "hard",
  seenAt: 0,
});

export const availableOf = (row: WalletAccount): bigint =>
  row.credited - row.debited - row.held - row.debt;

export interface Restriction {
  readonly products: readonly string[];
  readonly features: readonly string[];
  readonly meters: readonly string[];
}

export interface Rollover {
  readonly max: bigint;
  readonly min: bigint;
  readonly expiresAfterMs: number;
}

export interface GrantTerms {
  readonly amount: bigint;
  /** 0 to 255, lower burns first. */
  readonly priority: number;
  readonly effectiveAt: EpochMs;
  /** Exclusive end. */
  readonly expiresAt: EpochMs | null;
  readonly purpose: "paid" | "promotional" | "bundled" | "refund" | "adjustment";
  readonly appliesTo: Restriction | null;
  /** What one whole unit cost, at 12 digits after the point; zero for what was given. */
  readonly costBasis: bigint;
  readonly rollover: Rollover | null;
  readonly source: string;
}

/** amount = remaining + held + consumed + breakage + transferred (I5). */
export interface Grant {
  readonly id: string;
  readonly walletAccount: string;
  readonly terms: GrantTerms;
  /** Scheduled until it takes effect, ended once expired or voided; pinned slices outlive the end. */
  readonly state: "scheduled" | "active" | "ended";
  readonly remaining: bigint;
  readonly held: bigint;
  readonly consumed: bigint;
  readonly breakage: bigint;
  readonly transferred: bigint;
}

/** What one grant gives to one authorization, in atoms of the grant's asset. */
export interface Slice {
  readonly grant: string;
  held: bigint;
  consumed: bigint;
}

/**
 * What one wallet account gives to one authorization. `pinned` and `settled` count in the asset of
 * the price; in atoms of the wallet account the slices hold atomsFor(pinned) − atomsFor(settled).
 */
export interface Leg {
  readonly walletAccount: string;
  readonly ratio: Ratio;
  pinned: bigint;
  settled: bigint;
  readonly slices: Slice[];
}

/** Who pays and for what: decides which wallet accounts and grants may be used. */
export interface Spender {
  readonly account: string;
  /** The asset of the price. */
  readonly asset: string;
  /** The assets that may pay, in order. */
  readonly waterfall: readonly string[];
  readonly product: string | null;
  readonly feature: string | null;
  readonly meter: string | null;
}

export type SettleOverage = "reject" | "cap" | "debt";
export type OnExpiry = "release" | "settle";

export interface AuthorizationTerms {
  readonly fingerprint: string;
  readonly mode: "charge" | "hold" | "session" | "lease" | "record";
  readonly spender: Spender;
  readonly settleOverage: SettleOverage;
  readonly onExpiry: OnExpiry;
  readonly ttlMs: number;
  readonly idleTimeoutMs: number | null;
  readonly authorizedAt: EpochMs;
  readonly occurredAt: EpochMs;
  readonly priceVersion: string | null;
  readonly position: string | null;
  /** Counters of the budget windows, fixed at decision time (I21). */
  readonly assetCounters: readonly string[];
  /** Of the first quantity; of a lease, all that count what is spent of it, or not: its product and its units say. */
  readonly unitCounters: readonly string[];
  readonly concurrencyLimits: readonly string[];
  readonly unverified: boolean;
  /** What was said of the usage that may be metered without a word of the client's, or of parts that say less. */
  readonly fields: MeasurementFields | null;
}

/** Amounts in atoms of the price's asset, quantities at 12 digits after the point. */
export interface Authorization {
  readonly id: string;
  readonly terms: AuthorizationTerms;
  readonly state: AuthorizationState;
  /** Still promised; more than what is pinned only on a soft account. */
  readonly held: bigint;
  readonly heldQuantity: bigint;
  readonly settled: bigint;
  readonly settledQuantity: bigint;
  readonly refunded: bigint;
  readonly refundedQuantity: bigint;
  /** The same of each further quantity that is counted; those above are the first's. */
  readonly further: readonly FurtherUse[];
  /** Settled but paid by nobody: metered and marked unfunded. */
  readonly shortfall: bigint;
  /** Settled by going into debt, net of refunds. */
  readonly debt: bigint;
  readonly legs: readonly Leg[];
  readonly validUntil: EpochMs | null;
  /** The first answer, byte-same on every replay (I10). */
  readonly answer: Authorized;
}

/** A lease is a hold under a name of its own (f.7): what is done to the one is not done to the other. */
export const isLease = ({ terms }: Pick<Authorization, "terms">): boolean => terms.mode === "lease";

/** What an authorization counts of one of several quantities. */
export interface FurtherUse {
  /** Null where no price counts it. */
  readonly position: string | null;
  /** Counters of the budgets by its unit, in their windows. */
  readonly unitCounters: readonly string[];
  readonly held: bigint;
  readonly settled: bigint;
  readonly refunded: bigint;
}

/** How far a period's usage of one priced meter has come. */
export interface Position {
  readonly id: string;
  readonly posted: bigint;
  /** How much of `posted` was there before anything was authorized at the position: billed, and charged to nobody. */
  readonly before: bigint;
  readonly held: bigint;
}

/** What a period's usage of one meter was settled at: by the wallet, debt included, and by nobody. */
export interface PeriodPaid {
  readonly debited: bigint;
  readonly shortfall: bigint;
}

export interface Counter {
  readonly id: string;
  readonly budget: string;
  readonly windowStart: EpochMs;
  readonly posted: bigint;
  readonly held: bigint;
  /** The highest alert percentage that has fired in this window. */
  readonly alerted: number;
  /** The highest use that one of them stood for, by the limit of its time; in hundredths. */
  readonly alertedUse: bigint;
}

export interface ConcurrencyCount {
  readonly id: string;
  readonly held: number;
}

export interface TopUp {
  readonly id: string;
  readonly walletAccount: string;
  readonly creditAmount: bigint;
  /** Decimal string: fees and taxes make it differ from the credit. */
  readonly chargeAmount: string;
  readonly state: "pending" | "credited" | "failed";
  readonly rule: string | null;
  /** Which its rule had when it began: it is that one's whether it succeeds. */
  readonly paymentMethod: string | null;
  readonly payment: string | null;
}

export interface TopUpRule {
  readonly id: string;
  readonly walletAccount: string;
  readonly threshold: bigint;
  readonly creditAmount: bigint;
  readonly chargeAmount: string;
  readonly paymentMethod: string;
  readonly windowMs: number;
  readonly countMax: number;
  readonly inFlight: string | null;
  /** When its last top-ups began, in order: all of the running window, and more. */
  readonly startedAt: readonly EpochMs[];
  readonly failures: number;
  readonly isSuspended: boolean;
}

export interface Customer {
  readonly code: string;
  readonly isFrozen: boolean;
  /** The features the subscription entitles to; null when it restricts none. */
  readonly features: ReadonlySet<string> | null;
  /** W18: whether outstanding debt also blocks what is free of charge. */
  readonly blocksFreeOnDebt: boolean;
}

export interface LedgerSettings {
  /** f.6: a paid slice released after its grant's expiry comes back as a new grant. */
  readonly extendPaidOnHold: boolean;
  readonly refundGrantMs: number;
}

export interface StoredDecision {
  /** What was asked, as `verb:id`, so that a retry finds its answer (I10). */
  readonly id: string;
  readonly fingerprint: string;
  readonly outcome: Outcome;
  readonly at: EpochMs;
}

/** The touched rows, as loaded under lock. Maps are keyed by the row's id. */
export interface LedgerState {
  readonly settings: LedgerSettings;
  readonly assets: ReadonlyMap<string, Asset>;
  readonly rates: readonly ExchangeRate[];
  readonly customers: ReadonlyMap<string, Customer>;
  readonly walletAccounts: ReadonlyMap<string, WalletAccount>;
  readonly grants: ReadonlyMap<string, Grant>;
  readonly authorizations: ReadonlyMap<string, Authorization>;
  readonly decisions: ReadonlyMap<string, StoredDecision>;
  readonly budgets: ReadonlyMap<string, Budget>;
  readonly counters: ReadonlyMap<string, Counter>;
  readonly rateLimits: ReadonlyMap<string, RateLimit>;
  readonly rateBuckets: ReadonlyMap<string, RateBucket>;
  readonly concurrencyLimits: ReadonlyMap<string, ConcurrencyLimit>;
  readonly concurrencyCounts: ReadonlyMap<string, ConcurrencyCount>;
  readonly positions: ReadonlyMap<string, Position>;
  /** What positions begin as that are not there yet; one that is not here either begins at nothing. */
  readonly beginnings: ReadonlyMap<string, Position>;
  /** By the id of the true-up that asks. */
  readonly periodsPaid: ReadonlyMap<string, PeriodPaid>;
  readonly topUps: ReadonlyMap<string, TopUp>;
  readonly topUpRules: ReadonlyMap<string, TopUpRule>;
}

/** One movement of `amount` > 0 between the two books that its kind names. */
export interface Posting {
  readonly transaction: string;
  readonly kind: PostingKind;
  readonly asset: string;
  readonly walletAccount: string | null;
  readonly grant: string | null;
  readonly authorization: string | null;
  readonly amount: bigint;
}

/** How a refund undoes usage: what has no parts is undone with the last of the money. */
export type Undoing = "inProportion" | "whole";

/** Usage to relay to the meter, exactly once by id (f.10.2). */
export interface UsageEvent {
  readonly id: string;
  readonly authorization: string;
  readonly account: string;
  readonly meter: string | null;
  readonly quantity: bigint;
  /** The further quantities, those of prices in the order of `priceVersion`. */
  readonly further: readonly bigint[];
  readonly amount: bigint;
  readonly asset: string;
  readonly unfunded: bigint;
  readonly occurredAt: EpochMs;
  readonly priceVersion: string | null;
  readonly unverified: boolean;
  /** Of a refund's event, which takes usage back. */
  readonly undoes: Undoing | null;
  /** Whether it is all that its authorization used. */
  readonly isWhole: boolean;
  /** What its authorization keeps of what was said. */
  readonly fields: MeasurementFields | null;
}

export interface Alert {
  readonly counter: string;
  readonly budget: string;
  readonly percent: number;
  readonly used: bigint;
  readonly limit: bigint;
}

/** Rows to write: the first group is upserted by id, the second inserted. */
export interface Changes {
  readonly walletAccounts: readonly WalletAccount[];
  readonly grants: readonly Grant[];
  readonly authorizations: readonly Authorization[];
  readonly counters: readonly Counter[];
  readonly rateBuckets: readonly RateBucket[];
  readonly concurrencyCounts: readonly ConcurrencyCount[];
  readonly positions: readonly Position[];
  readonly topUps: readonly TopUp[];
  readonly topUpRules: readonly TopUpRule[];
  readonly decisions: readonly StoredDecision[];
  readonly postings: readonly Posting[];
  readonly events: readonly UsageEvent[];
  readonly alerts: readonly Alert[];
}
