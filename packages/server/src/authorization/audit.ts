import type { Pool, PoolClient } from "pg";
import { budget } from "@turnpike/contract/authorization/budget.ts";
import { brokenInvariants } from "@turnpike/engine/ledger/invariants.ts";
import { walletAccountId, type LedgerState, type Posting } from "@turnpike/engine/ledger/rows.ts";
import { onConnection } from "./rows/connection.ts";
import { settings } from "./rows/loading.ts";
import { byId } from "./rows/reader.ts";
import * as stored from "./rows/stored-rows.ts";

interface PostingColumns {
  readonly transaction: string;
  readonly kind: Posting["kind"];
  readonly asset: string;
  readonly account: string | null;
  readonly grant_id: string | null;
  readonly authorization_id: string | null;
  readonly amount: string;
}

/** Of the budgets that are there: nothing moves those of one that was removed any more. */
const counters = async (client: PoolClient, orgId: string): Promise<stored.CounterColumns[]> => {
  const { rows } = await client.query<stored.CounterColumns>(
    `SELECT c.* FROM budget_counter c JOIN record r ON r.org_id = c.org_id AND r.kind = $2 AND r.id::text = c.budget_id
     WHERE c.org_id = $1`,
    [orgId, budget.kind],
  );
  return rows;
};

/**
 * What is wrong with the whole stored ledger of an organization, as sentences: none when every invariant that rows and
 * postings can show holds (authorization semantics f.8). Reads everything in one snapshot.
 */
export const auditLedger = (pool: Pool, orgId: string): Promise<string[]> =>
  onConnection(pool, async (client) => {
    const all = async <Columns extends object>(table: string): Promise<Columns[]> =>
      (await client.query<Columns>(`SELECT * FROM ${table} WHERE org_id = $1`, [orgId])).rows;
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const postings = await all<PostingColumns>("posting");
    const state: LedgerState = {
      settings,
      assets: new Map(),
      rates: [],
      customers: new Map(),
      walletAccounts: byId(
        (await all<stored.WalletAccountColumns>("wallet_account")).map(stored.walletAccountFrom),
      ),
      grants: byId((await all<stored.GrantColumns>("grant_standing")).map(stored.grantFrom)),
      authorizations: byId(
        (await all<stored.AuthorizationColumns>("ledger_authorization")).map(
          stored.authorizationFrom,
        ),
      ),
      decisions: new Map(),
      budgets: new Map(),
      counters: byId((await counters(client, orgId)).map(stored.counterFrom)),
      rateLimits: new Map(),
      rateBuckets: new Map(),
      concurrencyLimits: new Map(),
      concurrencyCounts: byId(
        (await all<stored.ConcurrencyColumns>("concurrency_count")).map(stored.concurrencyFrom),
      ),
      positions: byId(
        (await all<stored.PositionColumns>("usage_position")).map(stored.positionFrom),
      ),
      beginnings: new Map(),
      periodsPaid: new Map(),
      topUps: new Map(),
      topUpRules: new Map(),
    };
    await client.query("COMMIT");
    return brokenInvariants(state, postings.map(postingFrom));
  });

const postingFrom = (row: PostingColumns): Posting => ({
  transaction: row.transaction,
  kind: row.kind,
  asset: row.asset,
  walletAccount: row.account === null ? null : walletAccountId(row.account, row.asset),
  grant: row.grant_id,
  authorization: row.authorization_id,
  amount: BigInt(row.amount),
});
