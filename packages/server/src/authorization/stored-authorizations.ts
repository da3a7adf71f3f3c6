import type { Pool } from "pg";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import type { Ledger } from "./ledger.ts";
import { authorizationFrom, type AuthorizationColumns } from "./stored-rows.ts";

/** The authorization as it is stored, without a lock: its account, price and terms never change. */
export const findAuthorization = async (
  pool: Pool,
  orgId: string,
  uid: string,
): Promise<Authorization> => {
  const { rows } = await pool.query<AuthorizationColumns>({
    name: "ledger-authorization",
    text: "SELECT * FROM ledger_authorization WHERE org_id = $1 AND id = $2",
    values: [orgId, uid],
  });
  if (rows[0] === undefined) throw new Problem("NOT_FOUND");
  return authorizationFrom(rows[0]);
};

/** As it stands now: what is due happens first, so that a read never sees an expired hold counted (f.4). */
export const currentAuthorization = async (
  ledger: Ledger,
  orgId: string,
  uid: string,
): Promise<Authorization> => {
  const { terms } = await findAuthorization(ledger.pool, orgId, uid);
  const accounts = [terms.spender.account];
  await ledger.decide({ orgId, accounts, requests: [], usage: new Map() });
  return findAuthorization(ledger.pool, orgId, uid);
};
