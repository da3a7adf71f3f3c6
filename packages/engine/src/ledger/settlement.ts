import { maximum, minimum } from "./asset.ts";
import { usageEvent } from "./authorize.ts";
import type { Draft } from "./draft.ts";
import { validAfterReport } from "./lifetime.ts";
import { conflict, type Conflict, type Settled } from "./outcome.ts";
import { quote } from "./evaluation.ts";
import { partName } from "./part-name.ts";
import { type Price, versionOf } from "./price.ts";
import type { Settle, Used, VoidHold } from "./request.ts";
import { fitsUnits, roomFor } from "./room.ts";
import type { Authorization } from "./rows.ts";
import { availableTo, holdingOf, pinnedBy, releasePinned, settlePinned } from "./slice.ts";
import { transitions, type AuthorizationState } from "./transition.ts";
import {
  isOfNothing,
  moveBudgets,
  moveConcurrency,
  moveFurther,
  movePosition,
  releaseFurther,
  settleFurther,
  takeExcess,
} from "./use.ts";

/** A part to settle: in atoms of the price's asset and in quantity, metered under its own ids. */
export interface Part {
  readonly amount: bigint;
  readonly quantity: bigint;
  /** Of the further prices, in their order. */
  readonly further: readonly bigint[];
  readonly isFinal: boolean;
  /** None where nothing was used. */
  readonly events: readonly PartEvent[];
}

export interface PartEvent {
  readonly id: string;
  readonly meter: string | null;
  readonly amount: bigint;
  readonly quantity: bigint;
  readonly further: readonly bigint[];
  readonly occurredAt: number;
}

export const settle = (draft: Draft, request: Settle): Settled | Conflict => {
  const row = draft.authorizations.get(request.id);
  if (row === undefined) return conflict(request.id, "NOT_FOUND");
  const part = partOf(draft, row, request);
  if (!isOwnPrice(row, request.used.price) || part.amount < 0n || part.quantity < 0n)
    return conflict(request.id, "INVALID");
  return settlePart(draft, row, part);
};

/** Asset, price version and period are fixed at authorization (f.10.4). */
export const isOwnPrice = ({ terms }: Authorization, price: Price): boolean => {
  if (price.asset !== terms.spender.asset) return false;
  if (price.kind !== "rateable") return true;
  return versionOf(price) === terms.priceVersion && price.position === terms.position;
};

/** Prices what was used. It counts in the period of the authorization, however late it is settled (f.10.4). */
export const partOf = (
  draft: Draft,
  row: Authorization,
  request: { readonly sequence: number; readonly used: Used; readonly isFinal: boolean },
): Part => {
  const { price, quantity, further, occurredAt, isMeasured } = request.used;
  const amount = quote(draft, price, { quantity, isHeld: false });
  const id = partName(row.id, request.sequence);
  const { meter } = row.terms.spender;
  const event = { id, meter, amount, quantity, further, occurredAt };
  const events = isMeasured || !isOfNothing(event) ? [event] : [];
  return { amount, quantity, further, isFinal: request.isFinal, events };
};

/**
 * Settles a part of a hold, or late what has expired (f.4, f.5): out of what is pinned, then by the
 * overage policy; a final part releases the rest.
 */
export const settlePart = (draft: Draft, row: Authorization, part: Part): Settled | Conflict => {
  const next = transitions[row.state][part.isFinal ? "settleFinal" : "settlePart"];
  if (next === null) return conflict(row.id, "WRONG_STATE", row.state);
  if (isRejected(draft, row, part)) return conflict(row.id, "OVERAGE_REJECTED", row.state);
  return carryOutPart(draft, row, { ...part, next });
};

/**
 * Whether `reject` refuses a part: one beyond what is held, unless it comes late. Nothing is held any more then, so that
 * it is a fresh charge (f.4), as far as one would be allowed.
 */
export const isRejected = (
  draft: Draft,
  row: Authorization,
  part: Pick<Part, "amount" | "quantity" | "further">,
): boolean => {
  if (row.terms.settleOverage !== "reject") return false;
  if (row.state !== "EXPIRED") return part.amount > row.held;
  const isFunded = roomFor(draft, row, part.amount) === part.amount;
  return !isFunded || !fitsUnits(draft, row, [part.quantity, ...part.further]);
};

/** Settles a part of what its caller has asked everything about. */
export const carryOutPart = (
  draft: Draft,
  row: Authorization,
  part: Part & { readonly next: AuthorizationState },
): Settled => {
  const settled = applyPart(draft, row, part);
  draft.authorizations.put(settled.row);
  return settledAnswer(draft, settled.row, { ...part, shortfall: settled.shortfall });
};

