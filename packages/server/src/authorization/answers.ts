import { type FieldError, Problem } from "@turnpike/contract/problem.ts";
import { formatAtoms, quantityScale } from "@turnpike/engine/ledger/asset.ts";
import type {
  Authorized,
  Booked,
  BudgetName,
  Conflict,
  Outcome,
  Reason,
  Settled,
} from "@turnpike/engine/ledger/outcome.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import type { Configuration } from "./configuration.ts";
import { assetIn } from "./rows/purse.ts";

/** Outcomes in the words of the API: decimal texts and ISO instants. */

export const timeText = (at: number | null): string | undefined =>
  at === null ? undefined : new Date(at).toISOString();

export const quantityText = (quantity: bigint): string => formatAtoms(quantity, quantityScale);

/** An amount of an asset; of one that is unknown, as its atoms. */
export const amountText = ({ assets }: Configuration, asset: string, atoms: bigint): string =>
  formatAtoms(atoms, assets.get(asset)?.scale ?? 0);

const budgetText = (
  configuration: Configuration,
  { unit }: BudgetName,
  { asset, atoms }: { readonly asset: string; readonly atoms: bigint },
): string => (unit === null ? amountText(configuration, asset, atoms) : quantityText(atoms));

const reasonReply = (configuration: Configuration, reason: Reason, asset: string) => {
  switch (reason.code) {
    case "BUDGET_EXCEEDED": {
      const text = (atoms: bigint): string =>
        budgetText(configuration, reason.budget, { asset, atoms });
      return {
        code: reason.code,
        budgetId: reason.budget.id,
        budget: reason.budget.code,
        scope: reason.scope,
        limit: text(reason.limit),
        used: text(reason.used),
        requested: text(reason.requested),
      };
    }
    case "RATE_LIMITED":
      return { ...reason, retryAt: timeText(Math.min(reason.retryAt, farthestMs)) };
    case "DEBT_OUTSTANDING":
      return { ...reason, debt: amountText(configuration, reason.asset, reason.debt) };
    case "INSUFFICIENT_FUNDS":
      return { ...reason, shortfall: amountText(configuration, reason.asset, reason.shortfall) };
    case "UNKNOWN_CUSTOMER":
    case "NO_ENTITLEMENT":
    case "DENIED_POLICY":
    case "CANNOT_RATE":
    case "CONCURRENCY_EXCEEDED":
    case "ACCOUNT_FROZEN":
    case "UNCONTROLLED":
      return reason;
  }
};

/** The last instant that an ISO text of four digits of the year can say. */
const farthestMs = 253_402_300_799_999;

/**
 * How much may be used: a quantity, or money where no quantity was asked for at an explicit price, as RFC 8506 grants units of
 * service or CC-Money.
 */
const grantedText = (
  configuration: Configuration,
  { asset, priceVersion, quantity }: Authorized,
  granted: { readonly quantity: bigint; readonly amount: bigint },
): string =>
  priceVersion === null && quantity === 0n && granted.quantity === 0n
    ? amountText(configuration, asset, granted.amount)
    : quantityText(granted.quantity);

export const authorizedReply = (configuration: Configuration, answer: Authorized) => {
  const { asset } = answer;
  const text = (atoms: bigint): string => amountText(configuration, asset, atoms);
  return {
    uid: answer.id,
    decision: answer.decision,
    reasons: answer.reasons.map((reason) => reasonReply(configuration, reason, asset)),
    granted: grantedText(configuration, answer, answer),
    amount: text(answer.amount),
    asset,
    lines: answer.lines.map((line) => {
      const paying = assetIn(line.walletAccount);
      return { asset: paying, amount: amountText(configuration, paying, line.amount) };
    }),
    holds: text(answer.held),
    shortfall: text(answer.shortfall),
    remaining: {
      account: text(answer.remaining.available),
      budgets: answer.remaining.budgets.map(({ budget, used, limit }) => ({
        budgetId: budget.id,
        budget: budget.code,
        used: budgetText(configuration, budget, { asset, atoms: used }),
        limit: budgetText(configuration, budget, { asset, atoms: limit }),
      })),
    },
    validUntil: timeText(answer.validUntil),
    final: answer.isFinal,
    replayed: answer.isReplayed,
    priceVersion: answer.priceVersion ?? undefined,
  };
};

