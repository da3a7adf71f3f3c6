import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { Decimal, max, sum, zero } from "@turnpike/engine/exact/decimal.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { withWallet } from "../records/paying-accounts.ts";
import { walletDebits, type WalletDebit } from "../records/wallet-debits.ts";
import { type Fellow, fellowsOf, type Sources } from "./fellow-claims.ts";
import { sharesOfOthers } from "./fellow-shares.ts";
import {
  chargesOf,
  claimsOf,
  isOfUsage,
  type JointClaim,
  jointClaims,
  type WalletClaim,
} from "./wallet-claims.ts";

type Reader = Database | DatabaseTransaction;

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
 * What wallets have paid for the usage of each bill, as balances that only what was paid for draws on: the bill shows
 * it as balance consumption, and the same money is not taken twice (authorization semantics f.10.7). Accounts without a
 * wallet cost one query for all of them.
 */
export const walletBalancesOf = async (
  sources: Sources,
  bills: readonly BillTerms[],
): Promise<ReadonlyMap<BillTerms, readonly BalanceTerms[]>> => {
  const { reader, given } = sources;
  const { orgId } = given.book;
  const claims = new Map(bills.map((terms) => [terms, claimsOf(terms)]));
  const codes = [...claims.values()].flat().flatMap(({ accounts }) => accounts);
  const paying = await withWallet(reader, orgId, codes);
  const found = new Map<BillTerms, readonly BalanceTerms[]>();
  if (paying.size === 0) return found;
  for (const [terms, own] of claims) {
    const fellows = fellowsOf(given, own.filter(isOfUsage));
    const joint = jointClaims([...own, ...fellows.map(({ claim }) => claim)]);
    const payments = await paymentsFor(reader, { orgId, paying }, joint);
    const shares = await ownShares(sources, { terms, fellows, payments });
    found.set(terms, balancesOf(terms, shares));
  }
  return found;
};

/** What was paid for things that a bill claims together; nothing, too. */
interface Payment {
  readonly joint: JointClaim<WalletClaim>;
  readonly debits: readonly WalletDebit[];
}

/** What of it is the bill's. */
interface OwnShare extends Payment {
  readonly amount: Decimal;
}

const exactly = (amount: bigint, { scale }: Pick<WalletDebit, "scale">): Decimal =>
  new Decimal(amount, scale);

/**
 * What was paid for several bills each draws on as far as it charges; where not all was paid, what the others have of it
 * is left to them.
 */
const ownShares = async (
  sources: Sources,
  {
    terms,
    fellows,
    payments,
  }: {
    readonly terms: BillTerms;
    readonly fellows: readonly Fellow<WalletClaim>[];
    readonly payments: readonly Payment[];
  },
): Promise<OwnShare[]> => {
  const others = new Map(fellows.map((fellow) => [fellow.claim, fellow]));
  const shares: OwnShare[] = [];
  for (const { joint, debits } of payments) {
    const beside = joint.claims.flatMap((claim) => others.get(claim) ?? []);
    const [first, ...rest] = joint.claims.filter((claim) => !others.has(claim));
    if (first === undefined) continue;
    const own = { ...joint, claims: [first, ...rest] } as const;
    const paid = sum(debits.map((debit) => exactly(debit.amount, debit)));
    const isShort = debits.some(({ shortfall }) => shortfall > 0n);
    const left =
      isShort && beside.length > 0
        ? await sharesOfOthers(sources, {
            terms,
            own,
            fellows: beside,
            shortfallIn: (period) => shortfallOf(sources, { joint, period }),
          })
        : zero;
    shares.push({ joint: own, debits, amount: max(paid.minus(left), zero) });
  }
  return shares;
};

const shortfallOf = async (
  { reader, given }: Sources,
  { joint, period }: { readonly joint: JointClaim<WalletClaim>; readonly period: Period },
): Promise<Decimal> => {
  const { accounts } = joint;
  const debits = await walletDebits(reader, { orgId: given.book.orgId, accounts, period });
  const own = debits.filter((debit) => isFor(joint, debit));
  return sum(own.map((debit) => exactly(debit.shortfall, debit)));
};

