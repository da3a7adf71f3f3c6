import { maximum, minimum } from "./asset.ts";
import { countedOf, type Counted, nameOf, reservationsFor, type Reservation } from "./budget.ts";
import { hasFreeSlot } from "./concurrency-limit.ts";
import { positionOf, walletAccountOf, type Draft } from "./draft.ts";
import { type FundingPart, type FundingPlan, planFunds } from "./funds.ts";
import type { Reason } from "./outcome.ts";
import {
  affordableQuantity,
  chargeCost,
  furtherGranted,
  furtherQuantities,
  holdCost,
  type Price,
  pricedParts,
  versionOf,
} from "./price.ts";
import { emptyBucket, retryAt } from "./rate-limit.ts";
import type { Authorize } from "./request.ts";
import type { Customer, Spender } from "./rows.ts";
import { isInScope, outermostFirst, type Scope } from "./scope.ts";

/** What the limits say about a request. Nothing has been changed yet. */
export interface Evaluation {
  readonly decision: "allow" | "partial" | "deny";
  readonly reasons: readonly Reason[];
  readonly amount: bigint;
  readonly quantity: bigint;
  readonly further: readonly bigint[];
  readonly parts: readonly FundingPart[];
  /** Allowed beyond the funds: only on a soft account. */
  readonly unfunded: bigint;
  readonly reservations: readonly Reservation[];
  readonly rateLimits: readonly string[];
  readonly concurrencyLimits: readonly string[];
}

/** The evaluation under way. A limit that leaves some room may still shrink a partial request. */
interface Probe {
  readonly request: Authorize;
  readonly spender: Spender;
  readonly amount: bigint;
  readonly customer: Customer;
  readonly reservations: readonly Reservation[];
  readonly reasons: Reason[];
  room: bigint;
  roomQuantity: bigint;
  isBlocked: boolean;
  /** What would pay the whole amount, where that was asked. */
  plan: FundingPlan | undefined;
}

const refuse = (probe: Probe, reason: Reason): void => {
  probe.reasons.push(reason);
  probe.isBlocked = true;
};

/** The order of f.3: the first failure names the reason, all failures are reported. */
const steps: readonly ((draft: Draft, probe: Probe) => void)[] = [
  checkEntitlement,
  checkPolicy,
  checkRateable,
  checkConcurrency,
  checkRate,
  checkBudgets,
  checkFrozen,
  checkDebt,
  checkFunds,
];

export const spenderOf = (usage: {
  readonly account: string;
  readonly meter: string | null;
  readonly scope: Omit<Scope, "account">;
  readonly price: { readonly asset: string };
  readonly assets: readonly string[];
}): Spender => ({
  account: usage.account,
  asset: usage.price.asset,
  waterfall: usage.assets.length === 0 ? [usage.price.asset] : usage.assets,
  product: usage.scope.product ?? null,
  feature: usage.scope.feature ?? null,
  meter: usage.meter,
});

/** check, charge, hold and session share this evaluator (f.3), so that a check agrees with the charge (I30). */
export const evaluate = (draft: Draft, request: Authorize): Evaluation => {
  const customer = draft.state.customers.get(request.account);
  if (customer === undefined) return denial([{ code: "UNKNOWN_CUSTOMER" }]);
  const amount = priceOf(draft, request, request.quantity);
  const probe: Probe = {
    request,
    spender: spenderOf(request),
    amount,
    customer,
    reservations: reservationsFor(draft, scopeOf(request), countedIn(request)),
    reasons: [],
    room: amount,
    roomQuantity: request.quantity,
    isBlocked: false,
    plan: undefined,
  };
  for (const step of steps) step(draft, probe);
  return conclude(draft, probe);
};

/** In what usage is counted, its first quantity in front. What is held for no meter may be used in any unit. */
export const countedIn = ({
  meter,
  price,
  unit,
}: Pick<Authorize, "meter" | "price" | "unit">): Counted => ({
  asset: price.asset,
  units: meter === null ? "any" : [unit, ...price.further.map((count) => count.unit)],
});

const denial = (
  reasons: readonly Reason[],
  reservations: readonly Reservation[] = [],
): Evaluation => ({
  decision: "deny",
  reasons,
  amount: 0n,
  quantity: 0n,
  further: [],
  parts: [],
  unfunded: 0n,
  reservations,
  rateLimits: [],
  concurrencyLimits: [],
});

