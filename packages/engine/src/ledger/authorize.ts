import {
  countedOf,
  countersOf,
  nameOf,
  reservationsAs,
  reservationsFor,
  type Reservation,
} from "./budget.ts";
import { forkDraft, type Draft } from "./draft.ts";
import {
  countedIn,
  evaluate,
  isHold,
  quote,
  scopeOf,
  spenderOf,
  type Evaluation,
} from "./evaluation.ts";
import { lifeMs } from "./lifetime.ts";
import type { Authorized, Reason } from "./outcome.ts";
import { furtherQuantities, versionOf } from "./price.ts";
import { emptyBucket, takeToken } from "./rate-limit.ts";
import type { Authorize, RecordUsage } from "./request.ts";
import type { Authorization, AuthorizationTerms, Spender, UsageEvent } from "./rows.ts";
import { availableTo, consume, emptyHolding, linesOf, pin } from "./slice.ts";
import {
  furtherOf,
  moveBudgets,
  moveConcurrency,
  moveFurther,
  movePosition,
  takeExcess,
  type Excess,
} from "./use.ts";

/**
 * The first request of an id. A check or dry run takes the same road on a fork that is dropped, so it
 * changes nothing and agrees with the charge that would follow (I30).
 */
export const authorize = (draft: Draft, request: Authorize): Authorized => {
  const target = isReadOnly(request) ? forkDraft(draft) : draft;
  const evaluation = evaluate(target, request);
  if (evaluation.decision === "deny") return deny(target, request, evaluation);
  takeTokens(target, evaluation.rateLimits);
  return isHold(request)
    ? openHold(target, request, evaluation)
    : charge(target, request, evaluation);
};

export const isWellFormed = (request: Authorize): boolean => {
  const amount = request.price.kind === "amount" ? request.price.amount : 0n;
  const livesOn = request.ttlMs > 0 && (request.idleTimeoutMs ?? 1) > 0;
  return amount >= 0n && request.quantity >= 0n && (!isHold(request) || livesOn);
};

export const isReadOnly = ({ mode, isDryRun }: Pick<Authorize, "mode" | "isDryRun">): boolean =>
  mode === "check" || isDryRun;

/** A denial is remembered: the same id stays denied, even after a top-up (finding 2). It says how its budgets stand. */
export const deny = (
  draft: Draft,
  request: Authorize,
  { reasons, reservations }: Pick<Evaluation, "reasons" | "reservations">,
): Authorized => {
  const taken: Taken = { ...nothingTaken, reasons, reservations, decision: "deny" };
  const row = openRow(draft, request, { taken, terms: termsOf(draft, request, nothingTaken) });
  draft.authorizations.put({ ...row, state: "DENIED" });
  return row.answer;
};

const takeTokens = (draft: Draft, rateLimits: readonly string[]): void => {
  for (const id of rateLimits) {
    const limit = draft.state.rateLimits.get(id);
    if (limit === undefined) continue;
    const bucket = draft.rateBuckets.get(id) ?? emptyBucket(limit);
    draft.rateBuckets.put(takeToken(limit, bucket, draft.now));
  }
};

/** What the first request took, as far as its row and its answer tell it. */
interface Taken {
  readonly decision: Authorized["decision"];
  readonly reasons: readonly Reason[];
  readonly amount: bigint;
  readonly quantity: bigint;
  readonly further: readonly bigint[];
  readonly legs: Authorization["legs"];
  readonly excess: Excess;
  readonly held: bigint;
  readonly reservations: readonly Reservation[];
  readonly concurrencyLimits: readonly string[];
  readonly validUntil: number | null;
}

const nothingTaken = {
  amount: 0n,
  quantity: 0n,
  further: [],
  legs: [],
  excess: { debt: 0n, shortfall: 0n },
  held: 0n,
  reservations: [],
  concurrencyLimits: [],
  validUntil: null,
} as const;

