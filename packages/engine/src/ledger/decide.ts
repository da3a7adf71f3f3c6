import { authorize, deny, isReadOnly, isWellFormed, recordUsage } from "./authorize.ts";
import { absorbFork, changesOf, forkDraft, openDraft, type Draft } from "./draft.ts";
import { sweep } from "./expiry.ts";
import { extend } from "./extension.ts";
import { creditGrant, voidGrant } from "./grant-command.ts";
import { openLease, renewLease, reportLease } from "./lease.ts";
import { conflict, type Outcome } from "./outcome.ts";
import { partName } from "./part-name.ts";
import { refund } from "./refund.ts";
import type { Command, Linked, Request } from "./request.ts";
import { type Changes, type EpochMs, isLease, type LedgerState } from "./rows.ts";
import { updateSession } from "./session.ts";
import { settle, voidHold } from "./settlement.ts";
import { changePaymentMethod, creditTopUp, failTopUp, openTopUp, triggerTopUps } from "./top-up.ts";
import { trueUp } from "./true-up.ts";
import { setWallet } from "./wallet-account.ts";

export interface Decided {
  /** One per command, in order; a linked batch gives one per member. */
  readonly decisions: readonly Outcome[];
  readonly changes: Changes;
}

/**
 * Decides a batch in order over the touched rows of one organization. Pure: the same arguments give the
 * same rows. Server time never runs behind what the rows have seen (I23).
 */
export const decide = (state: LedgerState, requests: readonly Request[], now: EpochMs): Decided => {
  const draft = openDraft(state, latestOf(state.walletAccounts, now));
  sweep(draft);
  const decisions: Outcome[] = [];
  for (const request of requests) {
    if (request.kind === "linked") decisions.push(...runLinked(draft, request));
    else decisions.push(runOnce(draft, request));
  }
  triggerTopUps(draft);
  return { decisions, changes: changesOf(draft) };
};

/** Never behind what the accounts have seen (I23). */
export const latestOf = (walletAccounts: LedgerState["walletAccounts"], now: EpochMs): EpochMs => {
  let latest = now;
  for (const { seenAt } of walletAccounts.values()) if (seenAt > latest) latest = seenAt;
  return latest;
};

/** Answers a retry with what was answered first (I10); what is new is carried out. */
const runOnce = (draft: Draft, command: Command): Outcome => {
  if (isMisnamed(draft, command)) return conflict(command.id, "NOT_FOUND");
  const known = replayOf(draft, command);
  if (known !== undefined) return known;
  draft.transaction = keyOf(command);
  const outcome = carryOut(draft, command);
  if ((outcome.kind === "settled" || outcome.kind === "booked") && !isAlwaysNew(command))
    draft.decisions.put({
      id: draft.transaction,
      fingerprint: command.fingerprint,
      outcome,
      at: draft.now,
    });
  return outcome;
};

/** A lease is unknown to the commands of other authorizations, and they to a lease's. What either has taken can be refunded. */
const isMisnamed = (draft: Draft, command: Command): boolean => {
  const target = targetOf(command);
  const row = target === null ? undefined : draft.authorizations.get(target.id);
  return row !== undefined && isLease(row) !== target?.isLease;
};

/** The authorization that a command is about, and as what it names it; null where it is about none that is there. */
const targetOf = (command: Command): { readonly id: string; readonly isLease: boolean } | null => {
  switch (command.kind) {
    case "settle":
    case "void":
    case "extend":
    case "update":
      return { id: command.id, isLease: false };
    case "reportLease":
    case "renewLease":
    case "releaseLease":
      return { id: command.id, isLease: true };
    case "authorize":
    case "record":
    case "openLease":
    case "refund":
    case "grant":
    case "voidGrant":
    case "topUp":
    case "creditTopUp":
    case "failTopUp":
    case "trueUp":
    case "setWallet":
    case "changePaymentMethod":
      return null;
  }
};

export const refundKey = (id: string): string => `refund:${id}`;

/** Of a part by its name: what an authorization settled is found by the beginnings of these. */
export const partKey = (name: string): string => `part:${name}`;

/** What names a command for ever, unless it is always new. The parts of an authorization share one sequence. */
export const keyOf = (command: Command): string => {
  switch (command.kind) {
    case "settle":
    case "update":
    case "reportLease":
      return partKey(partName(command.id, command.sequence));
    case "extend":
      return command.sequence === null
        ? `extend:${command.id}`
        : `extend:${command.id}#${command.sequence}`;
    case "renewLease":
      return `extend:${command.id}#${command.sequence}`;
    case "void":
    case "releaseLease":
      return `void:${command.id}`;
    case "authorize":
    case "record":
    case "openLease":
      return `authorize:${command.id}`;
    case "refund":
      return refundKey(command.id);
    case "grant":
    case "voidGrant":
    case "topUp":
    case "creditTopUp":
    case "failTopUp":
    case "trueUp":
    case "setWallet":
    case "changePaymentMethod":
      return `${command.kind}:${command.id}`;
  }
};

