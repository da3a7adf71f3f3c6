import { randomUUID } from "node:crypto";
import type { TrueUp } from "@turnpike/engine/ledger/request.ts";
import { trueUpFingerprint } from "@turnpike/engine/ledger/true-up.ts";
import type { LedgerState, PeriodPaid } from "@turnpike/engine/ledger/rows.ts";
import type { RatedPeriod, Wallets } from "../../ports/wallets.ts";
import {
  type PeriodPaidColumns,
  periodPaidFrom,
  periodPaidStatement,
} from "../../records/wallet-debits.ts";
import type { Ledger } from "../ledger.ts";
import type { Reader } from "../rows/reader.ts";

/** Settles with wallets at the close of a period: one decision for each, which sets a sum and may be repeated. */
export const createWallets = (ledger: Ledger): Wallets => ({
  trueUp: async (orgId, periods) => {
    const moved: (typeof periods)[number][] = [];
    for (const period of periods) {
      const command = await commandFor(ledger, orgId, period);
      if (command === undefined) continue;
      const accounts = [...new Set([command.account, ...command.accounts])];
      const [outcome] = await ledger.decide({
        orgId,
        accounts,
        requests: [command],
        usage: [],
      });
      if (outcome?.kind === "conflict") moved.push(period);
    }
    return moved;
  },
});

/** Undefined where nothing is left to settle. */
const commandFor = async (
  ledger: Ledger,
  orgId: string,
  { payer, accounts, meters, product, asset, period, onlyForPlan, rated, paid }: RatedPeriod,
): Promise<TrueUp | undefined> => {
  const excess = paid.debited + paid.shortfall - rated;
  if (excess === 0n) return undefined;
  const start = period.start.epochMilliseconds;
  const between = { start, end: period.end.epochMilliseconds };
  const asked = { accounts, meters, asset, period: between, onlyForPlan };
  return {
    ...asked,
    kind: "trueUp",
    // A name of its own each time: what it does is fixed by the sum that it sets.
    id: `true-up/${meters[0]}/${period.start.toString()}/${randomUUID()}`,
    fingerprint: trueUpFingerprint,
    account: payer,
    product,
    rated,
    paid,
    settleOverage: "debt",
    authorizations: excess > 0n ? await givingBack(ledger, orgId, { ...asked, excess }) : [],
  };
};

/**
 * The period's authorizations, newest first, as far as they reach to give back both what nobody paid and money. Grants were
 * consumed as they were decided, whenever the usage occurred.
 */
const givingBack = async (
  { pool }: Ledger,
  orgId: string,
  asked: Pick<TrueUp, "accounts" | "meters" | "asset" | "period" | "onlyForPlan"> & {
    readonly excess: bigint;
  },
): Promise<string[]> => {
  const { rows } = await pool.query<{ id: string }>({
    name: "ledger-giving-back",
    text: `SELECT id FROM (
             SELECT id, shortfall, debited AS paid, sum(shortfall) OVER newest - shortfall AS shortfall_before,
               sum(debited) OVER newest - debited AS paid_before, authorized_at, occurred_at
             FROM usage_payment
             WHERE org_id = $1 AND account = ANY($2) AND occurred_at >= $3 AND occurred_at < $4
               AND meter = ANY($5) AND asset = $6 AND (NOT $8::boolean OR is_for_plan)
               AND state NOT IN ('HELD', 'DENIED')
             WINDOW newest AS (ORDER BY authorized_at DESC, occurred_at DESC, id DESC)
           ) AS own
           WHERE (shortfall > 0 AND shortfall_before < $7) OR (paid > 0 AND paid_before < $7)
           ORDER BY authorized_at DESC, occurred_at DESC, id DESC`,
    values: [
      orgId,
      asked.accounts,
      asked.period.start,
      asked.period.end,
      asked.meters,
      asked.asset,
      asked.excess.toString(),
      asked.onlyForPlan,
    ],
  });
  return rows.map(({ id }) => id);
};

/** What each true-up's period was settled at, under the accounts' locks. */
export const loadPeriodsPaid = async (
  { packet, orgId }: Reader,
  trueUps: Iterable<TrueUp>,
): Promise<LedgerState["periodsPaid"]> => {
  const load = async ({
    id,
    accounts,
    meters,
    asset,
    period,
    onlyForPlan,
  }: TrueUp): Promise<[string, PeriodPaid]> => {
    const asked = { orgId, accounts, meters, asset, period, onlyForPlan };
    const { text, values } = periodPaidStatement(asked);
    const named = { name: "ledger-period-paid", text, values };
    return [id, periodPaidFrom(await packet.rows<PeriodPaidColumns>(named))];
  };
  return new Map(await Promise.all([...trueUps].map(load)));
};