const charge = (draft: Draft, request: Authorize, evaluation: Evaluation): Authorized => {
  const holding = emptyHolding(request.id, spenderOf(request));
  consume(draft, holding, evaluation.parts);
  const excess = takeExcess(draft, holding, { amount: evaluation.unfunded, policy: "debt" });
  const taken = { ...nothingTaken, ...evaluation, legs: holding.legs, excess };
  return postUse(draft, request, taken);
};

/** Charges what happened already: it is never refused, only left unfunded (f.10.6). */
export const recordUsage = (draft: Draft, request: RecordUsage): Authorized =>
  settleRecord(draft, request, recordedIn(draft, request));

const recordedIn = (draft: Draft, request: RecordUsage): Reservation[] => {
  const counted = countedIn(request);
  const before = draft.authorizations.get(request.insteadOf ?? "");
  return before === undefined
    ? reservationsFor(draft, scopeOf(request), counted)
    : reservationsAs(draft, before, counted);
};

/** What a period's total needs beyond its parts is no use of today's: no budget counts it. */
export const recordTrueUp = (draft: Draft, request: RecordUsage): { readonly shortfall: bigint } =>
  settleRecord(draft, request, []);

const settleRecord = (
  draft: Draft,
  request: RecordUsage,
  reservations: readonly Reservation[],
): Authorized => {
  const amount = quote(draft, request.price, { quantity: request.quantity, isHeld: false });
  const holding = emptyHolding(request.id, spenderOf(request));
  const excess = takeExcess(draft, holding, { amount, policy: request.settleOverage });
  return postUse(draft, request, {
    ...nothingTaken,
    decision: "allow",
    reasons: [],
    amount,
    quantity: request.quantity,
    further: furtherQuantities(request.price),
    legs: holding.legs,
    excess,
    reservations,
  });
};

/** Usage that is settled with its first request: counted, metered, and written as one row. */
const postUse = (draft: Draft, request: Authorize | RecordUsage, taken: Taken): Authorized => {
  const { amount, quantity, reservations } = taken;
  const { shortfall } = taken.excess;
  const use = { posted: amount, held: 0n, postedQuantity: quantity, heldQuantity: 0n };
  const terms = termsOf(draft, request, taken);
  moveBudgets(draft, terms, use);
  movePosition(draft, terms.position, use);
  const uses = furtherOf(request.price, taken.further, { reservations, as: "settled" });
  const further = moveFurther(draft, [], uses);
  const used = { amount, quantity, shortfall, further: taken.further, isWhole: true };
  const event = usageEvent(request.id, { id: request.id, terms }, used);
  // What happened is metered whatever the ledger makes of it: a price of what it does not count now may come later.
  if (request.kind === "authorize" || request.isMetered) draft.events.push(event);
  const row = openRow(draft, request, { taken, terms });
  draft.authorizations.put({ ...row, settled: amount, settledQuantity: quantity, further });
  return row.answer;
};

export const usageEvent = (
  id: string,
  authorization: { readonly id: string; readonly terms: AuthorizationTerms },
  used: {
    readonly amount: bigint;
    readonly quantity: bigint;
    readonly further: readonly bigint[];
    readonly shortfall: bigint;
    readonly isWhole: boolean;
    readonly undoes?: UsageEvent["undoes"];
  },
): UsageEvent => ({
  id,
  authorization: authorization.id,
  account: authorization.terms.spender.account,
  meter: authorization.terms.spender.meter,
  quantity: used.quantity,
  further: used.further,
  amount: used.amount,
  asset: authorization.terms.spender.asset,
  unfunded: used.shortfall,
  occurredAt: authorization.terms.occurredAt,
  priceVersion: authorization.terms.priceVersion,
  unverified: authorization.terms.unverified,
  undoes: used.undoes ?? null,
  isWhole: used.isWhole,
  fields: authorization.terms.fields,
});

