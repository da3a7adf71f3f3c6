import { randomUUID } from "node:crypto";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import { assetOf, atomsOf, keepAsset } from "../authorization/amounts.ts";
import { amountText, asBooked, only, type Said, saidOfId } from "../authorization/answers.ts";
import type { Configuration } from "../authorization/configuration.ts";
import { fingerprintOf } from "../authorization/fingerprint.ts";
import { keyedPage } from "../authorization/keyed-page.ts";
import type { Ledger } from "../authorization/ledger.ts";
import type { TopUpColumns } from "../authorization/rows/stored-rows.ts";
import type { Handlers } from "./handler.ts";

const findTopUp = async (ledger: Ledger, orgId: string, id: string): Promise<TopUpColumns> => {
  const text = "SELECT * FROM top_up WHERE org_id = $1 AND id = $2";
  const { rows } = await ledger.pool.query<TopUpColumns>(text, [orgId, id]);
  if (rows[0] === undefined) throw new Problem("NOT_FOUND");
  return rows[0];
};

const topUpReply = (configuration: Configuration, row: TopUpColumns) => ({
  id: row.id,
  account: row.account,
  asset: row.asset,
  creditAmount: amountText(configuration, row.asset, BigInt(row.credit_amount)),
  chargeAmount: row.charge_amount,
  state: row.state,
  autoTopUpId: row.rule_id ?? undefined,
  payment: row.payment ?? undefined,
});

const carryOut = async (
  ledger: Ledger,
  orgId: string,
  {
    account,
    command,
    said,
  }: { readonly account: string; readonly command: Command; readonly said?: Said },
) => {
  const work = { orgId, accounts: [account], requests: [command], usage: [] };
  asBooked(only(await ledger.decide(work), said));
  const configuration = await ledger.configurations.of(orgId);
  return topUpReply(configuration, await findTopUp(ledger, orgId, command.id));
};

export const createTopUp: Handlers["createTopUp"] = async ({ orgId, body }, { ledger }) => {
  const { id = randomUUID(), account, asset: code, creditAmount } = body;
  if (!(await ledger.customers.idsOf(orgId, [account])).has(account))
    throw fieldProblem("REFERENCE_NOT_FOUND", "account", `names no account: ${account}`);
  const asset = assetOf(await ledger.configurations.of(orgId), code);
  const command: Command = {
    kind: "topUp",
    id,
    fingerprint: fingerprintOf(["topUp", body]),
    account,
    asset: code,
    creditAmount: atomsOf({ text: creditAmount, field: "creditAmount" }, asset),
    chargeAmount: body.chargeAmount ?? creditAmount,
  };
  await keepAsset(ledger, orgId, code);
  return carryOut(ledger, orgId, { account, command });
};

export const listTopUps: Handlers["listTopUps"] = async ({ orgId, query }, { ledger }) => {
  const configuration = await ledger.configurations.of(orgId);
  const page = await keyedPage<TopUpColumns>(ledger.pool, "top_up", { orgId, ...query });
  return { ...page, data: page.data.map((row) => topUpReply(configuration, row)) };
};

export const getTopUp: Handlers["getTopUp"] = async ({ orgId, params }, { ledger }) => {
  const row = await findTopUp(ledger, orgId, params["id"] ?? "");
  return topUpReply(await ledger.configurations.of(orgId), row);
};

export const confirmTopUp: Handlers["confirmTopUp"] = async (
  { orgId, params, body },
  { ledger },
) => {
  const { id, account } = await findTopUp(ledger, orgId, params["id"] ?? "");
  const fingerprint = fingerprintOf(["creditTopUp", id, body]);
  const { payment } = body;
  const command: Command = { kind: "creditTopUp", id, fingerprint, payment };
  const said: Said = (refused) =>
    refused.code === "PAYMENT_ALREADY_CREDITED"
      ? { field: "payment", message: `is ${payment}` }
      : saidOfId(refused);
  return carryOut(ledger, orgId, { account, command, said });
};

export const failTopUp: Handlers["failTopUp"] = async ({ orgId, params }, { ledger }) => {
  const { id, account } = await findTopUp(ledger, orgId, params["id"] ?? "");
  const command: Command = { kind: "failTopUp", id, fingerprint: fingerprintOf(["failTopUp", id]) };
  return carryOut(ledger, orgId, { account, command });
};
