import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import { Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { minimumSpendMeter, walletDebits, type WalletDebit } from "../records/wallet-debits.ts";

type Reader = Database | DatabaseTransaction;
type AccountPlan = BillTerms["accountPlans"][number];

/**
 * The accounts whose wallets pay for an account plan's usage on this bill: those that it rates together, each for what
 * it was authorized itself. Where every account is billed for its own share, only the bill's.
 */
export const usersOf = (terms: BillTerms, accountPlan: AccountPlan): readonly string[] =>
  accountPlan.childBillingMode === "CHILD"
    ? [terms.account.code]
    : [
        ...new Set([
          accountPlan.account.code,
          ...accountPlan.pool.map(({ account }) => account.code),
        ]),
      ];

/** Those of the accounts, by code, that have a wallet. */
export const withWallet = async (
  reader: Reader,
  orgId: string,
  codes: readonly string[],
): Promise<ReadonlySet<string>> => {
  const { rows } = await sql<{ account: string }>`
    SELECT account FROM ledger_account WHERE org_id = ${orgId} AND account = ANY(${codes}::text[]) AND has_wallet
  `.execute(reader);
  return new Set(rows.map(({ account }) => account));
};

/** Those of the accounts, by id, that have a wallet themselves or whose children have one. */
export const payingFamilies = async (
  reader: Reader,
  orgId: string,
  accountIds: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (accountIds.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    SELECT head.id FROM unnest(${[...new Set(accountIds)]}::uuid[]) AS head (id)
    WHERE EXISTS (SELECT FROM ledger_account WHERE org_id = ${orgId} AND has_wallet) AND EXISTS (
      SELECT FROM record AS owner
      JOIN ledger_account AS payer ON payer.org_id = ${orgId} AND payer.account = owner.code AND payer.has_wallet
      WHERE owner.org_id = ${orgId} AND owner.kind = 'account' AND owner.id IN (
        SELECT head.id UNION ALL
        SELECT from_id FROM reference WHERE org_id = ${orgId} AND from_kind = 'account'
          AND field = 'parentAccountId' AND to_id = head.id
      )
    )
  `.execute(reader);
  return new Set(rows.map(({ id }) => id));
};

/**
 * What wallets have paid for the usage of each bill, as balances that only usage of its periods draws on: the bill shows
 * it as balance consumption, and the same money is not taken twice (authorization semantics f.10.7). Accounts without a
 * wallet cost one query for all of them.
 */
export const walletBalancesOf = async (
  reader: Reader,
  orgId: string,
  bills: readonly BillTerms[],
): Promise<ReadonlyMap<BillTerms, readonly BalanceTerms[]>> => {
  const codes = bills.flatMap((terms) =>
    terms.accountPlans.flatMap((accountPlan) => usersOf(terms, accountPlan)),
  );
  const paying = await withWallet(reader, orgId, codes);
  const found = new Map<BillTerms, readonly BalanceTerms[]>();
  if (paying.size === 0) return found;
  for (const terms of bills)
    found.set(terms, await balancesOfBill(reader, { orgId, paying }, terms));
  return found;
};

const balancesOfBill = async (
  reader: Reader,
  { orgId, paying }: { readonly orgId: string; readonly paying: ReadonlySet<string> },
  terms: BillTerms,
): Promise<BalanceTerms[]> => {
  const balances: BalanceTerms[] = [];
  // Two plans of one account that price the same meter show what was paid for it once.
  const shown = new Set<string>();
  for (const accountPlan of terms.accountPlans) {
    const { arrears: period } = accountPlan;
    const accounts = usersOf(terms, accountPlan).filter((code) => paying.has(code));
    if (period === undefined || accounts.length === 0) continue;
    const debits = await walletDebits(reader, { orgId, accounts, period });
    const own = pricedBy(accountPlan, debits).filter(({ meter, asset }) => {
      const key = `${accountPlan.account.id} ${asset} ${period.start.toString()} ${meter}`;
      return !shown.has(key) && shown.add(key);
    });
    for (const [asset, ofAsset] of Map.groupBy(own, (debit) => debit.asset)) {
      const amount = sum(ofAsset.map((debit) => printed(terms, debit)));
      balances.push(balanceOf(terms, { accountPlan, asset, amount, period }));
    }
  }
  return balances;
};

/** What the plan charges in the same currency: what the bill does not charge needs no credit. */
const pricedBy = ({ id, plans }: AccountPlan, debits: readonly WalletDebit[]): WalletDebit[] =>
  debits.filter(
    ({ meter, meterId, asset }) =>
      meter === minimumSpendMeter(id) ||
      plans.some(
        ({ currency, pricings }) =>
          currency === asset &&
          pricings.some(
            ({ aggregation }) => aggregation.type === "SIMPLE" && aggregation.meterId === meterId,
          ),
      ),
  );

/** Rounded as the bill rounds the line that it pays, so that a line that was paid exactly leaves no cent. */
const printed = ({ currencies }: BillTerms, { asset, amount, scale }: WalletDebit): Decimal => {
  const exact = new Decimal(amount, scale);
  const policy = currencies.find(({ code }) => code === asset);
  if (policy === undefined) return exact;
  return exact.round(policy.maxDecimalPlaces, policy.roundingMode) ?? exact;
};

interface Wallet {
  readonly accountPlan: AccountPlan;
  readonly asset: string;
  readonly amount: Decimal;
  readonly period: Period;
}

const balanceOf = (terms: BillTerms, wallet: Wallet): BalanceTerms => ({
  id: walletId(wallet),
  accountId:
    wallet.accountPlan.childBillingMode === "CHILD"
      ? terms.account.id
      : wallet.accountPlan.account.id,
  currency: wallet.asset,
  createdAt: wallet.period.start,
  period: wallet.period,
  transactions: [{ amount: wallet.amount, appliedAt: wallet.period.start }],
  productIds: [],
  lineItemTypes: ["USAGE", "MINIMUM_SPEND"],
  isGrant: false,
  isWallet: true,
  allowOverdraft: false,
  drawDownDescription: "Paid from the wallet",
});

/** A UUID of its own for what the wallet paid in a period: the same whenever its bill is calculated. */
const walletId = ({ accountPlan, asset, period }: Wallet): string => {
  const name = `wallet/${accountPlan.id}/${asset}/${period.start.toString()}`;
  const hash = createHash("sha256").update(name).digest("hex");
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`];
  return [...parts, `8${hash.slice(17, 20)}`, hash.slice(20, 32)].join("-");
};
