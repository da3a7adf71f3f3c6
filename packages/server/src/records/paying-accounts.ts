import { CompiledQuery } from "kysely";
import type { Reader } from "../ports/database.ts";

/** Those of an organization's accounts, by code, that have a wallet. */
export const withWalletStatement = {
  name: "ledger-with-wallet",
  text: "SELECT account FROM ledger_account WHERE org_id = $1 AND account = ANY($2) AND has_wallet",
};

export interface PayingColumns {
  readonly account: string;
}

export const payingFrom = (rows: readonly PayingColumns[]): ReadonlySet<string> =>
  new Set(rows.map(({ account }) => account));

export const withWallet = async (
  reader: Reader,
  orgId: string,
  codes: readonly string[],
): Promise<ReadonlySet<string>> => {
  const query = CompiledQuery.raw(withWalletStatement.text, [orgId, codes]);
  return payingFrom((await reader.executeQuery<PayingColumns>(query)).rows);
};
