import { minimum } from "./asset.ts";
import { positionOf, type Draft } from "./draft.ts";
import { holdMore } from "./extension.ts";
import { lifeMs } from "./lifetime.ts";
import { conflict, type Conflict, type Settled } from "./outcome.ts";
import { affordableQuantity, furtherQuantities, holdCost, pricedParts } from "./price.ts";
import type { Update } from "./request.ts";
import { fitsUnits, roomFor, withinBudgets } from "./room.ts";
import type { Authorization } from "./rows.ts";
import { isOwnPrice, partOf, settledAnswer, settlePart } from "./settlement.ts";
import { holdingOf, pinnedBy, releasePinned } from "./slice.ts";
import { transitions } from "./transition.ts";
import {
  moveBudgets,
  moveConcurrency,
  moveFurther,
  movePosition,
  reholdFurther,
  releaseFurther,
} from "./use.ts";

/**
 * A session's report: settles what was used, then grants min(request, unused hold + available) (W6).
 * What stays pinned keeps its slices, so a grant that expired under the session remains usable.
 */
export const updateSession = (draft: Draft, request: Update): Settled | Conflict => {
  const row = draft.authorizations.get(request.id);
  if (row === undefined) return conflict(request.id, "NOT_FOUND");
  if (row.terms.mode !== "session" || row.state !== "HELD")
    return conflict(request.id, "WRONG_STATE", row.state);
  const part = partOf(draft, row, { ...request, isFinal: false });
  const isOwn = isOwnPrice(row, request.used.price) && isOwnPrice(row, request.request.price);
  const isNegative = part.amount < 0n || part.quantity < 0n || request.request.quantity < 0n;
  if (!isOwn || isNegative) return conflict(request.id, "INVALID");
  const settled = settlePart(draft, row, part);
  if (settled.kind === "conflict") return settled;
  const open = draft.authorizations.get(row.id) ?? row;
  const next = grantNext(draft, open, request.request);
  draft.authorizations.put(next.row);
  const answer = settledAnswer(draft, next.row, { ...part, shortfall: settled.shortfall });
  return { ...answer, isFinal: next.isExhausted || answer.isFinal };
};

interface NextSlice {
  readonly row: Authorization;
  readonly isExhausted: boolean;
}

const grantNext = (draft: Draft, row: Authorization, request: Update["request"]): NextSlice => {
  const cost = costWithout(draft, row, request);
  const granted = grantedSlice(draft, row, { ...request, cost });
  const asked = furtherQuantities(request.price);
  const isExhausted =
    granted.quantity < request.quantity ||
    granted.amount < cost(request.quantity) ||
    granted.further.some((quantity, nth) => quantity < (asked[nth] ?? 0n));
  const isEmpty = granted.amount === 0n && granted.quantity === 0n;
  const isOver = isEmpty && (isExhausted || asked.every(isZero));
  const next = isOver ? releaseFurther(row) : reholdFurther(row, granted.further);
  const further = moveFurther(draft, row.further, next);
  const resized = { ...resize(draft, row, granted), further };
  if (isOver) return { row: endSession(draft, resized), isExhausted };
  // What an extension has promised stands.
  const validUntil = Math.max(row.validUntil ?? 0, draft.now + lifeMs(row.terms));
  return { row: { ...resized, validUntil }, isExhausted };
};

const isZero = (quantity: bigint): boolean => quantity === 0n;

/** The price of the next slice, as if this session held nothing itself. */
const costWithout = (
  draft: Draft,
  row: Authorization,
  { price, quantity: requested }: Update["request"],
): ((quantity: bigint) => bigint) => {
  if (price.kind === "unrateable") return () => 0n;
  if (price.kind === "amount")
    return (quantity) => (requested === 0n ? price.amount : (price.amount * quantity) / requested);
  const own = [row.heldQuantity, ...row.further.map(({ held }) => held)];
  return (quantity) =>
    pricedParts(price, quantity).reduce((total, part, nth) => {
      const position = positionOf(draft, part.position);
      const others = { ...position, held: position.held - (own[nth] ?? 0n) };
      return total + holdCost(part, others, part.quantity);
    }, 0n);
};

interface GrantedSlice {
  readonly amount: bigint;
  readonly quantity: bigint;
  readonly further: readonly bigint[];
}

const nothingGranted: GrantedSlice = { amount: 0n, quantity: 0n, further: [] };

const grantedSlice = (
  draft: Draft,
  row: Authorization,
  request: Update["request"] & { readonly cost: (quantity: bigint) => bigint },
): GrantedSlice => {
  const { cost, price, quantity: requested } = request;
  const wanted = cost(requested);
  const room = row.held + roomFor(draft, row, wanted > row.held ? wanted - row.held : 0n);
  const further = furtherQuantities(price);
  if (further.length > 0) {
    // What counts several things is granted whole.
    const isWhole = wanted <= room && fitsUnits(draft, row, [requested, ...further]);
    return isWhole ? { amount: wanted, quantity: requested, further } : nothingGranted;
  }
  const more = requested - row.heldQuantity;
  const roomQuantity =
    more > 0n ? row.heldQuantity + withinBudgets(draft, row.terms.unitCounters, more) : requested;
  if (wanted <= room && roomQuantity === requested)
    return { amount: wanted, quantity: requested, further };
  if (requested === 0n) return { amount: minimum(wanted, room), quantity: 0n, further };
  const quantity = affordableQuantity(cost, roomQuantity, room);
  return { amount: cost(quantity), quantity, further };
};

/** Makes the hold exactly the granted slice: pins the difference or gives it back, newest first. */
const resize = (draft: Draft, row: Authorization, granted: GrantedSlice): Authorization => {
  const more = granted.amount - row.held;
  const quantity = granted.quantity - row.heldQuantity;
  if (more >= 0n) return holdMore(draft, row, { amount: more, quantity });
  const holding = holdingOf(row);
  releasePinned(draft, holding, minimum(-more, pinnedBy(holding)));
  const use = { posted: 0n, held: more, postedQuantity: 0n, heldQuantity: quantity };
  moveBudgets(draft, row.terms, use);
  movePosition(draft, row.terms.position, use);
  return {
    ...row,
    held: granted.amount,
    heldQuantity: granted.quantity,
    legs: holding.legs,
  };
};

/** Nothing more was asked for or can be granted. */
const endSession = (draft: Draft, row: Authorization): Authorization => {
  moveConcurrency(draft, row.terms.concurrencyLimits, -1);
  return { ...row, state: transitions[row.state].settleFinal ?? row.state, validUntil: null };
};