const conclude = (draft: Draft, probe: Probe): Evaluation => {
  const { request, reasons, reservations } = probe;
  const isShrunk = reasons.length > 0;
  // No one number says which part of usage is affordable, or within its budgets, that is counted in several ways.
  const isWhole = request.partial === "never" || countsSeveral(request.price);
  if (probe.isBlocked || (isShrunk && isWhole)) return denial(reasons, reservations);
  const quantity = isShrunk ? shrunkQuantity(draft, probe) : request.quantity;
  const amount = isShrunk ? shrunkAmount(draft, probe, quantity) : probe.amount;
  if (isShrunk && amount === 0n && quantity === 0n) return denial(reasons, reservations);
  const wholePlan = isShrunk ? undefined : probe.plan;
  const plan = wholePlan ?? planOf(draft, probe, amount);
  const scope = scopeOf(request);
  return {
    decision: isShrunk ? "partial" : "allow",
    reasons: amount === 0n ? [...reasons, { code: "UNCONTROLLED" }] : reasons,
    amount,
    quantity,
    further: furtherGranted(request.price, grantedShare(probe, { amount, quantity })),
    parts: plan.parts,
    unfunded: amount - plan.covered,
    reservations,
    rateLimits: idsInScope(draft.state.rateLimits, scope),
    concurrencyLimits: takesSlot(request) ? idsInScope(draft.state.concurrencyLimits, scope) : [],
  };
};

const planOf = (draft: Draft, { spender }: Probe, amount: bigint): FundingPlan =>
  planFunds(draft, { spender, legs: [] }, amount);

const countsSeveral = (price: Price): boolean =>
  price.kind === "rateable" && price.further.length > 0;

/** The part that is granted, in money, or in quantity of what costs nothing. */
const grantedShare = (
  { request, amount: wanted }: Probe,
  { amount, quantity }: { readonly amount: bigint; readonly quantity: bigint },
): { readonly granted: bigint; readonly wanted: bigint } =>
  wanted === 0n ? { granted: quantity, wanted: request.quantity } : { granted: amount, wanted };

/** A priced quantity shrinks to what is affordable; an explicit amount keeps its quantity's share. */
const shrunkQuantity = (draft: Draft, { request, room, roomQuantity, amount }: Probe): bigint => {
  if (request.price.kind === "rateable") {
    const cost = (quantity: bigint): bigint => priceOf(draft, request, quantity);
    return affordableQuantity(cost, roomQuantity, room);
  }
  const byAmount = amount === 0n ? request.quantity : (request.quantity * room) / amount;
  return minimum(roomQuantity, byAmount);
};

const shrunkAmount = (draft: Draft, { request, room, amount }: Probe, quantity: bigint): bigint => {
  if (request.price.kind === "rateable") return priceOf(draft, request, quantity);
  const byQuantity = request.quantity === 0n ? room : (amount * quantity) / request.quantity;
  return quantity === request.quantity ? room : minimum(room, byQuantity);
};

const priceOf = (draft: Draft, request: Authorize, quantity: bigint): bigint =>
  quote(draft, request.price, { quantity, isHeld: isHold(request) });

/** What a quantity costs now: at the posted position, or for a hold at its worst one. */
export const quote = (
  draft: Draft,
  price: Price,
  wanted: { readonly quantity: bigint; readonly isHeld: boolean },
): bigint => {
  switch (price.kind) {
    case "amount":
      return price.amount;
    case "unrateable":
      return 0n;
    case "rateable": {
      const cost = wanted.isHeld ? holdCost : chargeCost;
      let total = 0n;
      for (const part of pricedParts(price, wanted.quantity)) {
        const position = positionOf(draft, part.position);
        total += cost(part, position, part.quantity);
      }
      return total;
    }
  }
};

export const scopeOf = (request: Pick<Authorize, "account" | "scope">): Scope => ({
  ...request.scope,
  account: request.account,
});

/** Whether money is set aside until it is reported what was used; a session is reported on meanwhile. */
export const isHold = ({ mode }: Pick<Authorize, "mode">): boolean =>
  mode === "hold" || mode === "session";

/** A charge is over at once, so it is never one of the HELD that a concurrency limit counts. */
const takesSlot = isHold;

const idsInScope = (
  limits: ReadonlyMap<string, { readonly id: string; readonly scope: Scope }>,
  scope: Scope,
): string[] => {
  if (limits.size === 0) return [];
  return [...limits.values()]
    .filter((limit) => isInScope(limit.scope, scope))
    .sort(outermostFirst)
    .map((limit) => limit.id);
};

