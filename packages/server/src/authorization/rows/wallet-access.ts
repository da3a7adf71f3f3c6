import type { Pool } from "pg";
import { account as accountResource } from "@turnpike/contract/accounts/account.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Customer } from "@turnpike/engine/ledger/rows.ts";
import { type Purse, readPurse } from "./purse.ts";

/** What an account may do, as the row says that every batch writes. */
interface AccessColumns {
  readonly account: string;
  readonly is_frozen: boolean;
  readonly features: readonly string[] | null;
  readonly blocks_free_on_debt: boolean;
}

const accessColumns = "account, is_frozen, features, blocks_free_on_debt";

/** An account as its row says. */
export interface LedgerAccount {
  readonly purse: Purse;
  /** Null where the account may do everything, as most may. */
  readonly access: Omit<AccessColumns, "account"> | null;
}

export type LedgerAccountColumns = [
  account: string,
  purse: string | null,
  access: LedgerAccount["access"],
];

const isRestricted = "(is_frozen OR features IS NOT NULL OR blocks_free_on_debt)";
/** Of a row that lets its account do everything. */
export const mayDoEverything = `NOT ${isRestricted}`;

export const readingStatement = `SELECT account, purse, CASE WHEN ${isRestricted} THEN json_build_object(
    'is_frozen', is_frozen, 'features', features, 'blocks_free_on_debt', blocks_free_on_debt) END
  FROM ledger_account WHERE org_id = $1 AND account = ANY($2)`;

/** Locks an organization's accounts in the order of their codes; the purses are those that the last holder left. */
export const lockingStatement = `${readingStatement} ORDER BY account COLLATE "C" FOR UPDATE`;

/** What is remembered saves reading the same text again. */
export const ledgerAccountFrom = (
  [account, text, access]: LedgerAccountColumns,
  remembered: LedgerAccount | undefined,
): LedgerAccount => {
  const isAsRemembered = remembered !== undefined && remembered.purse.text === text;
  return { purse: isAsRemembered ? remembered.purse : readPurse(account, text), access };
};

/** The accounts that the catalog knows, with what the ledger says of each; one it has not seen is not restricted. */
export const customersFrom = (
  codes: ReadonlySet<string>,
  rows: readonly LedgerAccount[],
): Map<string, Customer> => {
  const known = new Map(rows.map(({ purse, access }) => [purse.id, access]));
  return new Map(
    [...codes].map((code) => [code, customerFrom(code, known.get(code) ?? undefined)]),
  );
};

const customerFrom = (code: string, row: Omit<AccessColumns, "account"> | undefined): Customer => ({
  code,
  isFrozen: row?.is_frozen ?? false,
  features: row === undefined || row.features === null ? null : new Set(row.features),
  blocksFreeOnDebt: row?.blocks_free_on_debt ?? false,
});

interface Key {
  readonly orgId: string;
  readonly account: string;
}

/**
 * Waits for the batch that is writing the row, and counts for the next. An account that the ledger has not seen gets its
 * row here, for which its record must still be there.
 */
export const setAccess = async (
  pool: Pool,
  { orgId, account }: Key,
  { isFrozen, features, blocksFreeOnDebt }: Omit<Customer, "code">,
): Promise<void> => {
  const { rowCount } = await pool.query(
    `INSERT INTO ledger_account (org_id, ${accessColumns})
     SELECT org_id, code, $4, $5, $6 FROM record WHERE org_id = $1 AND kind = $2 AND code = $3 FOR KEY SHARE
     ON CONFLICT (org_id, account) DO UPDATE SET is_frozen = excluded.is_frozen,
       features = excluded.features, blocks_free_on_debt = excluded.blocks_free_on_debt`,
    [
      orgId,
      accountResource.kind,
      account,
      isFrozen,
      features === null ? null : [...features],
      blocksFreeOnDebt,
    ],
  );
  if (rowCount === 0) throw new Problem("NOT_FOUND");
};

export const findAccess = async (pool: Pool, { orgId, account }: Key): Promise<Customer> => {
  const { rows } = await pool.query<AccessColumns>(
    `SELECT ${accessColumns} FROM ledger_account WHERE org_id = $1 AND account = $2`,
    [orgId, account],
  );
  return customerFrom(account, rows[0]);
};
