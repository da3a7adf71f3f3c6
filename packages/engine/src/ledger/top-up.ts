import type { Draft } from "./draft.ts";
import { walletAccountById } from "./draft.ts";
import { givenName } from "./given-name.ts";
import { openGrant } from "./grant.ts";
import { booked, conflict, type Booked, type Conflict } from "./outcome.ts";
import type { ChangePaymentMethod, CreditTopUp, FailTopUp, OpenTopUp } from "./request.ts";
import { availableOf, walletAccountId, type TopUp, type TopUpRule } from "./rows.ts";

/** After so many failed payments in a row, automatic top-ups wait for another payment method. */
export const failuresBeforeSuspension = 3;

/** Of so many at least it is kept when they began: a rule may be given a longer window, or a higher cap. */
const startsKept = 100;

export const openTopUp = (draft: Draft, request: OpenTopUp): Booked | Conflict => {
  if (request.creditAmount <= 0n) return conflict(request.id, "INVALID");
  draft.topUps.put({
    id: request.id,
    walletAccount: walletAccountId(request.account, request.asset),
    creditAmount: request.creditAmount,
    chargeAmount: request.chargeAmount,
    state: "pending",
    rule: null,
    paymentMethod: null,
    payment: null,
  });
  return booked(request.id, request.creditAmount);
};

/** The payment has succeeded: credited once per payment (I25). */
export const creditTopUp = (draft: Draft, request: CreditTopUp): Booked | Conflict => {
  const row = draft.topUps.get(request.id);
  if (row === undefined) return conflict(request.id, "NOT_FOUND");
  if (row.state !== "pending") return conflict(request.id, "WRONG_STATE");
  if (isCredited(draft, request.payment)) return conflict(request.id, "PAYMENT_ALREADY_CREDITED");
  draft.topUps.put({ ...row, state: "credited", payment: request.payment });
  openGrant(draft, paidGrant(draft, row));
  land(draft, row, (rule) => ({ ...rule, inFlight: null, failures: 0 }));
  return booked(request.id, row.creditAmount);
};

const isCredited = (draft: Draft, payment: string): boolean =>
  [...draft.topUps.values()].some((row) => row.state === "credited" && row.payment === payment);

const paidGrant = (draft: Draft, row: TopUp): Parameters<typeof openGrant>[1] => ({
  id: givenName(row.id, "topUp"),
  walletAccount: row.walletAccount,
  terms: {
    amount: row.creditAmount,
    priority: 100,
    effectiveAt: draft.now,
    expiresAt: null,
    purpose: "paid",
    appliesTo: null,
    costBasis: 1_000_000_000_000n,
    rollover: null,
    source: row.id,
  },
});

export const failTopUp = (draft: Draft, request: FailTopUp): Booked | Conflict => {
  const row = draft.topUps.get(request.id);
  if (row === undefined) return conflict(request.id, "NOT_FOUND");
  if (row.state !== "pending") return conflict(request.id, "WRONG_STATE");
  draft.topUps.put({ ...row, state: "failed" });
  land(draft, row, (rule) => {
    const isOwn = row.paymentMethod === rule.paymentMethod;
    const failures = isOwn ? rule.failures + 1 : rule.failures;
    return { ...rule, inFlight: null, failures, isSuspended: failures >= failuresBeforeSuspension };
  });
  return booked(request.id, 0n);
};

const land = (draft: Draft, topUp: TopUp, change: (rule: TopUpRule) => TopUpRule): void => {
  const rule = draft.topUpRules.get(topUp.rule ?? "");
  if (rule !== undefined) draft.topUpRules.put(change(rule));
};

export const changePaymentMethod = (
  draft: Draft,
  request: ChangePaymentMethod,
): Booked | Conflict => {
  const rule = draft.topUpRules.get(request.id);
  if (rule === undefined) return conflict(request.id, "NOT_FOUND");
  const { paymentMethod } = request;
  if (paymentMethod === rule.paymentMethod) return conflict(request.id, "SAME_PAYMENT_METHOD");
  draft.topUpRules.put({ ...rule, paymentMethod, failures: 0, isSuspended: false });
  return booked(request.id, 0n);
};

/**
 * Starts what accounts call for whose money has moved or who asked for some: who has nothing left moves nothing any more,
 * and is denied. A check moves nothing and starts nothing (I30). One in flight per rule, capped per window (I25).
 */
export const triggerTopUps = (draft: Draft): void => {
  if (draft.state.topUpRules.size === 0) return;
  const asking = new Set([
    ...draft.walletAccounts.changed().map(({ account }) => account),
    ...draft.authorizations.changed().map(({ terms }) => terms.spender.account),
  ]);
  for (const before of draft.state.topUpRules.values()) {
    const rule = draft.topUpRules.get(before.id);
    if (rule === undefined || rule.isSuspended || rule.inFlight !== null) continue;
    if (!asking.has(walletAccountById(draft, rule.walletAccount).account)) continue;
    // What has just been declined is asked for again when the account is next touched, not at once.
    if (rule.failures > before.failures || !isLow(draft, rule)) continue;
    const recent = rule.startedAt.filter((at) => at > draft.now - rule.windowMs);
    if (recent.length < rule.countMax) start(draft, rule);
  }
};

/** Who may spend nothing, whatever there is, needs no more. */
const isLow = (draft: Draft, { walletAccount, threshold }: TopUpRule): boolean => {
  const row = walletAccountById(draft, walletAccount);
  return availableOf(row) < threshold && draft.state.customers.get(row.account)?.isFrozen === false;
};

const start = (draft: Draft, rule: TopUpRule): void => {
  const { startedAt } = rule;
  const atOnce = startedAt.filter((at) => at === draft.now).length;
  const id = givenName(rule.id, `${draft.now}.${atOnce}`);
  draft.topUps.put({
    id,
    walletAccount: rule.walletAccount,
    creditAmount: rule.creditAmount,
    chargeAmount: rule.chargeAmount,
    state: "pending",
    rule: rule.id,
    paymentMethod: rule.paymentMethod,
    payment: null,
  });
  const kept = [...startedAt, draft.now].slice(-Math.max(rule.countMax, startsKept));
  draft.topUpRules.put({ ...rule, inFlight: id, startedAt: kept });
};
