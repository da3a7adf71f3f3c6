import { atomsFor, isParity, minimum, worthOf } from "./asset.ts";
import type { PostingKind } from "./book.ts";
import {
  grantOf,
  grantsInBurnOrder,
  post,
  postBetweenOwnBooks,
  walletAccountOf,
  type Draft,
} from "./draft.ts";
import { legOf, type FundingPart } from "./funds.ts";
import { isEligible } from "./grant-order.ts";
import { repayDebt, replaceEndedGrant } from "./grant.ts";
import { availableOf, type Authorization, type Leg, type Slice, type Spender } from "./rows.ts";

/** The slices of one authorization, on a copy that its handler writes back. */
export interface Holding {
  readonly authorization: string;
  readonly spender: Spender;
  readonly legs: Leg[];
}

export const emptyHolding = (authorization: string, spender: Spender): Holding => ({
  authorization,
  spender,
  legs: [],
});

export const holdingOf = (row: Authorization): Holding => ({
  authorization: row.id,
  spender: row.terms.spender,
  legs: row.legs.map((leg) => ({ ...leg, slices: leg.slices.map((slice) => ({ ...slice })) })),
});

/** What is pinned and not yet settled, in the asset of the price. */
export const pinnedBy = (holding: Holding): bigint =>
  holding.legs.reduce((total, leg) => total + leg.pinned - leg.settled, 0n);

/**
 * What stands of what was settled, by whomever: with what was refunded, all that was settled, but for a lease, whose
 * spends are authorizations of their own.
 */
export const standingOf = ({ legs, debt, shortfall }: Authorization): bigint =>
  legs.reduce((total, leg) => total + leg.settled, debt + shortfall);

const legFor = (holding: Holding, part: FundingPart): Leg => {
  const known = legOf(holding.legs, part);
  if (known !== undefined) return known;
  const leg: Leg = {
    walletAccount: part.walletAccount,
    ratio: part.ratio,
    pinned: 0n,
    settled: 0n,
    slices: [],
  };
  holding.legs.push(leg);
  return leg;
};

/** A grant that is used again later is a newer slice: what is given back leaves newest first. */
const sliceFor = (leg: Leg, grant: string): Slice => {
  const last = leg.slices.at(-1);
  if (last?.grant === grant) return last;
  const slice: Slice = { grant, held: 0n, consumed: 0n };
  leg.slices.push(slice);
  return slice;
};

/** Pins what a plan covers: grants in burn order, from remaining to held. */
export const pin = (draft: Draft, holding: Holding, parts: readonly FundingPart[]): void => {
  for (const part of parts) {
    const leg = legFor(holding, part);
    const atoms = atomsFor(leg.pinned + part.base, leg.ratio) - atomsFor(leg.pinned, leg.ratio);
    leg.pinned += part.base;
    takeFromGrants(draft, holding, { leg, atoms, to: "held" });
  }
};

/** Takes what a plan covers at once, without a hold; only while nothing is pinned any more. */
export const consume = (draft: Draft, holding: Holding, parts: readonly FundingPart[]): void => {
  for (const part of parts) {
    const leg = legFor(holding, part);
    const before = leg.settled;
    leg.pinned += part.base;
    leg.settled += part.base;
    const atoms = atomsFor(leg.settled, leg.ratio) - atomsFor(before, leg.ratio);
    takeFromGrants(draft, holding, { leg, atoms, to: "consumed" });
    convert(draft, holding, { leg, before });
  }
};

interface Taking {
  readonly leg: Leg;
  readonly atoms: bigint;
  readonly to: "held" | "consumed";
}

const takeFromGrants = (draft: Draft, holding: Holding, taking: Taking): void => {
  let left = taking.atoms;
  for (const id of grantsInBurnOrder(draft, taking.leg.walletAccount)) {
    if (left === 0n) return;
    const grant = grantOf(draft, id);
    if (grant.remaining === 0n || !isEligible(grant, holding.spender)) continue;
    const amount = minimum(left, grant.remaining);
    left -= amount;
    const remaining = grant.remaining - amount;
    draft.grants.put({ ...grant, remaining, [taking.to]: grant[taking.to] + amount });
    sliceFor(taking.leg, id)[taking.to] += amount;
    const kind = takingKind(taking);
    const { authorization } = holding;
    post(draft, taking.leg.walletAccount, { kind, amount, grant: id, authorization });
  }
  if (left !== 0n) throw new Error(`the plan of ${holding.authorization} exceeds its grants`);
};

const takingKind = ({ leg, to }: Taking): PostingKind => {
  if (to === "held") return "hold";
  return isParity(leg.ratio) ? "charge" : "exchangedCharge";
};

/** Settles `base` out of what is pinned, slices first to last (f.6). */
export const settlePinned = (draft: Draft, holding: Holding, base: bigint): void => {
  let left = base;
  for (const leg of holding.legs) {
    const before = leg.settled;
    const part = minimum(left, leg.pinned - leg.settled);
    if (part === 0n) continue;
    left -= part;
    leg.settled += part;
    let atoms = atomsFor(leg.settled, leg.ratio) - atomsFor(before, leg.ratio);
    for (const slice of leg.slices) {
      const amount = minimum(atoms, slice.held);
      atoms -= amount;
      settleSlice(draft, holding, { leg, slice, amount });
    }
    convert(draft, holding, { leg, before });
  }
};

interface SliceMove {
  readonly leg: Leg;
  readonly slice: Slice;
  readonly amount: bigint;
}

