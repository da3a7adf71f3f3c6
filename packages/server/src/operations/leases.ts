import { randomUUID } from "node:crypto";
import type { z } from "zod";
import type { leaseReport } from "@turnpike/contract/authorization/request.ts";
import { fieldProblem, inPart } from "@turnpike/contract/problem.ts";
import type { Asset } from "@turnpike/engine/ledger/asset.ts";
import type { Command, Spend } from "@turnpike/engine/ledger/request.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf } from "../authorization/amounts.ts";
import {
  asAuthorized,
  asSettled,
  authorizedReply,
  only,
  type Said,
  saidOfId,
  settledReply,
  standingReply,
} from "../authorization/answers.ts";
import { fingerprintOf } from "../authorization/fingerprint.ts";
import type { Ledger } from "../authorization/ledger.ts";
import type { MeasuredUsage } from "../authorization/measurements.ts";
import { currentLease, findLease } from "../authorization/stored-authorizations.ts";
import { priceMeasured, refuseNegative } from "../authorization/usage-request.ts";
import type { Work } from "../authorization/work.ts";
import type { Handlers } from "./handler.ts";

/** A lease is a hold under its own name (f.7): `id` is the authorization's uid. */
const named = <Reply extends { readonly uid: string }>({ uid, ...reply }: Reply) => ({
  id: uid,
  ...reply,
});

export const createLease: Handlers["createLease"] = async (
  { orgId, accessKey, body },
  { ledger },
) => {
  const { id = randomUUID(), account } = body;
  const configuration = await ledger.configurations.of(orgId);
  const asset = assetOf(configuration, body.asset);
  const command: Command = {
    kind: "openLease",
    id,
    fingerprint: fingerprintOf(["lease", body]),
    account,
    key: accessKey,
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
  { command, usage, said }: { command: Command; usage: Work["usage"]; said?: Said },
) => {
  const accounts = [row.terms.spender.account];
  const outcomes = await ledger.decide({ orgId, accounts, requests: [command], usage });
  const configuration = await ledger.configurations.of(orgId);
  return named(
    settledReply(configuration, asSettled(only(outcomes, said)), row.terms.spender.asset),
  );
};

/** What a client spent has its own amount; the usage is priced only to be metered. */
const toSpend = async (
  ledger: Ledger,
  orgId: string,
  {
    said,
    account,
    asset,
  }: {
    readonly said: z.output<typeof leaseReport>["spends"][number];
    readonly account: string;
    readonly asset: Asset;
  },
): Promise<{ readonly spend: Spend; readonly measured: MeasuredUsage }> => {
  const usage = { ...said, account, asset: asset.code };
  const priced = await priceMeasured(ledger, orgId, usage);
  const { quantity, price, measured } = priced;
  refuseNegative(measured);
  const spend: Spend = {
    id: said.uid,
    meter: said.meter,
    product: priced.productId ?? null,
    quantity,
    further: price.further.map((count) => count.quantity),
    units: [priced.unit, ...price.further.map((count) => count.unit)],
    amount: atomsOf({ text: said.amount, field: "amount" }, asset),
    occurredAt: priced.occurredAt,
    fields: priced.segmentTexts,
  };
  return { spend, measured };
};

export const reportLease: Handlers["reportLease"] = async ({ orgId, params, body }, { ledger }) => {
  const row = await findLease(ledger.pool, orgId, params["id"] ?? "");
  const asset = assetOf(await ledger.configurations.of(orgId), row.terms.spender.asset);
  const spends: Spend[] = [];
  const usage = new Map<string, MeasuredUsage>();
  for (const [index, said] of body.spends.entries()) {
    const field = `spends[${index}]`;
    if (usage.has(said.uid)) throw fieldProblem("VALIDATION_FAILED", `${field}.uid`, "is repeated");
    const { account } = row.terms.spender;
    const told = await inPart(field, toSpend(ledger, orgId, { said, account, asset }));
    spends.push(told.spend);
    usage.set(said.uid, told.measured);
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

const saidOfRenewal: Said = (refused) =>
  refused.code === "BUDGET_EXCEEDED"
    ? { field: "id", message: "may spend no more of what a hard budget counts" }
    : saidOfId(refused);

export const renewLease: Handlers["renewLease"] = async ({ orgId, params, body }, { ledger }) => {
  const row = await findLease(ledger.pool, orgId, params["id"] ?? "");
  const command: Command = {
    kind: "renewLease",
    id: row.id,
    fingerprint: fingerprintOf(["renewLease", row.id, body]),
    sequence: body.sequence,
    ttlMs: body.ttlSeconds * 1000,
  };
  return onLease(ledger, { orgId, row }, { command, usage: [], said: saidOfRenewal });
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
