import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import { Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { walletDebits, type WalletDebit } from "../records/wallet-debits.ts";

type AccountPlan = BillTerms["accountPlans"][number];

/**
 * The terms with what the account's wallet has paid for the usage of this bill, as balances that only usage of its
 * periods draws on: the bill shows it as balance consumption, and the same money is not taken twice (authorization
 * semantics f.10.7). Accounts without a wallet cost one query for all of them.
 */
export const withWallets = async <Planned extends { readonly terms: BillTerms }>(
  reader: Database | DatabaseTransaction,
  orgId: string,
  bills: readonly Planned[],
): Promise<Planned[]> => {
  const codes = bills.flatMap(({ terms }) => terms.account.code ?? []);
  const { rows } = await sql<{ account: string }>`
    SELECT DISTINCT account FROM wallet_account WHERE org_id = ${orgId} AND account = ANY(${codes}::text[])
  `.execute(reader);
  const paying = new Set(rows.map(({ account }) => account));
  const found: Planned[] = [];
  for (const planned of bills) {
    const { terms } = planned;
    if (!paying.has(terms.account.code ?? "")) {
      found.push(planned);
      continue;
    }
    const balances = [...terms.balances, ...(await walletBalances(reader, orgId, terms))];
    found.push({ ...planned, terms: { ...terms, balances } });
  }
  return found;
};

const walletBalances = async (
  reader: Database | DatabaseTransaction,
  orgId: string,
  terms: BillTerms,
): Promise<BalanceTerms[]> => {
  const balances: BalanceTerms[] = [];
  for (const accountPlan of terms.accountPlans) {
    const { arrears: period } = accountPlan;
    const { code: account, id: accountId } = terms.account;
    if (period === undefined || account === undefined) continue;
    const debits = await walletDebits(reader, { orgId, account, period });
    const own = pricedBy(accountPlan, debits);
    for (const [asset, ofAsset] of Map.groupBy(own, (debit) => debit.asset)) {
      const amount = sum(ofAsset.map((debit) => printed(terms, debit)));
      balances.push(balanceOf({ accountId, accountPlanId: accountPlan.id, asset, amount, period }));
    }
  }
  return balances;
};

/** The debits for meters that the plan prices in the same currency: what the bill does not charge needs no credit. */
const pricedBy = ({ plans }: AccountPlan, debits: readonly WalletDebit[]): WalletDebit[] =>
  debits.filter(({ meterId, asset }) =>
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
  readonly accountId: string;
  readonly accountPlanId: string;
  readonly asset: string;
  readonly amount: Decimal;
  readonly period: Period;
}

const balanceOf = (wallet: Wallet): BalanceTerms => ({
  id: walletId(wallet),
  accountId: wallet.accountId,
  currency: wallet.asset,
  createdAt: wallet.period.start,
  period: wallet.period,
  transactions: [{ amount: wallet.amount, appliedAt: wallet.period.start }],
  productIds: [],
  lineItemTypes: ["USAGE"],
  isGrant: false,
  allowOverdraft: false,
  drawDownDescription: "Paid from the wallet",
});

/** A UUID of its own for what the wallet paid in a period: the same whenever its bill is calculated. */
const walletId = ({ accountPlanId, asset, period }: Wallet): string => {
  const name = `wallet/${accountPlanId}/${asset}/${period.start.toString()}`;
  const hash = createHash("sha256").update(name).digest("hex");
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`];
  return [...parts, `8${hash.slice(17, 20)}`, hash.slice(20, 32)].join("-");
};
