import { isParity, minimum } from "./asset.ts";
import { authorize, isWellFormed } from "./authorize.ts";
import { countersOfAnyUse, countersOfUse, isUsedUp, moveCounter } from "./budget.ts";
import type { Draft } from "./draft.ts";
import { scopeOf } from "./evaluation.ts";
import { extend } from "./extension.ts";
import { type Authorized, conflict, type Conflict, type Settled } from "./outcome.ts";
import type { Authorize, OpenLease, RenewLease, ReportLease, Spend } from "./request.ts";
import type { Authorization, AuthorizationTerms, Leg, Slice } from "./rows.ts";
import { carryOutPart, isRejected, nothingUsed, settlePart } from "./settlement.ts";
import { availableTo, type Holding, holdingOf, pinnedBy } from "./slice.ts";
import { transitions } from "./transition.ts";
import { unusedCount } from "./use.ts";

/** A lease is a hold that its client spends by itself: what it can overspend is nothing (f.7). */
const leaseAsHold = (lease: OpenLease, now: number): Authorize => ({
  kind: "authorize",
  id: lease.id,
  fingerprint: lease.fingerprint,
  mode: "hold",
  account: lease.account,
  meter: null,
  scope: { key: lease.key },
  unit: null,
  quantity: 0n,
  price: { kind: "amount", amount: lease.amount, asset: lease.asset, further: [] },
  assets: [],
  occurredAt: now,
  maxAmount: null,
  ttlMs: lease.ttlMs,
  idleTimeoutMs: null,
  onExpiry: lease.onExpiry,
  settleOverage: lease.settleOverage,
  partial: "never",
  expectedPriceVersion: null,
  isDryRun: false,
  fields: null,
});

/**
 * What is spent of it will count in windows of now, as its money does (I21), and for the limits of who opens it. In which
 * units, and for which product, shows when it is reported.
 */
export const openLease = (draft: Draft, lease: OpenLease): Authorized | Conflict => {
  const request = leaseAsHold(lease, draft.now);
  if (!isWellFormed(request)) return conflict(lease.id, "INVALID");
  const answer = authorize(draft, request);
  const row = draft.authorizations.get(lease.id);
  if (row?.state !== "HELD") return answer;
  const unitCounters = countersOfAnyUse(draft, scopeOf(request), lease.asset);
  draft.authorizations.put({ ...row, terms: { ...row.terms, unitCounters } });
  return answer;
};

/** A longer life to spend it in, unless what is spent would exceed a hard budget. */
export const renewLease = (draft: Draft, renewal: RenewLease): Settled | Conflict => {
  const row = draft.authorizations.get(renewal.id);
  const isOver = row?.terms.unitCounters.some((counter) => isUsedUp(draft, counter)) ?? false;
  if (row?.state === "HELD" && isOver) return conflict(row.id, "BUDGET_EXCEEDED", row.state);
  return extend(draft, { ...renewal, addAmount: 0n });
};

/**
 * Settles what the client spent: each spend becomes an authorization of its own, which takes its part of what the lease
 * has pinned. So it is refunded, corrected and trued up like any other, in the period and for the meter of its usage.
 */
export const reportLease = (draft: Draft, report: ReportLease): Settled | Conflict => {
  const row = draft.authorizations.get(report.id);
  if (row === undefined) return conflict(report.id, "NOT_FOUND");
  const { spends, isFinal } = report;
  if (spends.some((spend) => spend.amount < 0n || spend.quantity < 0n))
    return conflict(report.id, "INVALID");
  if (transitions[row.state][isFinal ? "settleFinal" : "settlePart"] === null)
    return conflict(row.id, "WRONG_STATE", row.state);
  const amount = spends.reduce((total, spend) => total + spend.amount, 0n);
  // Budgets by unit, or of a product, only count what is spent of a lease.
  if (isRejected(draft, row, { ...nothingUsed, amount }))
    return conflict(row.id, "OVERAGE_REJECTED", row.state);
  const ids = new Set(spends.map(({ id }) => id));
  const taken = spends.find(({ id }) => draft.authorizations.get(id) !== undefined);
  if (taken !== undefined || ids.size < spends.length)
    return conflict(taken?.id ?? row.id, "ID_REUSED", row.state);
  let [left, shortfall] = [row, 0n];
  for (const spend of spends) {
    const spent = settleSpend(draft, left, spend);
    left = spent.lease;
    shortfall += spent.shortfall;
  }
  left = { ...left, settled: left.settled + amount };
  const answer = settlePart(draft, left, { ...nothingUsed, isFinal });
  if (answer.kind === "conflict") return answer;
  const quantity = spends.reduce((total, spend) => total + spend.quantity, 0n);
  return { ...answer, amount, quantity, shortfall };
};

