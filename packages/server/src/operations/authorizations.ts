import { fieldProblem, inPart } from "@turnpike/contract/problem.ts";
import { conflict } from "@turnpike/engine/ledger/outcome.ts";
import { partName } from "@turnpike/engine/ledger/part-name.ts";
import type { Command, Refund, Request } from "@turnpike/engine/ledger/request.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf } from "../authorization/amounts.ts";
import {
  amountText,
  asAuthorized,
  asBooked,
  asSettled,
  authorizedReply,
  only,
  refusalOf,
  type Said,
  saidOfPart,
  saidOfUid,
  settledReply,
  standingReply,
} from "../authorization/answers.ts";
import { fingerprintOf } from "../authorization/fingerprint.ts";
import type { Ledger } from "../authorization/ledger.ts";
import { toAuthorize, toUpdate, toUsed } from "../authorization/requests.ts";
import {
  currentAuthorization,
  type Find,
  findEither,
  findAuthorization,
  storedRow,
} from "../authorization/stored-authorizations.ts";
import { shortUid } from "../authorization/usage/batch-usage.ts";
import { markIn } from "../authorization/usage/measurement-ids.ts";
import { undoingOf } from "../authorization/usage/undone-usage.ts";
import { chargedBeside, lastAmendment } from "../authorization/usage/usage-corrections.ts";
import type { CommandUsage } from "../authorization/work.ts";
import type { Handlers } from "./handler.ts";

export const authorize: Handlers["authorize"] = async ({ orgId, accessKey, body }, { ledger }) => {
  const { command, usage } = await toAuthorize(ledger, { orgId, accessKey }, body);
  const outcomes = await ledger.decide({
    orgId,
    accounts: [body.account],
    requests: [command],
    usage: [usage],
  });
  const configuration = await ledger.configurations.of(orgId);
  return authorizedReply(configuration, asAuthorized(only(outcomes, saidOfUid)));
};

export const authorizeBatch: Handlers["authorizeBatch"] = async (
  { orgId, accessKey, body },
  { ledger },
) => {
  const asked = await Promise.all(
    body.authorizations.map((one, nth) =>
      inPart(`authorizations[${nth}]`, toAuthorize(ledger, { orgId, accessKey }, one)),
    ),
  );
  const commands = asked.map(({ command }) => command);
  const requests: Request[] = body.linked ? [{ kind: "linked", commands }] : commands;
  const usage = asked.map((one) => one.usage);
  const accounts = [...new Set(commands.map(({ account }) => account))];
  const outcomes = await ledger.decide({ orgId, accounts, requests, usage });
  const configuration = await ledger.configurations.of(orgId);
  return {
    authorizations: outcomes.map((outcome) => {
      if (outcome.kind !== "conflict") return authorizedReply(configuration, asAuthorized(outcome));
      const { code, message } = refusalOf(outcome, saidOfUid);
      return { uid: outcome.id, errorCode: code, message };
    }),
  };
};

/** Carries out a command on an authorization that exists. */
const onAuthorization = async (
  ledger: Ledger,
  { orgId, row }: { readonly orgId: string; readonly row: Authorization },
  {
    command,
    usage = new Map(),
    said = saidOfUid,
  }: { readonly command: Command; readonly usage?: CommandUsage; readonly said?: Said },
) => {
  const accounts = [row.terms.spender.account];
  const outcomes = await ledger.decide({ orgId, accounts, requests: [command], usage: [usage] });
  const configuration = await ledger.configurations.of(orgId);
  return settledReply(configuration, asSettled(only(outcomes, said)), row.answer);
};

export const getAuthorization: Handlers["getAuthorization"] = async (
  { orgId, params },
  { ledger },
) => {
  const row = await currentAuthorization(ledger, orgId, params["uid"] ?? "");
  return standingReply(await ledger.configurations.of(orgId), row);
};

/**
 * An authorization that was not denied: one that was has no price, and perhaps no asset, that amounts could be read in. It
 * stays denied, so that no lock is needed to refuse what comes after.
 */
const findAllowed = async (
  { pool }: Ledger,
  orgId: string,
  {
    uid = "",
    said = saidOfUid,
    find = findAuthorization,
  }: { readonly uid: string | undefined; readonly said?: Said; readonly find?: Find },
): Promise<Authorization> => {
  const row = await find(pool, orgId, uid);
  if (row.state !== "DENIED") return row;
  throw refusalOf(conflict(row.id, "WRONG_STATE", row.state), said);
};

