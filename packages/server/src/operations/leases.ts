import { randomUUID } from "node:crypto";
import type { z } from "zod";
import type { leaseReport } from "@turnpike/contract/authorization/request.ts";
import { fieldProblem, inPart } from "@turnpike/contract/problem.ts";
import type { Asset } from "@turnpike/engine/ledger/asset.ts";
import { keyOf } from "@turnpike/engine/ledger/decide.ts";
import type { Command, Spend } from "@turnpike/engine/ledger/request.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf, keepAsset } from "../authorization/amounts.ts";
import {
  asAuthorized,
  asSettled,
  authorizedReply,
  only,
  type Said,
  saidOfId,
  saidOfPart,
  settledReply,
  standingReply,
} from "../authorization/answers.ts";
import { fingerprintOf } from "../authorization/fingerprint.ts";
import type { Ledger } from "../authorization/ledger.ts";
import type { MeasuredUsage } from "../authorization/usage/measurements.ts";
import {
  currentLease,
  findLease,
  storedDecision,
  storedRow,
  unlessAnswered,
} from "../authorization/stored-authorizations.ts";
import { occurredAt, priceMeasured, refuseNegative } from "../authorization/usage-request.ts";
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
  const amount = await unlessAnswered(
    async () => {
      const asset = assetOf(configuration, body.asset);
      const atoms = atomsOf({ text: body.amount, field: "amount" }, asset);
      await keepAsset(ledger, orgId, asset.code);
      return atoms;
    },
    { stored: () => storedRow(ledger.pool, orgId, id), answered: 0n },
  );
  const command: Command = {
    kind: "openLease",
    id,
    fingerprint: fingerprintOf(["lease", body]),
    account,
    key: accessKey,
    asset: body.asset,
    amount,
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
  return named(settledReply(configuration, asSettled(only(outcomes, said)), row.answer));
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
  const at = occurredAt(usage, ledger.now());
  const priced = await priceMeasured(ledger, { orgId, at }, usage);
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
    fields: priced.dividingTexts,
  };
  return { spend, measured };
};

interface Spent {
  readonly spends: readonly Spend[];
  readonly usage: ReadonlyMap<string, MeasuredUsage>;
}

const nothingSpent: Spent = { spends: [], usage: new Map() };

const toSpends = async (
  ledger: Ledger,
  { orgId, row }: { readonly orgId: string; readonly row: Authorization },
  said: z.output<typeof leaseReport>["spends"],
): Promise<Spent> => {
  const { account, asset: code } = row.terms.spender;
  const asset = assetOf(await ledger.configurations.of(orgId), code);
  const spends: Spend[] = [];
  const usage = new Map<string, MeasuredUsage>();
  for (const [index, one] of said.entries()) {
    const field = `spends[${index}]`;
    if (usage.has(one.uid)) throw fieldProblem("VALIDATION_FAILED", `${field}.uid`, "is repeated");
    const told = await inPart(field, toSpend(ledger, orgId, { said: one, account, asset }));
    spends.push(told.spend);
    usage.set(one.uid, told.measured);
  }
  return { spends, usage };
};

export const reportLease: Handlers["reportLease"] = async ({ orgId, params, body }, { ledger }) => {
  const row = await findLease(ledger.pool, orgId, params["id"] ?? "");
  const about = {
    kind: "reportLease",
    id: row.id,
    fingerprint: fingerprintOf(["reportLease", row.id, body]),
    sequence: body.sequence,
    isFinal: body.final,
  } as const;
  const { spends, usage } = await unlessAnswered(
    () => toSpends(ledger, { orgId, row }, body.spends),
    {
      stored: () => storedDecision(ledger.pool, orgId, keyOf({ ...about, spends: [] })),
      answered: nothingSpent,
    },
  );
  const command = { ...about, spends };
  const said: Said = (refused) => {
    const nth = spends.findIndex(({ id }) => id === refused.id);
    const isSpend = refused.code === "ID_REUSED" && refused.state !== null && nth >= 0;
    if (isSpend) return { field: `spends[${nth}].uid`, message: "is taken" };
    return saidOfPart(body.sequence, saidOfId)(refused);
  };
  return onLease(ledger, { orgId, row }, { command, usage: [usage], said });
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
  const said = saidOfPart(body.sequence, saidOfRenewal);
  return onLease(ledger, { orgId, row }, { command, usage: [], said });
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