const applyPart = (
  draft: Draft,
  row: Authorization,
  part: Part & { readonly next: AuthorizationState },
): { readonly row: Authorization; readonly shortfall: bigint } => {
  const holding = holdingOf(row);
  const fromHold = minimum(part.amount, pinnedBy(holding));
  settlePinned(draft, holding, fromHold);
  // Of what reject lets through, only what a soft account is allowed without funds is not covered: that is owed.
  const policy = row.terms.settleOverage === "cap" ? "cap" : "debt";
  const excess = takeExcess(draft, holding, { amount: part.amount - fromHold, policy });
  if (part.isFinal) releasePinned(draft, holding, pinnedBy(holding));
  const left = heldAfter(row, part);
  countPart(draft, row, { ...part, ...left, shortfall: excess.shortfall });
  return {
    shortfall: excess.shortfall,
    row: {
      ...row,
      ...left,
      further: moveFurther(draft, row.further, settleFurther(row, part)),
      state: part.next,
      settled: row.settled + part.amount,
      settledQuantity: row.settledQuantity + part.quantity,
      shortfall: row.shortfall + excess.shortfall,
      debt: row.debt + excess.debt,
      legs: holding.legs,
      validUntil: part.next === "HELD" ? validAfterReport(row, draft.now) : null,
    },
  };
};

const heldAfter = (row: Authorization, part: Part): { held: bigint; heldQuantity: bigint } =>
  part.isFinal
    ? { held: 0n, heldQuantity: 0n }
    : {
        held: maximum(0n, row.held - part.amount),
        heldQuantity: maximum(0n, row.heldQuantity - part.quantity),
      };

const countPart = (
  draft: Draft,
  row: Authorization,
  part: Part & {
    readonly held: bigint;
    readonly heldQuantity: bigint;
    readonly shortfall: bigint;
    readonly next: AuthorizationState;
  },
): void => {
  const use = {
    posted: part.amount,
    held: part.held - row.held,
    postedQuantity: part.quantity,
    heldQuantity: part.heldQuantity - row.heldQuantity,
  };
  moveBudgets(draft, row.terms, use);
  movePosition(draft, row.terms.position, use);
  emitEvents(draft, row, part);
  if (row.state === "HELD" && part.next !== "HELD")
    moveConcurrency(draft, row.terms.concurrencyLimits, -1);
};

/** The last events of a part bear what nobody paid. */
const emitEvents = (
  draft: Draft,
  row: Authorization,
  part: Part & { readonly shortfall: bigint },
): void => {
  const isWhole = part.isFinal && row.settled === 0n && row.settledQuantity === 0n;
  let unfunded = part.shortfall;
  const isUnfunded = new Map<string, bigint>();
  for (const event of part.events.toReversed()) {
    const own = minimum(unfunded, event.amount);
    unfunded -= own;
    isUnfunded.set(event.id, own);
  }
  for (const event of part.events)
    draft.events.push({
      ...usageEvent(event.id, row, {
        ...event,
        isWhole,
        shortfall: isUnfunded.get(event.id) ?? 0n,
      }),
      meter: event.meter,
      occurredAt: event.occurredAt,
    });
};

export const settledAnswer = (
  draft: Draft,
  row: Authorization,
  part: Pick<Part, "amount" | "quantity" | "further" | "events"> & { readonly shortfall: bigint },
): Settled => ({
  kind: "settled",
  id: row.id,
  state: row.state,
  amount: part.amount,
  quantity: part.quantity,
  further: part.further,
  shortfall: part.shortfall,
  held: row.held,
  heldQuantity: row.heldQuantity,
  available: availableTo(draft, row.terms.spender),
  validUntil: row.validUntil,
  isFinal: row.state !== "HELD",
  isMetered: part.events.length > 0,
  isReplayed: false,
});

export const nothingUsed = {
  amount: 0n,
  quantity: 0n,
  further: [],
  shortfall: 0n,
  events: [],
} as const;

export const voidHold = (draft: Draft, request: Pick<VoidHold, "id">): Settled | Conflict => {
  const row = draft.authorizations.get(request.id);
  if (row === undefined) return conflict(request.id, "NOT_FOUND");
  const next = transitions[row.state].void;
  if (next === null) return conflict(request.id, "WRONG_STATE", row.state);
  return settledAnswer(draft, closeUnused(draft, row, next), nothingUsed);
};

/** Ends a hold without use: everything pinned goes back, counters give up what was held. */
export const closeUnused = (
  draft: Draft,
  row: Authorization,
  state: AuthorizationState,
): Authorization => {
  const holding = holdingOf(row);
  releasePinned(draft, holding, pinnedBy(holding));
  const use = { posted: 0n, held: -row.held, postedQuantity: 0n, heldQuantity: -row.heldQuantity };
  moveBudgets(draft, row.terms, use);
  movePosition(draft, row.terms.position, use);
  moveConcurrency(draft, row.terms.concurrencyLimits, -1);
  const further = moveFurther(draft, row.further, releaseFurther(row));
  const { legs } = holding;
  const closed = { ...row, state, legs, held: 0n, heldQuantity: 0n, further, validUntil: null };
  draft.authorizations.put(closed);
  return closed;
};