export const settleAuthorization: Handlers["settleAuthorization"] = async (
  { orgId, params, body },
  { ledger },
) => {
  const row = await findAllowed(ledger, orgId, { uid: params["uid"] });
  const { used, measured } = await toUsed(ledger, orgId, {
    row,
    used: body,
    hasHappened: true,
  });
  const command: Command = {
    kind: "settle",
    id: row.id,
    fingerprint: fingerprintOf(["settle", row.id, body]),
    sequence: body.sequence,
    used,
    isFinal: body.final,
  };
  const usage = new Map([[partName(row.id, body.sequence), measured]]);
  const said = saidOfPart(body.sequence, saidOfUid);
  return onAuthorization(ledger, { orgId, row }, { command, usage, said });
};

export const voidAuthorization: Handlers["voidAuthorization"] = async (
  { orgId, params },
  { ledger },
) => {
  const row = await findAuthorization(ledger.pool, orgId, params["uid"] ?? "");
  const fingerprint = fingerprintOf(["void", row.id]);
  return onAuthorization(
    ledger,
    { orgId, row },
    { command: { kind: "void", id: row.id, fingerprint } },
  );
};

/** Why no more is held, of what was asked for. */
const saidOfAddAmount: Readonly<Record<string, string>> = {
  ACCOUNT_FROZEN: "must be 0 while the account is frozen",
  DEBT_OUTSTANDING: "must be 0 while the account owes",
  INSUFFICIENT_FUNDS: "is more than can be held",
  BUDGET_EXCEEDED: "is more than a hard budget has room for",
};

const saidOfExtension: Said = (refused) => {
  const message = saidOfAddAmount[refused.code];
  return message === undefined ? saidOfUid(refused) : { field: "addAmount", message };
};

export const extendAuthorization: Handlers["extendAuthorization"] = async (
  { orgId, params, body },
  { ledger },
) => {
  const row = await findAllowed(ledger, orgId, { uid: params["uid"] });
  const asset = assetOf(await ledger.configurations.of(orgId), row.terms.spender.asset);
  const addAmount = atomsOf({ text: body.addAmount ?? "0", field: "addAmount" }, asset);
  const command: Command = {
    kind: "extend",
    id: row.id,
    fingerprint: fingerprintOf(["extend", row.id, body]),
    sequence: body.sequence ?? null,
    ttlMs: body.ttlSeconds * 1000,
    addAmount,
  };
  const said = saidOfPart(body.sequence, saidOfExtension);
  return onAuthorization(ledger, { orgId, row }, { command, said });
};

export const updateAuthorization: Handlers["updateAuthorization"] = async (
  { orgId, params, body },
  { ledger },
) => {
  const row = await findAllowed(ledger, orgId, { uid: params["uid"] });
  const asked = await toUpdate(ledger, orgId, { row, body });
  const said = saidOfPart(body.sequence, saidOfUid);
  return onAuthorization(ledger, { orgId, row }, { ...asked, said });
};

/** Only what is to be refunded has a state. */
const saidOfRefund: Said = (refused) => ({
  ...saidOfUid(refused),
  ...(refused.state === null ? {} : { field: "of" }),
});

const findRefundable = async (
  ledger: Ledger,
  orgId: string,
  uid: string,
): Promise<Authorization> => {
  const mark = markIn(uid);
  if (mark !== undefined) throw fieldProblem("VALIDATION_FAILED", "of", `must not contain ${mark}`);
  // What an amended measurement was charged at first has been given back.
  const amended = await lastAmendment(ledger, orgId, shortUid(uid));
  if (amended !== undefined) return amended.row;
  const own = await storedRow(ledger.pool, orgId, uid);
  const beside = own?.settled === 0n ? await chargedBeside(ledger, orgId, uid) : undefined;
  return beside ?? findAllowed(ledger, orgId, { uid, said: saidOfRefund, find: findEither });
};

export const createRefund: Handlers["createRefund"] = async ({ orgId, body }, { ledger }) => {
  const row = await findRefundable(ledger, orgId, body.of);
  const { account, asset } = row.terms.spender;
  const configuration = await ledger.configurations.of(orgId);
  const command: Refund = {
    kind: "refund",
    id: body.uid,
    fingerprint: fingerprintOf(["refund", body]),
    of: row.id,
    amount:
      body.amount === undefined
        ? null
        : atomsOf({ text: body.amount, field: "amount" }, assetOf(configuration, asset)),
    quantities: null,
    isMetered: true,
    ...(await undoingOf(ledger, orgId, row)),
  };
  const outcome = only(
    await ledger.decide({
      orgId,
      accounts: [account],
      requests: [command],
      usage: [],
    }),
    saidOfRefund,
  );
  const { amount, shortfall, isReplayed } = asBooked(outcome);
  return {
    uid: body.uid,
    of: body.of,
    asset,
    amount: amountText(configuration, asset, amount),
    unfunded: amountText(configuration, asset, shortfall),
    replayed: isReplayed,
  };
};