/** The spend as a hold that is split off the lease and settled at once. */
const settleSpend = (
  draft: Draft,
  lease: Authorization,
  spend: Spend,
): { readonly lease: Authorization; readonly shortfall: bigint } => {
  const rest = holdingOf(lease);
  const legs = splitPinned(rest, minimum(spend.amount, pinnedBy(rest)));
  const held = minimum(spend.amount, lease.held);
  const open = spendRow(draft, lease, spend);
  // For which product it was held is known only now: from here on it is, as in the budgets of any product.
  for (const counter of productCountersOf(draft, lease, spend))
    moveCounter(draft, counter, { posted: 0n, held });
  const { shortfall } = carryOutPart(
    draft,
    { ...open, state: "HELD", held, legs },
    {
      amount: spend.amount,
      quantity: spend.quantity,
      further: spend.further,
      isFinal: true,
      events: [spend],
      next: "SETTLED",
    },
  );
  return { lease: { ...lease, held: lease.held - held, legs: rest.legs }, shortfall };
};

/** It counts as a charge of its own would, however much of a budget is left: it is spent. */
const spendRow = (draft: Draft, { terms }: Authorization, spend: Spend): Authorization => ({
  id: spend.id,
  terms: {
    ...terms,
    fingerprint: `spend of ${draft.transaction}`,
    mode: "record",
    spender: { ...terms.spender, product: spend.product, meter: spend.meter },
    occurredAt: spend.occurredAt,
    assetCounters: [...terms.assetCounters, ...productCountersOf(draft, { terms }, spend)],
    unitCounters: unitCountersOf(draft, terms, { spend, place: 0 }),
    concurrencyLimits: [],
    fields: spend.fields,
  },
  state: "SETTLED",
  held: 0n,
  heldQuantity: 0n,
  settled: 0n,
  settledQuantity: 0n,
  refunded: 0n,
  refundedQuantity: 0n,
  further: spend.further.map((_, nth) => ({
    ...unusedCount,
    unitCounters: unitCountersOf(draft, terms, { spend, place: nth + 1 }),
  })),
  shortfall: 0n,
  debt: 0n,
  legs: [],
  validUntil: null,
  answer: {
    kind: "authorized",
    id: spend.id,
    decision: "allow",
    reasons: [],
    amount: spend.amount,
    asset: terms.spender.asset,
    quantity: spend.quantity,
    lines: [],
    held: 0n,
    shortfall: 0n,
    remaining: { available: availableTo(draft, terms.spender), budgets: [] },
    validUntil: null,
    isFinal: false,
    priceVersion: null,
    isReplayed: false,
  },
});

/** Of the budgets that the lease may count in, those that count the money of the product alone. */
const productCountersOf = (
  draft: Draft,
  { terms }: Pick<Authorization, "terms">,
  { product }: Spend,
): string[] => countersOfUse(draft, terms.unitCounters, { product, in: "asset" });

/** Of the budgets that the lease may count in, those that count the quantity at a place. */
const unitCountersOf = (
  draft: Draft,
  lease: Pick<AuthorizationTerms, "unitCounters">,
  { spend, place }: { readonly spend: Spend; readonly place: number },
): string[] => {
  const { product, units } = spend;
  const unit = units[place] ?? null;
  return countersOfUse(draft, lease.unitCounters, { product, in: { unit } });
};

/** Splits `base` of what is pinned off, slices first to last, for another authorization to settle. */
const splitPinned = (holding: Holding, base: bigint): Leg[] => {
  let left = base;
  return holding.legs.flatMap((leg) => {
    if (!isParity(leg.ratio)) throw new Error(`${holding.authorization} pins another asset`);
    const part = minimum(left, leg.pinned - leg.settled);
    if (part === 0n) return [];
    left -= part;
    leg.pinned -= part;
    const { walletAccount, ratio } = leg;
    return [{ walletAccount, ratio, pinned: part, settled: 0n, slices: splitSlices(leg, part) }];
  });
};

const splitSlices = ({ slices }: Leg, atoms: bigint): Slice[] => {
  let left = atoms;
  return slices.flatMap((slice) => {
    const held = minimum(left, slice.held);
    if (held === 0n) return [];
    left -= held;
    slice.held -= held;
    return [{ grant: slice.grant, held, consumed: 0n }];
  });
};
