import type { Authorized, Outcome, Reason } from "@turnpike/engine/ledger/outcome.ts";
import type { GrantTerms, Leg } from "@turnpike/engine/ledger/rows.ts";

/** A value as a `json` column holds it: its integers are text, so that no digit is lost. */
export type Json<T> = T extends bigint
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Json<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Json<T[Key]> }
      : T;

export const grantTermsFrom = ({ rollover, ...terms }: Json<GrantTerms>): GrantTerms => ({
  amount: BigInt(terms.amount),
  priority: terms.priority,
  effectiveAt: terms.effectiveAt,
  expiresAt: terms.expiresAt,
  purpose: terms.purpose,
  appliesTo: terms.appliesTo,
  costBasis: BigInt(terms.costBasis),
  rollover:
    rollover === null
      ? null
      : { ...rollover, max: BigInt(rollover.max), min: BigInt(rollover.min) },
  source: terms.source,
});

export const grantTermsJson = ({ rollover, ...terms }: GrantTerms): Json<GrantTerms> => ({
  amount: `${terms.amount}`,
  priority: terms.priority,
  effectiveAt: terms.effectiveAt,
  expiresAt: terms.expiresAt,
  purpose: terms.purpose,
  appliesTo: terms.appliesTo,
  costBasis: `${terms.costBasis}`,
  rollover:
    rollover === null ? null : { ...rollover, max: `${rollover.max}`, min: `${rollover.min}` },
  source: terms.source,
});

export const legsFrom = (legs: readonly Json<Leg>[]): Leg[] =>
  legs.map((leg) => ({
    walletAccount: leg.walletAccount,
    ratio: { num: BigInt(leg.ratio.num), den: BigInt(leg.ratio.den) },
    pinned: BigInt(leg.pinned),
    settled: BigInt(leg.settled),
    slices: leg.slices.map(({ grant, held, consumed }) => ({
      grant,
      held: BigInt(held),
      consumed: BigInt(consumed),
    })),
  }));

const reasonFrom = (reason: Json<Reason>): Reason => {
  switch (reason.code) {
    case "BUDGET_EXCEEDED":
      return {
        ...reason,
        limit: BigInt(reason.limit),
        used: BigInt(reason.used),
        requested: BigInt(reason.requested),
      };
    case "DEBT_OUTSTANDING":
      return { ...reason, debt: BigInt(reason.debt) };
    case "INSUFFICIENT_FUNDS":
      return { ...reason, shortfall: BigInt(reason.shortfall) };
    case "UNKNOWN_CUSTOMER":
    case "NO_ENTITLEMENT":
    case "DENIED_POLICY":
    case "CANNOT_RATE":
    case "CONCURRENCY_EXCEEDED":
    case "RATE_LIMITED":
    case "ACCOUNT_FROZEN":
    case "UNCONTROLLED":
      return reason;
  }
};

export const authorizedFrom = (answer: Json<Authorized>): Authorized => ({
  ...answer,
  reasons: answer.reasons.map(reasonFrom),
  amount: BigInt(answer.amount),
  quantity: BigInt(answer.quantity),
  lines: answer.lines.map((line) => ({ ...line, amount: BigInt(line.amount) })),
  held: BigInt(answer.held),
  shortfall: BigInt(answer.shortfall),
  remaining: {
    available: BigInt(answer.remaining.available),
    budgets: answer.remaining.budgets.map(({ budget, used, limit }) => ({
      budget,
      used: BigInt(used),
      limit: BigInt(limit),
    })),
  },
});

export const outcomeFrom = (outcome: Json<Outcome>): Outcome => {
  switch (outcome.kind) {
    case "authorized":
      return authorizedFrom(outcome);
    case "settled":
      return {
        ...outcome,
        amount: BigInt(outcome.amount),
        quantity: BigInt(outcome.quantity),
        further: outcome.further.map((quantity) => BigInt(quantity)),
        shortfall: BigInt(outcome.shortfall),
        held: BigInt(outcome.held),
        heldQuantity: BigInt(outcome.heldQuantity),
        available: BigInt(outcome.available),
      };
    case "booked":
      return {
        ...outcome,
        amount: BigInt(outcome.amount),
        shortfall: BigInt(outcome.shortfall),
      };
    case "conflict":
      return outcome;
  }
};

/** Of an authorization nearly every time, hence field by field: the language prints plain values faster than we do. */
export const legsJson = (legs: readonly Leg[]): Json<Leg>[] =>
  legs.map(({ walletAccount, ratio, pinned, settled, slices }) => ({
    walletAccount,
    ratio: { num: `${ratio.num}`, den: `${ratio.den}` },
    pinned: `${pinned}`,
    settled: `${settled}`,
    slices: slices.map(({ grant, held, consumed }) => ({
      grant,
      held: `${held}`,
      consumed: `${consumed}`,
    })),
  }));

const reasonJson = (reason: Reason): Json<Reason> => {
  switch (reason.code) {
    case "BUDGET_EXCEEDED":
      return {
        ...reason,
        limit: `${reason.limit}`,
        used: `${reason.used}`,
        requested: `${reason.requested}`,
      };
    case "DEBT_OUTSTANDING":
      return { ...reason, debt: `${reason.debt}` };
    case "INSUFFICIENT_FUNDS":
      return { ...reason, shortfall: `${reason.shortfall}` };
    case "UNKNOWN_CUSTOMER":
    case "NO_ENTITLEMENT":
    case "DENIED_POLICY":
    case "CANNOT_RATE":
    case "CONCURRENCY_EXCEEDED":
    case "RATE_LIMITED":
    case "ACCOUNT_FROZEN":
    case "UNCONTROLLED":
      return reason;
  }
};

export const authorizedJson = (answer: Authorized): Json<Authorized> => ({
  kind: answer.kind,
  id: answer.id,
  decision: answer.decision,
  reasons: answer.reasons.map(reasonJson),
  amount: `${answer.amount}`,
  asset: answer.asset,
  quantity: `${answer.quantity}`,
  lines: answer.lines.map(({ walletAccount, amount }) => ({ walletAccount, amount: `${amount}` })),
  held: `${answer.held}`,
  shortfall: `${answer.shortfall}`,
  remaining: {
    available: `${answer.remaining.available}`,
    budgets: answer.remaining.budgets.map(({ budget, used, limit }) => ({
      budget,
      used: `${used}`,
      limit: `${limit}`,
    })),
  },
  validUntil: answer.validUntil,
  isFinal: answer.isFinal,
  priceVersion: answer.priceVersion,
  isReplayed: answer.isReplayed,
});
