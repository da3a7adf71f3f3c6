import { sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import type { DatabaseTransaction } from "../ports/database.ts";
import type { BillIdentity, PlannedBill } from "./planned-bills.ts";

/** Bills that one request calculates together: the same date, asked for in the same way. */
export interface Round {
  readonly request: BillJobRequest;
  readonly accountIds: readonly string[];
  readonly isWanted: (planned: PlannedBill) => boolean;
}

interface Stored {
  readonly account_id: string;
  readonly bill_date: string;
  readonly currency: string;
  readonly billing_frequency: string;
  readonly billing_interval: number;
  readonly request: BillJobRequest;
}

const keyOf = (identity: BillIdentity): string =>
  JSON.stringify([
    identity.accountId,
    identity.billDate,
    identity.currency,
    identity.frequency,
    identity.interval,
  ]);

const identityOf = (bill: Stored): BillIdentity => ({
  accountId: bill.account_id,
  billDate: bill.bill_date,
  currency: bill.currency,
  frequency: bill.billing_frequency,
  interval: bill.billing_interval,
});

/**
 * The bills asked for and the later ones of their accounts, which depend on them through draw-downs and prices that
 * span the plan, in date order; locked ones stay ([R], m3ter semantics 18.7).
 */
const billsToRecalculate = async (
  transaction: DatabaseTransaction,
  scope: { orgId: string; accountIds: readonly string[]; billIds: readonly string[] },
): Promise<Stored[]> => {
  const { orgId, accountIds, billIds } = scope;
  const { rows } = await sql<Stored>`
    WITH named AS (
      SELECT account_id, min(bill_date) AS since FROM bill
      WHERE org_id = ${orgId} AND account_id = ANY(${accountIds}::uuid[]) AND id::text = ANY(${billIds})
      GROUP BY account_id
    )
    SELECT account_id, bill_date, currency, billing_frequency, billing_interval, request
    FROM bill JOIN named USING (account_id)
    WHERE org_id = ${orgId} AND NOT is_locked AND (bill_date > since OR id::text = ANY(${billIds}))
    ORDER BY bill_date, id
  `.execute(transaction);
  return rows;
};

/** What calculates those bills again: each as the run asked that calculated it last, earlier dates first. */
export const recalculationRounds = async (
  transaction: DatabaseTransaction,
  scope: { orgId: string; accountIds: readonly string[]; billIds: readonly string[] },
): Promise<Round[]> => {
  const bills = await billsToRecalculate(transaction, scope);
  const rounds = Map.groupBy(bills, ({ bill_date, request }) =>
    JSON.stringify([bill_date, request]),
  );
  return [...rounds.values()].flatMap((together) => {
    const [first] = together;
    if (first === undefined) return [];
    const wanted = new Set(together.map((bill) => keyOf(identityOf(bill))));
    return {
      request: { ...first.request, billDate: first.bill_date },
      accountIds: [...new Set(together.map(({ account_id }) => account_id))],
      isWanted: ({ identity }: PlannedBill) => wanted.has(keyOf(identity)),
    };
  });
};

/** What of a run's request a later recalculation repeats: how it calculates, not what it selects. */
export const repeatable = (request: BillJobRequest): BillJobRequest => {
  const { dueDate, externalInvoiceDate, targetCurrency, currencyConversions } = request;
  const { timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch } = request;
  return {
    dueDate,
    externalInvoiceDate,
    targetCurrency,
    currencyConversions,
    timezone,
    yearEpoch,
    monthEpoch,
    weekEpoch,
    dayEpoch,
  };
};
