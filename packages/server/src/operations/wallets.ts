import { Problem } from "@turnpike/contract/problem.ts";
import type { SetWallet } from "@turnpike/engine/ledger/request.ts";
import { assetOf, atomsOf, keepAsset } from "../authorization/amounts.ts";
import {
  amountText,
  asBooked,
  only,
  type Said,
  saidOfId,
  timeText,
} from "../authorization/answers.ts";
import { fingerprintOf } from "../authorization/fingerprint.ts";
import type { Ledger } from "../authorization/ledger.ts";
import { type WalletAccountColumns, walletAccountFrom } from "../authorization/rows/stored-rows.ts";
import { findAccess, setAccess } from "../authorization/rows/wallet-access.ts";
import { availableOf, type Customer, emptyWalletAccount } from "@turnpike/engine/ledger/rows.ts";
import { pageBy, placeOf, sequencePlace } from "../records/paging.ts";
import type { Handlers } from "./handler.ts";

/** The account of the path, by its id as everywhere in the catalog. */
const accountCode = async (
  { customers }: Ledger,
  orgId: string,
  id: string | undefined,
): Promise<string> => {
  const code = await customers.codeOf(orgId, id ?? "");
  if (code === undefined) throw new Problem("NOT_FOUND");
  return code;
};

/** What is due happens before it is read: nobody sees an expired hold counted (f.4). */
const currentAccount = async (
  ledger: Ledger,
  orgId: string,
  id: string | undefined,
): Promise<string> => {
  const account = await accountCode(ledger, orgId, id);
  await ledger.decide({ orgId, accounts: [account], requests: [], usage: [] });
  return account;
};

interface PendingIn {
  readonly asset: string;
  readonly pending: string;
}

/** Nothing is kept of an asset before the first top-up of it has come in. */
type Standing = PendingIn & (WalletAccountColumns | { readonly account: null });

const isKept = (columns: Standing): columns is PendingIn & WalletAccountColumns =>
  columns.account !== null;

/** What the account has in each asset, and what is on its way. */
const standingsOf = async ({ pool }: Ledger, orgId: string, account: string) => {
  const { rows } = await pool.query<Standing>(
    `SELECT w.*, asset, COALESCE(t.pending, 0) AS pending
     FROM (SELECT * FROM wallet_account WHERE org_id = $1 AND account = $2) w
     FULL JOIN (
       SELECT asset, sum(credit_amount) AS pending FROM top_up
       WHERE org_id = $1 AND account = $2 AND state = 'pending' GROUP BY asset
     ) t USING (asset) ORDER BY COALESCE(w.asset, t.asset)`,
    [orgId, account],
  );
  return rows;
};

export const getWallet: Handlers["getWallet"] = async ({ orgId, params }, { ledger }) => {
  const account = await currentAccount(ledger, orgId, params["id"]);
  const configuration = await ledger.configurations.of(orgId);
  const rows = await standingsOf(ledger, orgId, account);
  return {
    ...accessReply(await findAccess(ledger.pool, { orgId, account })),
    accounts: rows.map((columns) => {
      const row = isKept(columns)
        ? walletAccountFrom(columns)
        : emptyWalletAccount(account, columns.asset);
      const text = (atoms: bigint): string => amountText(configuration, row.asset, atoms);
      return {
        asset: row.asset,
        balance: text(row.credited - row.debited - row.debt),
        available: text(availableOf(row)),
        held: text(row.held),
        debt: text(row.debt),
        pendingIn: text(BigInt(columns.pending)),
        mode: row.mode,
        debtLimit: text(row.debtLimit),
      };
    }),
  };
};

const accessReply = ({ isFrozen, features, blocksFreeOnDebt }: Omit<Customer, "code">) => ({
  frozen: isFrozen,
  ...(features === null ? {} : { features: [...features] }),
  blocksFreeOnDebt,
});

export const setWalletAccess: Handlers["setWalletAccess"] = async (
  { orgId, params, body },
  { ledger },
) => {
  const account = await accountCode(ledger, orgId, params["id"]);
  const features = body.features === undefined ? null : new Set(body.features);
  const access = { isFrozen: body.frozen, features, blocksFreeOnDebt: body.blocksFreeOnDebt };
  await setAccess(ledger.pool, { orgId, account }, access);
  return accessReply(access);
};

const saidOfLimit: Said = (refused) =>
  refused.code === "WRONG_STATE"
    ? { field: "debtLimit", message: "is less than what is owed" }
    : saidOfId(refused);

export const setWallet: Handlers["setWallet"] = async ({ orgId, params, body }, { ledger }) => {
  const account = await accountCode(ledger, orgId, params["id"]);
  const asset = assetOf(await ledger.configurations.of(orgId), params["asset"] ?? "");
  const command: SetWallet = {
    kind: "setWallet",
    id: `${account}/${asset.code}`,
    fingerprint: fingerprintOf(["setWallet", account, asset.code, body]),
    account,
    asset: asset.code,
    mode: body.mode,
    debtLimit: atomsOf({ text: body.debtLimit, field: "debtLimit" }, asset),
  };
  await keepAsset(ledger, orgId, asset.code);
  const work = { orgId, accounts: [account], requests: [command], usage: [] };
  asBooked(only(await ledger.decide(work), saidOfLimit));
  return { asset: asset.code, mode: body.mode, debtLimit: body.debtLimit };
};

interface EntryColumns {
  readonly sequence: string;
  readonly transaction: string;
  readonly kind: string;
  readonly asset: string;
  readonly grant_id: string | null;
  readonly authorization_id: string | null;
  readonly amount: string;
  readonly at: string;
}

export const listWalletEntries: Handlers["listWalletEntries"] = async (
  { orgId, params, query },
  { ledger },
) => {
  const account = await currentAccount(ledger, orgId, params["id"]);
  const configuration = await ledger.configurations.of(orgId);
  const before = query.nextToken === undefined ? null : placeOf(query.nextToken, sequencePlace);
  const { rows } = await ledger.pool.query<EntryColumns>(
    `SELECT * FROM posting WHERE org_id = $1 AND account = $2 AND ($3::text IS NULL OR asset = $3)
       AND ($4::bigint IS NULL OR sequence < $4) ORDER BY sequence DESC LIMIT $5`,
    [orgId, account, query.asset ?? null, before, query.pageSize + 1],
  );
  const shown = pageBy(rows, query.pageSize, ({ sequence }) => sequence);
  return {
    ...shown,
    data: shown.data.map((row) => ({
      id: row.sequence,
      transaction: row.transaction,
      kind: row.kind,
      asset: row.asset,
      amount: amountText(configuration, row.asset, BigInt(row.amount)),
      grantId: row.grant_id ?? undefined,
      uid: row.authorization_id ?? undefined,
      at: timeText(Number(row.at)),
    })),
  };
};
