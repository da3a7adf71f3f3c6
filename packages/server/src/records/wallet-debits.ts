import { sql } from "kysely";
import type { Database, DatabaseTransaction } from "../ports/database.ts";

/** What a wallet paid for the usage of one meter, in atoms of the asset of the price; debt counts as paid. */
export interface WalletDebit {
  /** The meter's id. */
  readonly meterId: string;
  readonly asset: string;
  /** Digits after the point of one atom. */
  readonly scale: number;
  readonly amount: bigint;
}

export interface DebitQuestion {
  readonly orgId: string;
  /** The account's code. */
  readonly account: string;
  readonly period: { readonly start: Temporal.Instant; readonly end: Temporal.Instant };
}

/**
 * The wallet debits of an account and period by meter, net of refunds: an authorization belongs to the period in which
 * its usage occurred, whenever it was settled (authorization semantics f.10.4).
 */
export const walletDebits = async (
  reader: Database | DatabaseTransaction,
  { orgId, account, period }: DebitQuestion,
): Promise<WalletDebit[]> => {
  const start = period.start.epochMilliseconds;
  const end = period.end.epochMilliseconds;
  const { rows } = await sql<{ meter_id: string; asset: string; scale: number; amount: string }>`
    WITH paid AS (
      SELECT terms::json->'spender'->>'meter' AS meter, terms::json->'spender'->>'asset' AS asset,
        settled - refunded - shortfall AS amount
      FROM ledger_authorization
      WHERE org_id = ${orgId} AND account = ${account} AND occurred_at >= ${start} AND occurred_at < ${end}
      UNION ALL
      SELECT meter, asset, amount FROM lease_spend
      WHERE org_id = ${orgId} AND account = ${account} AND occurred_at >= ${start} AND occurred_at < ${end}
    )
    SELECT meter.id AS meter_id, paid.asset, (asset.document->>'scale')::integer AS scale,
      sum(paid.amount) AS amount
    FROM paid
    JOIN record AS meter ON meter.org_id = ${orgId} AND meter.kind = 'meter' AND meter.code = paid.meter
    JOIN record AS asset ON asset.org_id = ${orgId} AND asset.kind = 'asset' AND asset.code = paid.asset
    GROUP BY 1, 2, 3 HAVING sum(paid.amount) > 0 ORDER BY 1, 2
  `.execute(reader);
  return rows.map((row) => ({
    meterId: row.meter_id,
    asset: row.asset,
    scale: row.scale,
    amount: BigInt(row.amount),
  }));
};