/** One question for all that the same accounts pay over the same time; what the bill does not claim needs no credit. */
const paymentsFor = async (
  reader: Reader,
  { orgId, paying }: { readonly orgId: string; readonly paying: ReadonlySet<string> },
  claims: readonly JointClaim<WalletClaim>[],
): Promise<Payment[]> => {
  const questions = Map.groupBy(claims, ({ accounts, period: { start, end } }) =>
    JSON.stringify([accounts, start.toString(), end.toString()]),
  );
  const payments: Payment[] = [];
  for (const asked of questions.values()) {
    const [first] = asked;
    const accounts = first?.accounts.filter((code) => paying.has(code)) ?? [];
    if (first === undefined || accounts.length === 0) continue;
    const { period } = first;
    const debits = await walletDebits(reader, { orgId, accounts, period });
    const ofJoint = (joint: Payment["joint"]) => debits.filter((debit) => isFor(joint, debit));
    payments.push(...asked.map((joint) => ({ joint, debits: ofJoint(joint) })));
  }
  return payments;
};

const isFor = (
  { claims: [{ asset }], meters }: JointClaim<WalletClaim>,
  debit: WalletDebit,
): boolean => debit.asset === asset && meters.includes(debit.meterId ?? debit.meter);

/** One for everything of a plan that was paid over the same time. */
const balancesOf = (terms: BillTerms, payments: readonly OwnShare[]): BalanceTerms[] =>
  [...Map.groupBy(payments, (payment) => nameOf(terms, payment))].flatMap(
    ([name, [first, ...others]]) => {
      if (first === undefined) return [];
      const isPaid = [first, ...others].some(({ amount }) => amount.isPositive());
      return isPaid ? [balanceOf(terms, name, [first, ...others])] : [];
    },
  );

/** Of a plan that bills its children themselves, what each of them paid is by itself. */
const nameOf = (terms: BillTerms, { joint }: Payment): string => {
  const [{ accountPlan, asset }] = joint.claims;
  const { start, end } = joint.period;
  const owner = ownerOf(terms, accountPlan);
  const child = owner === accountPlan.account.id ? "" : `/${owner}`;
  return `wallet/${accountPlan.id}/${asset}/${start.toString()}/${end.toString()}${child}`;
};

/** The account whose lines are paid. */
const ownerOf = ({ account }: BillTerms, plan: WalletClaim["accountPlan"]): string =>
  plan.childBillingMode === "CHILD" ? account.id : plan.account.id;

const balanceOf = (
  terms: BillTerms,
  name: string,
  payments: readonly [OwnShare, ...OwnShare[]],
): BalanceTerms => {
  const [{ joint }] = payments;
  const { period } = joint;
  const [{ accountPlan, asset }] = joint.claims;
  return {
    id: idOf(name),
    accountId: ownerOf(terms, accountPlan),
    currency: asset,
    createdAt: period.start,
    period,
    transactions: [
      {
        amount: sum(payments.map(({ amount }) => amount)),
        appliedAt: period.start,
      },
    ],
    productIds: [],
    lineItemTypes: ["USAGE", "MINIMUM_SPEND"],
    isGrant: false,
    isWallet: true,
    // Of all that it may be paid for: money moves from usage to a minimum while the sum stays.
    paidFor: payments.flatMap((payment) => payment.joint.claims.map(chargesOf)),
    allowOverdraft: false,
    drawDownDescription: "Paid from the wallet",
  };
};

/** A UUID of its own for what the wallet paid in a period: the same whenever its bill is calculated. */
const idOf = (name: string): string => {
  const hash = createHash("sha256").update(name).digest("hex");
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`];
  return [...parts, `8${hash.slice(17, 20)}`, hash.slice(20, 32)].join("-");
};