const settleSlice = (draft: Draft, holding: Holding, move: SliceMove): void => {
  const { leg, slice, amount } = move;
  if (amount === 0n) return;
  slice.held -= amount;
  slice.consumed += amount;
  const grant = grantOf(draft, slice.grant);
  draft.grants.put({
    ...grant,
    held: grant.held - amount,
    consumed: grant.consumed + amount,
  });
  const kind = isParity(leg.ratio) ? "settlement" : "exchangedSettlement";
  const { authorization } = holding;
  post(draft, leg.walletAccount, { kind, amount, grant: slice.grant, authorization });
};

/** Gives `base` of what is pinned back, slices last to first (f.6, I8). */
export const releasePinned = (draft: Draft, holding: Holding, base: bigint): void => {
  let left = base;
  for (const leg of holding.legs.toReversed()) {
    const part = minimum(left, leg.pinned - leg.settled);
    left -= part;
    let atoms = atomsFor(leg.pinned, leg.ratio) - atomsFor(leg.pinned - part, leg.ratio);
    leg.pinned -= part;
    for (const slice of leg.slices.toReversed()) {
      const amount = minimum(atoms, slice.held);
      atoms -= amount;
      releaseSlice(draft, holding, { leg, slice, amount });
    }
  }
};

const releaseSlice = (draft: Draft, holding: Holding, move: SliceMove): void => {
  const { leg, slice, amount } = move;
  if (amount === 0n) return;
  slice.held -= amount;
  const { authorization } = holding;
  const grant = grantOf(draft, slice.grant);
  const held = grant.held - amount;
  const booking = { amount, grant: grant.id, authorization };
  if (grant.state !== "ended") {
    draft.grants.put({ ...grant, held, remaining: grant.remaining + amount });
    post(draft, leg.walletAccount, { kind: "release", ...booking });
  } else if (grant.terms.purpose === "paid" && draft.state.settings.extendPaidOnHold) {
    draft.grants.put({ ...grant, held, transferred: grant.transferred + amount });
    post(draft, leg.walletAccount, { kind: "release", ...booking });
    replaceEndedGrant(draft, grant, amount);
  } else {
    draft.grants.put({ ...grant, held, breakage: grant.breakage + amount });
    post(draft, leg.walletAccount, { kind: "forfeiture", ...booking });
  }
};

/** Takes `base` of what was settled back to the grants it came from, newest slice first (f.6). */
export const returnSettled = (draft: Draft, holding: Holding, base: bigint): void => {
  let left = base;
  for (const leg of holding.legs.toReversed()) {
    const before = leg.settled;
    const part = minimum(left, before);
    if (part === 0n) continue;
    left -= part;
    leg.settled -= part;
    leg.pinned -= part;
    let atoms = atomsFor(before, leg.ratio) - atomsFor(leg.settled, leg.ratio);
    for (const slice of leg.slices.toReversed()) {
      const amount = minimum(atoms, slice.consumed);
      atoms -= amount;
      returnSlice(draft, holding, { leg, slice, amount });
    }
    convert(draft, holding, { leg, before });
  }
};

/** What comes back repays debt before it raises what is available (I4). */
const returnSlice = (draft: Draft, holding: Holding, move: SliceMove): void => {
  const { leg, slice, amount } = move;
  if (amount === 0n) return;
  slice.consumed -= amount;
  const { authorization } = holding;
  const grant = grantOf(draft, slice.grant);
  const consumed = grant.consumed - amount;
  const booking = { amount, grant: grant.id, authorization };
  const exchanged = !isParity(leg.ratio);
  if (grant.state === "ended" && grant.terms.purpose !== "paid") {
    draft.grants.put({ ...grant, consumed, breakage: grant.breakage + amount });
    const kind = exchanged ? "exchangedRefundForfeiture" : "refundForfeiture";
    post(draft, leg.walletAccount, { kind, ...booking });
    return;
  }
  post(draft, leg.walletAccount, { kind: exchanged ? "exchangedRefund" : "refund", ...booking });
  if (grant.state !== "ended") {
    draft.grants.put({ ...grant, consumed, remaining: grant.remaining + amount });
    repayDebt(draft, grant.id, amount);
    return;
  }
  draft.grants.put({ ...grant, consumed, transferred: grant.transferred + amount });
  repayDebt(draft, replaceEndedGrant(draft, grant, amount), amount);
};

/**
 * The other side of a payment in another asset than the price's: the exchange book gives in the price's
 * asset what it took in the paying one, and what rounding left over goes to a book of its own (I26).
 */
const convert = (
  draft: Draft,
  { authorization, spender }: Holding,
  { leg, before }: { readonly leg: Leg; readonly before: bigint },
): void => {
  if (isParity(leg.ratio)) return;
  const surplus = (base: bigint): bigint => worthOf(atomsFor(base, leg.ratio), leg.ratio) - base;
  const moved = leg.settled - before;
  const rounded = surplus(leg.settled) - surplus(before);
  const book = (kind: PostingKind, amount: bigint): void =>
    postBetweenOwnBooks(draft, spender.asset, { kind, amount, authorization });
  if (moved > 0n) book("conversion", moved);
  else book("conversionReversal", -moved);
  if (rounded > 0n) book("rounding", rounded);
  else book("roundingReversal", -rounded);
};

/** What each wallet account has pinned and paid for an authorization, in its own atoms. */
export const linesOf = (legs: readonly Leg[]): { walletAccount: string; amount: bigint }[] =>
  legs.map((leg) => ({
    walletAccount: leg.walletAccount,
    amount: leg.slices.reduce((total, slice) => total + slice.held + slice.consumed, 0n),
  }));

export const availableTo = (draft: Draft, spender: Spender): bigint =>
  availableOf(walletAccountOf(draft, spender.account, spender.asset));
