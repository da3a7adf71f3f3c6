import type { Draft } from "./draft.ts";
import { planFunds } from "./funds.ts";
import { lifeMs } from "./lifetime.ts";
import { conflict, type Conflict, type Settled } from "./outcome.ts";
import type { Extend } from "./request.ts";
import { barTo, roomFor, withinBudgets } from "./room.ts";
import type { Authorization } from "./rows.ts";
import { nothingUsed, settledAnswer } from "./settlement.ts";
import { holdingOf, pin } from "./slice.ts";
import { transitions } from "./transition.ts";
import { moveBudgets, movePosition } from "./use.ts";

/** A longer life and, if asked, more money: all of it or nothing. */
export const extend = (
  draft: Draft,
  request: Pick<Extend, "id" | "ttlMs" | "addAmount">,
): Settled | Conflict => {
  const row = draft.authorizations.get(request.id);
  if (row === undefined) return conflict(request.id, "NOT_FOUND");
  const next = transitions[row.state].extend;
  if (next === null) return conflict(request.id, "WRONG_STATE", row.state);
  if (request.ttlMs <= 0 || request.addAmount < 0n) return conflict(request.id, "INVALID");
  if (withinBudgets(draft, row.terms.assetCounters, request.addAmount) < request.addAmount)
    return conflict(request.id, "BUDGET_EXCEEDED", row.state);
  if (roomFor(draft, row, request.addAmount) < request.addAmount)
    return conflict(request.id, barTo(draft, row) ?? "INSUFFICIENT_FUNDS", row.state);
  const longer = holdMore(draft, row, { amount: request.addAmount, quantity: 0n });
  const life = lifeMs({ ttlMs: request.ttlMs, idleTimeoutMs: row.terms.idleTimeoutMs });
  const validUntil = Math.max(row.validUntil ?? 0, draft.now + life);
  const extended = { ...longer, state: next, validUntil };
  draft.authorizations.put(extended);
  return settledAnswer(draft, extended, nothingUsed);
};

/** Pins more for an open hold and counts it in the windows that were fixed when it was opened (I21). */
export const holdMore = (
  draft: Draft,
  row: Authorization,
  more: { readonly amount: bigint; readonly quantity: bigint },
): Authorization => {
  const holding = holdingOf(row);
  pin(draft, holding, planFunds(draft, holding, more.amount).parts);
  const use = { posted: 0n, held: more.amount, postedQuantity: 0n, heldQuantity: more.quantity };
  moveBudgets(draft, row.terms, use);
  movePosition(draft, row.terms.position, use);
  return {
    ...row,
    held: row.held + more.amount,
    heldQuantity: row.heldQuantity + more.quantity,
    legs: holding.legs,
  };
};
