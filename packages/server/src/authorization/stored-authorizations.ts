import type { Pool } from "pg";
import { Problem } from "@turnpike/contract/problem.ts";
import { type Authorization, isLease, type StoredDecision } from "@turnpike/engine/ledger/rows.ts";
import type { Ledger } from "./ledger.ts";
import {
  authorizationFrom,
  type AuthorizationColumns,
  type DecisionColumns,
  decisionFrom,
} from "./rows/stored-rows.ts";

export type Find = (pool: Pool, orgId: string, id: string) => Promise<Authorization>;

/** A row as it is stored, without a lock: its account, price and terms never change. */
export const storedRow = async (
  pool: Pool,
  orgId: string,
  id: string,
): Promise<Authorization | undefined> => {
  const { rows } = await pool.query<AuthorizationColumns>({
    name: "ledger-authorization",
    text: "SELECT * FROM ledger_authorization WHERE org_id = $1 AND id = $2",
    values: [orgId, id],
  });
  return rows[0] === undefined ? undefined : authorizationFrom(rows[0]);
};

/** What was answered to a command, by its key (`keyOf` in the engine). */
export const storedDecision = async (
  pool: Pool,
  orgId: string,
  key: string,
): Promise<StoredDecision | undefined> => {
  const text = "SELECT * FROM ledger_decision WHERE org_id = $1 AND id = $2";
  const { rows } = await pool.query<DecisionColumns>(text, [orgId, key]);
  return rows[0] && decisionFrom(rows[0]);
};

/**
 * What a request comes to by today's catalog. What was answered before is answered again, or refused as reused, whatever
 * became of what it names (I10): the answer is stored, so that `answered` will do. Only a refusal looks for it.
 */
export const unlessAnswered = async <Read>(
  read: () => Promise<Read>,
  {
    stored,
    answered,
  }: { readonly stored: () => Promise<object | undefined>; readonly answered: Read },
): Promise<Read> => {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Problem && (await stored()) !== undefined) return answered;
    throw error;
  }
};

/** An authorization or a lease. */
export const findEither: Find = async (pool, orgId, id) => {
  const row = await storedRow(pool, orgId, id);
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

export const findAuthorization: Find = async (pool, orgId, uid) => {
  const row = await findEither(pool, orgId, uid);
  if (isLease(row)) throw new Problem("NOT_FOUND");
  return row;
};

export const findLease: Find = async (pool, orgId, id) => {
  const row = await findEither(pool, orgId, id);
  if (!isLease(row)) throw new Problem("NOT_FOUND");
  return row;
};

/** As it stands now: what is due happens first, so that a read never sees an expired hold counted (f.4). */
const standing =
  (find: Find) =>
  async (ledger: Ledger, orgId: string, id: string): Promise<Authorization> => {
    const { terms } = await find(ledger.pool, orgId, id);
    const accounts = [terms.spender.account];
    await ledger.decide({ orgId, accounts, requests: [], usage: [] });
    return find(ledger.pool, orgId, id);
  };

export const currentAuthorization = standing(findAuthorization);
export const currentLease = standing(findLease);
