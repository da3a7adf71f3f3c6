import type { RateBucket } from "@turnpike/engine/ledger/rate-limit.ts";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import {
  walletAccountId,
  type Authorization,
  type ConcurrencyCount,
  type Counter,
  type FurtherUse,
  type Grant,
  type GrantTerms,
  type Leg,
  type Position,
  type StoredDecision,
  type TopUp,
  type WalletAccount,
} from "@turnpike/engine/ledger/rows.ts";
import { answerFrom, termsFrom } from "./authorization-text.ts";
import { grantTermsFrom, type Json, legsFrom, outcomeFrom } from "./wire.ts";

/**
 * Rows as the driver gives them: `numeric` and `bigint` as text, `json` parsed. Each reader makes one the row that
 * the engine knows.
 */

/** Most of a row's amounts are zero, which need not be parsed. */
export const atoms = (text: string | undefined): bigint =>
  text === undefined || text === "0" ? 0n : BigInt(text);

export interface WalletAccountColumns {
  readonly account: string;
  readonly asset: string;
  readonly credited: string;
  readonly debited: string;
  readonly held: string;
  readonly debt: string;
  readonly debt_limit: string;
  readonly mode: WalletAccount["mode"];
  readonly seen_at: string;
}

export const walletAccountFrom = (row: WalletAccountColumns): WalletAccount => ({
  id: walletAccountId(row.account, row.asset),
  account: row.account,
  asset: row.asset,
  credited: atoms(row.credited),
  debited: atoms(row.debited),
  held: atoms(row.held),
  debt: atoms(row.debt),
  debtLimit: atoms(row.debt_limit),
  mode: row.mode,
  seenAt: Number(row.seen_at),
});

/** A grant of an account; what is zero may be left out. */
export interface OwnGrant {
  readonly id: string;
  readonly asset: string;
  readonly state: Grant["state"];
  readonly remaining?: string | undefined;
  readonly held?: string | undefined;
  readonly consumed?: string | undefined;
  readonly breakage?: string | undefined;
  readonly transferred?: string | undefined;
  readonly terms: Json<GrantTerms>;
}

export interface GrantColumns extends OwnGrant {
  readonly account: string;
}

export const grantFrom = (row: GrantColumns): Grant => grantOf(row.account, row);

export const grantOf = (account: string, row: OwnGrant): Grant => ({
  id: row.id,
  walletAccount: walletAccountId(account, row.asset),
  terms: grantTermsFrom(row.terms),
  state: row.state,
  remaining: atoms(row.remaining),
  held: atoms(row.held),
  consumed: atoms(row.consumed),
  breakage: atoms(row.breakage),
  transferred: atoms(row.transferred),
});

export interface AuthorizationColumns {
  readonly id: string;
  readonly account: string;
  readonly state: Authorization["state"];
  /** JSON, as are legs and answer. */
  readonly terms: string;
  readonly held: string;
  readonly held_quantity: string;
  readonly settled: string;
  readonly settled_quantity: string;
  readonly refunded: string;
  readonly refunded_quantity: string;
  /** JSON; null where there is one price only. */
  readonly further: string | null;
  readonly shortfall: string;
  readonly debt: string;
  readonly legs: string;
  readonly valid_until: string | null;
  readonly answer: string;
}

export const authorizationFrom = (row: AuthorizationColumns): Authorization => {
  const legs: readonly Json<Leg>[] = JSON.parse(row.legs);
  return {
    id: row.id,
    terms: termsFrom(row.terms),
    state: row.state,
    held: atoms(row.held),
    heldQuantity: atoms(row.held_quantity),
    settled: atoms(row.settled),
    settledQuantity: atoms(row.settled_quantity),
    refunded: atoms(row.refunded),
    refundedQuantity: atoms(row.refunded_quantity),
    further: furtherFrom(row.further),
    shortfall: atoms(row.shortfall),
    debt: atoms(row.debt),
    legs: legsFrom(legs),
    validUntil: row.valid_until === null ? null : Number(row.valid_until),
    answer: answerFrom(row.answer),
  };
};

const furtherFrom = (text: string | null): FurtherUse[] => {
  if (text === null) return [];
  const uses: readonly Json<FurtherUse>[] = JSON.parse(text);
  return uses.map(({ position, unitCounters, held, settled, refunded }) => ({
    position,
    unitCounters,
    held: atoms(held),
    settled: atoms(settled),
    refunded: atoms(refunded),
  }));
};

export interface DecisionColumns {
  readonly id: string;
  readonly fingerprint: string;
  readonly outcome: Json<Outcome>;
  readonly at: string;
}

export const decisionFrom = (row: DecisionColumns): StoredDecision => ({
  id: row.id,
  fingerprint: row.fingerprint,
  outcome: outcomeFrom(row.outcome),
  at: Number(row.at),
});

export interface CounterColumns {
  readonly budget_id: string;
  readonly window_start: string;
  readonly posted: string;
  readonly held: string;
  readonly alerted: number;
  readonly alerted_use: string;
}

export const counterFrom = (row: CounterColumns): Counter => ({
  id: `${row.budget_id}@${row.window_start}`,
  budget: row.budget_id,
  windowStart: Number(row.window_start),
  posted: atoms(row.posted),
  held: atoms(row.held),
  alerted: row.alerted,
  alertedUse: atoms(row.alerted_use),
});

export interface RateBucketColumns {
  readonly rate_limit_id: string;
  readonly full_at_ns: string;
  readonly slots: RateBucket["slots"];
}

export const rateBucketFrom = (row: RateBucketColumns): RateBucket => ({
  id: row.rate_limit_id,
  fullAtNs: atoms(row.full_at_ns),
  slots: row.slots,
});

export interface ConcurrencyColumns {
  readonly concurrency_limit_id: string;
  readonly held: number;
}

export const concurrencyFrom = (row: ConcurrencyColumns): ConcurrencyCount => ({
  id: row.concurrency_limit_id,
  held: row.held,
});

export interface PositionColumns {
  readonly id: string;
  readonly posted: string;
  readonly before: string;
  readonly held: string;
}

export const positionFrom = (row: PositionColumns): Position => ({
  id: row.id,
  posted: atoms(row.posted),
  before: atoms(row.before),
  held: atoms(row.held),
});

export interface TopUpColumns {
  readonly id: string;
  readonly account: string;
  readonly asset: string;
  readonly credit_amount: string;
  readonly charge_amount: string;
  readonly state: TopUp["state"];
  readonly rule_id: string | null;
  readonly payment_method: string | null;
  readonly payment: string | null;
}

export const topUpFrom = (row: TopUpColumns): TopUp => ({
  id: row.id,
  walletAccount: walletAccountId(row.account, row.asset),
  creditAmount: atoms(row.credit_amount),
  chargeAmount: row.charge_amount,
  state: row.state,
  rule: row.rule_id,
  paymentMethod: row.payment_method,
  payment: row.payment,
});

export interface TopUpRuleColumns {
  readonly id: string;
  readonly payment_method: string;
  readonly in_flight: string | null;
  readonly started_at: readonly number[];
  readonly failures: number;
  readonly is_suspended: boolean;
}