function checkEntitlement(_draft: Draft, probe: Probe): void {
  const { feature } = probe.request.scope;
  const { features } = probe.customer;
  if (feature === undefined || features === null || features.has(feature)) return;
  refuse(probe, { code: "NO_ENTITLEMENT", feature });
}

function checkPolicy(_draft: Draft, probe: Probe): void {
  const { expectedPriceVersion, maxAmount } = probe.request;
  if (expectedPriceVersion !== null && expectedPriceVersion !== versionOf(probe.request.price))
    refuse(probe, { code: "DENIED_POLICY", policy: "PRICE_VERSION" });
  if (maxAmount !== null && probe.amount > maxAmount)
    refuse(probe, { code: "DENIED_POLICY", policy: "MAX_AMOUNT" });
}

function checkRateable(_draft: Draft, probe: Probe): void {
  const { price } = probe.request;
  if (price.kind === "unrateable") refuse(probe, { code: "CANNOT_RATE", why: price.why });
}

function checkConcurrency(draft: Draft, probe: Probe): void {
  if (!takesSlot(probe.request)) return;
  for (const limitId of idsInScope(draft.state.concurrencyLimits, scopeOf(probe.request))) {
    const limit = draft.state.concurrencyLimits.get(limitId);
    const held = draft.concurrencyCounts.get(limitId)?.held ?? 0;
    if (limit === undefined || hasFreeSlot(limit, held)) continue;
    const { code: limitCode, limit: most } = limit;
    refuse(probe, { code: "CONCURRENCY_EXCEEDED", limitId, limitCode, limit: most });
  }
}

function checkRate(draft: Draft, probe: Probe): void {
  for (const limitId of idsInScope(draft.state.rateLimits, scopeOf(probe.request))) {
    const limit = draft.state.rateLimits.get(limitId);
    if (limit === undefined) continue;
    const bucket = draft.rateBuckets.get(limitId) ?? emptyBucket(limit);
    const at = retryAt(limit, bucket, draft.now);
    const { code: limitCode } = limit;
    if (at > draft.now) refuse(probe, { code: "RATE_LIMITED", limitId, limitCode, retryAt: at });
  }
}

function checkBudgets(_draft: Draft, probe: Probe): void {
  const { amount, request } = probe;
  const quantities = [request.quantity, ...furtherQuantities(request.price)];
  for (const reservation of probe.reservations) {
    const { budget, used, counts } = reservation;
    const requested = countedOf(reservation, { amount, quantities });
    const room = maximum(0n, budget.limit - used);
    // How much a lease will use in a unit is unknown: more than nothing.
    const isUnknown = "unit" in budget.counts && counts.length === 0;
    if (budget.mode === "soft" || (isUnknown ? room > 0n : requested <= room)) continue;
    const { limit, scope } = budget;
    const name = nameOf(budget);
    probe.reasons.push({ code: "BUDGET_EXCEEDED", budget: name, scope, limit, used, requested });
    if ("asset" in budget.counts) probe.room = minimum(probe.room, room);
    else if (counts.every((place) => place === 0))
      probe.roomQuantity = minimum(probe.roomQuantity, room);
    // What else is counted shrinks with the money; what costs nothing cannot.
    else if (amount === 0n) probe.isBlocked = true;
    else probe.room = minimum(probe.room, (amount * room) / requested);
  }
}

function checkFrozen(_draft: Draft, probe: Probe): void {
  if (probe.customer.isFrozen) refuse(probe, { code: "ACCOUNT_FROZEN" });
}

/** I4: while anything is owed in an asset that would pay, nothing that costs is allowed. */
function checkDebt(draft: Draft, probe: Probe): void {
  if (probe.amount === 0n && !probe.customer.blocksFreeOnDebt) return;
  const { account, asset, waterfall } = probe.spender;
  for (const name of new Set([...waterfall, asset])) {
    const { debt } = walletAccountOf(draft, account, name);
    if (debt > 0n) refuse(probe, { code: "DEBT_OUTSTANDING", debt, asset: name });
  }
}

function checkFunds(draft: Draft, probe: Probe): void {
  if (probe.amount === 0n) return;
  const { account, asset } = probe.spender;
  if (walletAccountOf(draft, account, asset).mode === "soft") return;
  probe.plan = planOf(draft, probe, probe.amount);
  const { covered } = probe.plan;
  if (covered === probe.amount) return;
  probe.reasons.push({ code: "INSUFFICIENT_FUNDS", shortfall: probe.amount - covered, asset });
  probe.room = minimum(probe.room, covered);
}
