import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { BalanceTerms } from "@turnpike/engine/balances/balance.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import { withWallet } from "../../records/paying-accounts.ts";
import { walletDebits, type WalletDebit } from "../../records/wallet-debits.ts";
import type { Reader } from "../../ports/database.ts";
import type { Sources } from "./charged-up-to.ts";
import { fellowsOf } from "./fellow-claims.ts";
import { type JointClaim, jointClaims } from "./joint-claims.ts";
import { billedClaims, type OtherBills } from "./other-bills.ts";
import { ownShare, type Sharing } from "./own-share.ts";
import { chargesOf, isOfUsage, type WalletClaim } from "./claims.ts";

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
 * it as balance consumption, and the same money is not taken twice (authorization semantics f.10.7).
 */
export const walletBalancesOf = async (
  sources: Sources,
  bills: readonly BillTerms[],
): Promise<ReadonlyMap<BillTerms, readonly BalanceTerms[]>> => {
  const found = new Map<BillTerms, readonly BalanceTerms[]>();
  if (bills.length === 0) return found;
  const { reader, given, others } = sources;
  const { orgId } = given.book;
  const claimed = bills.map((terms) => ({ terms, joint: jointClaims(sharedBy(others, terms)) }));
  const codes = claimed.flatMap(({ joint }) => joint.flatMap(({ accounts }) => accounts));
  const paying = await withWallet(reader, orgId, [...new Set(codes)]);
  for (const { terms, joint } of claimed) {
    const payments = await paymentsFor(reader, { orgId, paying }, joint);
    found.set(terms, balancesOf(terms, await ownShares(sources, paying, payments)));
  }
  return found;
};

/** What a bill claims, and others of the same debits. */
const sharedBy = (others: OtherBills, terms: BillTerms): Sharing[] => {
  const own = billedClaims(terms);
  const fellows = fellowsOf(others, own.filter(isOfUsage));
  return [
    ...own.map((claim) => ({ ...claim, isOwn: true })),
    ...fellows.map((claim) => ({ ...claim, isOwn: false })),
  ];
};

/** What was paid for things that are claimed together; nothing, too. */
interface Payment {
  readonly joint: JointClaim<Sharing>;
  readonly debits: readonly WalletDebit[];
}

/** What of it is a bill's. */
interface OwnShare {
  /** Of the plan whose account pays what is missing, if the bill has it. */
  readonly lead: Sharing;
  readonly claims: readonly Sharing[];
  readonly period: Period;
  readonly amount: Decimal;
}

const amountOf = (debits: readonly WalletDebit[]): Decimal =>
  sum(debits.map(({ amount, scale }) => new Decimal(amount, scale)));

/**
 * What was paid for several bills each draws on as far as it charges, where everything on it was paid: elsewhere, what
 * the others have of it would pay for what is missing.
 */
const ownShares = async (
  sources: Sources,
  paying: ReadonlySet<string>,
  payments: readonly Payment[],
): Promise<OwnShare[]> => {
  const shares: OwnShare[] = [];
  const isPaid = payments.every(
    ({ joint, debits }) =>
      joint.accounts.every((code) => paying.has(code)) &&
      debits.every(({ shortfall }) => shortfall === 0n),
  );
  for (const { joint, debits } of payments) {
    const claims = joint.claims.filter(({ isOwn }) => isOwn);
    const [payer] = joint.accounts;
    const lead = claims.find(({ accounts }) => accounts[0] === payer) ?? claims[0];
    if (lead === undefined) continue;
    const isShared = joint.claims.some(({ isOwn }) => !isOwn);
    const amount =
      isShared && !isPaid
        ? await ownShare(sources, joint, (part) => paidFor(sources, part))
        : amountOf(debits);
    shares.push({ lead, claims, period: joint.period, amount });
  }
  return shares;
};

const paidFor = async (
  { reader, given }: Sources,
  joint: JointClaim<WalletClaim>,
): Promise<Decimal> => {
  const { accounts, period } = joint;
  const debits = await walletDebits(reader, { orgId: given.book.orgId, accounts, period });
  return amountOf(debits.filter((debit) => isFor(joint, debit)));
};

/** One question for all that the same accounts pay over the same time; what the bill does not claim needs no credit. */
const paymentsFor = async (
  reader: Reader,
  { orgId, paying }: { readonly orgId: string; readonly paying: ReadonlySet<string> },
  claims: readonly JointClaim<Sharing>[],
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
const nameOf = (terms: BillTerms, { lead, claims, period }: OwnShare): string => {
  const { accountPlan, asset } = lead;
  const { start, end } = period;
  const owner = ownerOf(terms, claims);
  const child = owner === accountPlan.account.id ? "" : `/${owner}`;
  return `wallet/${accountPlan.id}/${asset}/${start.toString()}/${end.toString()}${child}`;
};

/** The account whose lines are paid: that of the bill, whose credits pay for its children's too, where they are several's. */
const ownerOf = ({ account }: BillTerms, claims: readonly Sharing[]): string => {
  const [only = account.id, ...others] = new Set(
    claims.map(({ accountPlan: plan }) =>
      plan.childBillingMode === "CHILD" ? account.id : plan.account.id,
    ),
  );
  return others.length > 0 ? account.id : only;
};

const balanceOf = (
  terms: BillTerms,
  name: string,
  payments: readonly [OwnShare, ...OwnShare[]],
): BalanceTerms => {
  const [{ lead, claims, period }] = payments;
  const { asset } = lead;
  return {
    id: idOf(name),
    accountId: ownerOf(terms, claims),
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
    paidFor: payments.flatMap((payment) => payment.claims.map(chargesOf)),
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