/**
 * What sets a value does no harm when it is done again, and setting it back must not find the first answer. An extension
 * without a number is a heartbeat, which has the words of the one before.
 */
const isAlwaysNew = (command: Command): boolean =>
  command.kind === "setWallet" ||
  command.kind === "changePaymentMethod" ||
  command.kind === "trueUp" ||
  (command.kind === "extend" && command.sequence === null);

const replayOf = (draft: Draft, command: Command): Outcome | undefined => {
  if (command.kind === "authorize" && isReadOnly(command)) return undefined;
  const known = storedAnswer(draft, command);
  if (known === undefined) return undefined;
  if (known.fingerprint !== command.fingerprint) return conflict(command.id, "ID_REUSED");
  return known.outcome.kind === "conflict" ? known.outcome : { ...known.outcome, isReplayed: true };
};

const storedAnswer = (
  draft: Draft,
  command: Command,
): { readonly fingerprint: string; readonly outcome: Outcome } | undefined => {
  if (!isOpening(command)) return draft.decisions.get(keyOf(command));
  const row = draft.authorizations.get(command.id);
  return row === undefined
    ? undefined
    : { fingerprint: row.terms.fingerprint, outcome: row.answer };
};

/** The first answer of an authorization is kept in its own row: one row less per charge. */
export const isOpening = (command: Command): boolean =>
  command.kind === "authorize" || command.kind === "record" || command.kind === "openLease";

const carryOut = (draft: Draft, command: Command): Outcome => {
  switch (command.kind) {
    case "authorize":
      return isWellFormed(command) ? authorize(draft, command) : conflict(command.id, "INVALID");
    case "record":
      return recordUsage(draft, command);
    case "settle":
      return settle(draft, command);
    case "void":
    case "releaseLease":
      return voidHold(draft, command);
    case "extend":
      return extend(draft, command);
    case "update":
      return updateSession(draft, command);
    case "refund":
      return refund(draft, command);
    case "grant":
      return creditGrant(draft, command);
    case "voidGrant":
      return voidGrant(draft, command);
    case "setWallet":
      return setWallet(draft, command);
    case "topUp":
      return openTopUp(draft, command);
    case "creditTopUp":
      return creditTopUp(draft, command);
    case "failTopUp":
      return failTopUp(draft, command);
    case "changePaymentMethod":
      return changePaymentMethod(draft, command);
    case "openLease":
      return openLease(draft, command);
    case "reportLease":
      return reportLease(draft, command);
    case "renewLease":
      return renewLease(draft, command);
    case "trueUp":
      return trueUp(draft, command);
  }
};

/** All or nothing: the batch works on a fork, which counts only if nothing in it is refused. */
const runLinked = (draft: Draft, { commands }: Linked): Outcome[] => {
  const fork = forkDraft(draft);
  const outcomes: Outcome[] = [];
  for (const command of commands) {
    const outcome = runOnce(fork, command);
    outcomes.push(outcome);
    if (isRefused(outcome))
      return commands.map((each, at) => refuseLinked(draft, each, outcomes[at]));
  }
  absorbFork(draft, fork);
  return outcomes;
};

const isRefused = (outcome: Outcome): boolean =>
  outcome.kind === "conflict" || (outcome.kind === "authorized" && outcome.decision === "deny");

/** The member that failed keeps its reason, the others are denied because of it; all are remembered. */
const refuseLinked = (draft: Draft, command: Command, own: Outcome | undefined): Outcome => {
  const known = replayOf(draft, command);
  if (known !== undefined) return known;
  const failed = own !== undefined && isRefused(own) ? own : undefined;
  if (failed?.kind === "conflict") return failed;
  if (command.kind !== "authorize") return conflict(command.id, "LINKED_REQUEST_DENIED");
  const reasons = failed?.kind === "authorized" ? failed.reasons : linkedDenied;
  draft.transaction = keyOf(command);
  return deny(isReadOnly(command) ? forkDraft(draft) : draft, command, {
    reasons,
    reservations: [],
  });
};

const linkedDenied = [{ code: "DENIED_POLICY", policy: "LINKED" }] as const;
