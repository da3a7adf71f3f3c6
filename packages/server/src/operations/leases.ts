import { randomUUID } from "node:crypto";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Command, Spend } from "@turnpike/engine/ledger/request.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf } from "../authorization/amounts.ts";
import {
  asAuthorized,
  asSettled,
  authorizedReply,
  only,
  settledReply,
  standingReply,
} from "../authorization/answers.ts";
import { fingerprintOf } from "../authorization/fingerprint.ts";
import type { Ledger } from "../authorization/ledger.ts";
import type { MeasuredUsage } from "../authorization/measurements.ts";
import { currentLease, findLease } from "../authorization/stored-authorizations.ts";
import { priceUsage } from "../authorization/usage-request.ts";
import type { Work } from "../authorization/work.ts";
import type { Handlers } from "./handler.ts";

/** A lease is a hold under its own name (f.7): `id` is the authorization's uid. */
const named = <Reply extends { readonly uid: string }>({ uid, ...reply }: Reply) => ({
  id: uid,
  ...reply,
});

export const createLease: Handlers["createLease"] = async ({ orgId, body }, { ledger }) => {
  const { id = randomUUID(), account } = body;
  const configuration = await ledger.configurations.of(orgId);
  const asset = assetOf(configuration, body.asset);
  const command: Command = {
    kind: "openLease",
    id,
    fingerprint: fingerprintOf(["lease", body]),
    account,
    asset: asset.code,
    amount: atomsOf({ text: body.amount, field: "amount" }, asset),
    ttlMs: body.ttlSeconds * 1000,
    onExpiry: body.onExpiry,
    settleOverage: body.settleOverage,
  };
  const work = { orgId, accounts: [account], requests: [command], usage: [] };
  const outcome = asAuthorized(only(await ledger.decide(work)));
  return named(authorizedReply(configuration, outcome));
};

export const getLease: Handlers["getLease"] = async ({ orgId, params }, { ledger }) => {
  const row = await currentLease(ledger, orgId, params["id"] ?? "");
  return named(standingReply(await ledger.configurations.of(orgId), row));
};

const onLease = async (
  ledger: Ledger,
  { orgId, row }: { readonly orgId: string; readonly row: Authorization },
  { command, usage }: { command: Command; usage: Work["usage"] },
) => {
  const accounts = [row.terms.spender.account];
  const outcomes = await ledger.decide({ orgId, accounts, requests: [command], usage });
  const configuration = await ledger.configurations.of(orgId);
  return named(settledReply(configuration, asSettled(only(outcomes)), row.terms.spender.asset));
};

export const reportLease: Handlers["reportLease"] = async ({ orgId, params, body }, { ledger }) => {
  const row = await findLease(ledger.pool, orgId, params["id"] ?? "");
  const asset = assetOf(await ledger.configurations.of(orgId), row.terms.spender.asset);
  const spends: Spend[] = [];
  const usage = new Map<string, MeasuredUsage>();
  for (const [index, spend] of body.spends.entries()) {
    const field = `spends[${index}]`;
    if (usage.has(spend.uid))
      throw fieldProblem("VALIDATION_FAILED", `${field}.uid`, "is repeated");
    const priced = await priceUsage(ledger, orgId, {
      ...spend,
      account: row.terms.spender.account,
      asset: asset.code,
    });
    const amount = atomsOf({ text: spend.amount, field: `${field}.amount` }, asset);
    const { quantity, occurredAt, measured } = priced;
    const further = measured.counted.slice(1).map((counted) => counted.quantity);
    spends.push({ id: spend.uid, meter: spend.meter, quantity, further, amount, occurredAt });
    usage.set(spend.uid, measured);
  }
  const command: Command = {
    kind: "reportLease",
    id: row.id,
    fingerprint: fingerprintOf(["reportLease", row.id, body]),
    sequence: body.sequence,
    spends,
    isFinal: body.final,
  };
  return onLease(ledger, { orgId, row }, { command, usage: [usage] });
};

export const renewLease: Handlers["renewLease"] = async ({ orgId, params, body }, { ledger }) => {
  const row = await findLease(ledger.pool, orgId, params["id"] ?? "");
  const command: Command = {
    kind: "renewLease",
    id: row.id,
    fingerprint: fingerprintOf(["renewLease", row.id, body]),
    sequence: body.sequence,
    ttlMs: body.ttlSeconds * 1000,
  };
  return onLease(ledger, { orgId, row }, { command, usage: [] });
};

export const releaseLease: Handlers["releaseLease"] = async ({ orgId, params }, { ledger }) => {
  const row = await findLease(ledger.pool, orgId, params["id"] ?? "");
  const fingerprint = fingerprintOf(["releaseLease", row.id]);
  return onLease(
    ledger,
    { orgId, row },
    { command: { kind: "releaseLease", id: row.id, fingerprint }, usage: [] },
  );
};