/** An authorization as it stands. */
export const standingReply = (configuration: Configuration, row: Authorization) => {
  const { spender } = row.terms;
  const text = (atoms: bigint): string => amountText(configuration, spender.asset, atoms);
  const { reasons, decision } = authorizedReply(configuration, row.answer);
  return {
    uid: row.id,
    account: spender.account,
    meter: spender.meter ?? undefined,
    mode: row.terms.mode,
    state: row.state,
    decision,
    reasons,
    amount: text(row.answer.amount),
    asset: spender.asset,
    holds: text(row.held),
    granted: grantedText(configuration, row.answer, heldOf(row)),
    settled: text(row.settled),
    settledQuantity: quantityText(row.settledQuantity),
    refunded: text(row.refunded),
    shortfall: text(row.shortfall),
    debt: text(row.debt),
    validUntil: timeText(row.validUntil),
    priceVersion: row.terms.priceVersion ?? undefined,
    authorizedAt: timeText(row.terms.authorizedAt),
    ts: timeText(row.terms.occurredAt),
  };
};

const heldOf = ({ held, heldQuantity }: Pick<Settled, "held" | "heldQuantity">) => ({
  quantity: heldQuantity,
  amount: held,
});

/** Of a part of what was authorized. */
export const settledReply = (
  configuration: Configuration,
  answer: Settled,
  authorized: Authorized,
) => {
  const { asset } = authorized;
  const text = (atoms: bigint): string => amountText(configuration, asset, atoms);
  return {
    uid: answer.id,
    state: answer.state,
    amount: text(answer.amount),
    quantity: quantityText(answer.quantity),
    shortfall: text(answer.shortfall),
    asset,
    holds: text(answer.held),
    granted: grantedText(configuration, authorized, heldOf(answer)),
    remaining: { account: text(answer.available) },
    validUntil: timeText(answer.validUntil),
    final: answer.isFinal,
    replayed: answer.isReplayed,
  };
};

/** The outcome of a single command; a conflict is the caller's misuse and becomes the refusal of the request. */
export const only = (
  outcomes: readonly Outcome[],
  said: Said = saidOfId,
): Exclude<Outcome, Conflict> => {
  const [outcome] = outcomes;
  if (outcome === undefined) throw new Error("a command has an outcome");
  if (outcome.kind === "conflict") throw refusalOf(outcome, said);
  return outcome;
};

/** What a conflict says of which field of its request. */
export type Said = (conflict: Conflict) => FieldError;

const saidOf =
  (field: "id" | "uid"): Said =>
  ({ id, code, state }) => ({
    field: code === "INVALID" ? "body" : field,
    message: state === null ? `is ${id}` : `${id} is ${state}`,
  });

export const saidOfId = saidOf("id");
export const saidOfUid = saidOf("uid");

/** Of a part of what exists: its sequence is what was used before. */
export const saidOfPart =
  (sequence: number | undefined, said: Said): Said =>
  (refused) =>
    refused.code === "ID_REUSED" && sequence !== undefined
      ? { field: "sequence", message: `is ${sequence}` }
      : said(refused);

export const refusalOf = (conflict: Conflict, said: Said = saidOfId): Problem => {
  const code = conflict.code === "INVALID" ? "VALIDATION_FAILED" : conflict.code;
  return new Problem(code, [said(conflict)]);
};

const unexpected = (outcome: Outcome): Error => new Error(`${outcome.kind} is no answer to this`);

export const asAuthorized = (outcome: Outcome): Authorized => {
  if (outcome.kind === "authorized") return outcome;
  throw unexpected(outcome);
};
export const asSettled = (outcome: Outcome): Settled => {
  if (outcome.kind === "settled") return outcome;
  throw unexpected(outcome);
};
export const asBooked = (outcome: Outcome): Booked => {
  if (outcome.kind === "booked") return outcome;
  throw unexpected(outcome);
};