const openHold = (draft: Draft, request: Authorize, evaluation: Evaluation): Authorized => {
  const { amount, quantity, reservations } = evaluation;
  const holding = emptyHolding(request.id, spenderOf(request));
  pin(draft, holding, evaluation.parts);
  const taken: Taken = {
    ...nothingTaken,
    ...evaluation,
    legs: holding.legs,
    held: amount,
    validUntil: draft.now + lifeMs(request),
  };
  const terms = termsOf(draft, request, taken);
  const use = { posted: 0n, held: amount, postedQuantity: 0n, heldQuantity: quantity };
  moveBudgets(draft, terms, use);
  movePosition(draft, terms.position, use);
  const uses = furtherOf(request.price, evaluation.further, { reservations, as: "held" });
  const further = moveFurther(draft, [], uses);
  moveConcurrency(draft, terms.concurrencyLimits, 1);
  const row = openRow(draft, request, { taken, terms });
  const held = { held: amount, heldQuantity: quantity, further };
  draft.authorizations.put({ ...row, state: "HELD", ...held });
  return row.answer;
};

const openRow = (
  draft: Draft,
  request: Authorize | RecordUsage,
  { taken, terms }: { readonly taken: Taken; readonly terms: AuthorizationTerms },
): Authorization => ({
  id: request.id,
  terms,
  state: "SETTLED",
  held: 0n,
  heldQuantity: 0n,
  settled: 0n,
  settledQuantity: 0n,
  refunded: 0n,
  refundedQuantity: 0n,
  further: [],
  shortfall: taken.excess.shortfall,
  debt: taken.excess.debt,
  legs: taken.legs,
  validUntil: taken.validUntil,
  answer: answerOf(draft, { request, spender: terms.spender }, taken),
});

const modeOf = (request: Authorize | RecordUsage): AuthorizationTerms["mode"] => {
  if (request.kind === "record" || request.mode === "check") return "record";
  // Only what a client spends on its own is held for no meter.
  return request.meter === null ? "lease" : request.mode;
};

const termsOf = (
  draft: Draft,
  request: Authorize | RecordUsage,
  taken: Pick<Taken, "reservations" | "concurrencyLimits">,
): AuthorizationTerms => {
  const isAuthorized = request.kind === "authorize";
  return {
    fingerprint: request.fingerprint,
    mode: modeOf(request),
    spender: spenderOf(request),
    settleOverage: request.settleOverage,
    onExpiry: isAuthorized ? request.onExpiry : "release",
    ttlMs: isAuthorized ? request.ttlMs : 0,
    idleTimeoutMs: isAuthorized ? request.idleTimeoutMs : null,
    authorizedAt: draft.now,
    occurredAt: request.occurredAt,
    priceVersion: versionOf(request.price),
    position: request.price.kind === "rateable" ? request.price.position : null,
    assetCounters: countersOf(taken.reservations, "asset"),
    unitCounters: countersOf(taken.reservations, { place: 0 }),
    concurrencyLimits: taken.concurrencyLimits,
    unverified: request.kind === "record" && request.unverified,
    fields: request.fields,
  };
};

const answerOf = (
  draft: Draft,
  { request, spender }: { readonly request: Authorize | RecordUsage; readonly spender: Spender },
  taken: Taken,
): Authorized => {
  const { amount, quantity, further } = taken;
  const used = { amount, quantities: [quantity, ...further] };
  return {
    kind: "authorized",
    id: request.id,
    decision: taken.decision,
    reasons: taken.reasons,
    amount: taken.amount,
    asset: spender.asset,
    quantity: taken.quantity,
    lines: linesOf(taken.legs),
    held: taken.held,
    shortfall: taken.excess.shortfall,
    remaining: {
      available: availableTo(draft, spender),
      budgets: taken.reservations.map((reservation) => ({
        budget: nameOf(reservation.budget),
        used: reservation.used + countedOf(reservation, used),
        limit: reservation.budget.limit,
      })),
    },
    validUntil: taken.validUntil,
    isFinal:
      taken.decision !== "allow" && request.kind === "authorize" && request.mode === "session",
    priceVersion: versionOf(request.price),
    isReplayed: false,
  };
};
