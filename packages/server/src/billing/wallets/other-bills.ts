import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import type { Attachment } from "../attachments.ts";
import type { Given } from "../bill-candidates.ts";
import { billsCharging } from "../bill-homes.ts";
import type { BillingBook } from "../billing-book.ts";
import type { Claimed } from "./joint-claims.ts";
import {
  type BillIdentity,
  identityKey,
  type PlannedBill,
  plannedBills,
} from "../planned-bills.ts";
import type { AccountRecord } from "../snapshot.ts";
import { poolOfAttachment } from "../terms.ts";
import { measuredBy } from "../usage-reach.ts";
import { claimsOf, isOfUsage, metersOf, usageOf, type WalletClaim } from "./claims.ts";

/**
 * What bills of a family claim of the usage that wallets pay for: bills that a run makes, bills that stand, by the terms
 * that they have, and of the others what they would be by today's catalog.
 */
export interface OtherBills {
  /** What bills that are made or stand claim of an account, by its code. */
  readonly known: (code: string) => readonly BilledClaim[];
  /** Usage of it that today's plans price. */
  readonly priced: (code: string) => readonly Priced[];
  /** What bills that are neither made nor stand would claim of that in a period. */
  readonly planned: (priced: Priced, period: Period) => readonly BilledClaim[];
}

/** With the bill that claims it. */
export interface BilledClaim extends WalletClaim {
  readonly terms: BillTerms;
}

/** Usage that a plan prices, on whosever bills. */
export interface Priced extends Omit<Claimed, "period">, Pick<WalletClaim, "asset"> {
  readonly attachment: Attachment;
  /** Whose share it is, where the plan bills each account for its own. */
  readonly shared?: AccountRecord;
}

export interface KnownBill {
  readonly identity: BillIdentity;
  readonly terms: BillTerms;
}

export const otherBills = (given: Given, known: readonly KnownBill[]): OtherBills => {
  const claimed = once(() =>
    byAccount(known.flatMap(({ terms }) => billedClaims(terms).filter(isOfUsage))),
  );
  const priced = once(() => byAccount(pricedIn(given.book)));
  const keys = new Set(known.map(({ identity }) => identityKey(identity)));
  return {
    known: (code) => claimed().get(code) ?? [],
    priced: (code) => priced().get(code) ?? [],
    planned: planner(given, keys),
  };
};

/** Everything on the bill that wallets pay for. */
export const billedClaims = (terms: BillTerms): BilledClaim[] =>
  claimsOf(terms).map((claim) => ({ ...claim, terms }));

const once = <Result>(make: () => Result): (() => Result) => {
  let made: Result | undefined;
  return () => (made ??= make());
};

const byAccount = <One extends Pick<WalletClaim, "accounts">>(
  all: readonly One[],
): ReadonlyMap<string, readonly One[]> => {
  const found = all.flatMap((one) => one.accounts.map((code) => ({ code, one })));
  const groups = Map.groupBy(found, ({ code }) => code);
  return new Map([...groups].map(([code, own]) => [code, own.map(({ one }) => one)]));
};

const pricedIn = (book: BillingBook): Priced[] =>
  [...book.attachments.values()].flat().flatMap((attachment) => {
    const { plans } = attachment;
    const measured = measuredBy(plans.flatMap(({ id }) => book.planAggregations.get(id) ?? []));
    return usageOf({ plans }, measured).flatMap((usage) =>
      sharesOf(book, attachment).map((share) => ({ ...usage, ...share, attachment })),
    );
  });

/** The accounts whose usage is rated together, or each by itself. */
const sharesOf = (
  book: BillingBook,
  attachment: Attachment,
): Pick<Priced, "accounts" | "shared">[] => {
  const { account: owner, accountPlan } = attachment;
  const pool = poolOfAttachment(book, attachment).map(({ account }) => account.id);
  const members = [...new Set(pool)].flatMap((id) => book.accounts.get(id) ?? []);
  if (accountPlan.childBillingMode !== "CHILD")
    return [{ accounts: [owner.code, ...members.map(({ code }) => code)] }];
  return [owner, ...members].map((shared) => ({ accounts: [shared.code], shared }));
};

const planner = ({ book, history, planned, now }: Given, known: ReadonlySet<string>) => {
  const stored = Map.groupBy(history.bills, ({ accountId }) => accountId);
  const { targetCurrency, currencyConversions } = planned[0]?.request ?? {};
  const plan = (account: AccountRecord, billDate: string): readonly PlannedBill[] =>
    plannedBills(book, account, {
      request: { targetCurrency, currencyConversions, billDate },
      now,
      stored: stored.get(account.id) ?? [],
    }).filter(({ identity }) => !known.has(identityKey(identity)));
  /** By account and date of their bills, and by account plan: each bill is planned once. */
  const remembered = new Map<string, ReadonlyMap<string, readonly BilledClaim[]>>();
  const claimsOn = (
    account: AccountRecord,
    billDate: string,
  ): ReadonlyMap<string, readonly BilledClaim[]> => {
    const name = `${account.id} ${billDate}`;
    const found =
      remembered.get(name) ??
      Map.groupBy(
        plan(account, billDate).flatMap(({ terms }) => billedClaims(terms)),
        ({ accountPlan }) => accountPlan.id,
      );
    remembered.set(name, found);
    return found;
  };
  return (priced: Priced, period: Period): BilledClaim[] => {
    const { account, dates } = billsCharging(book, priced, period);
    const { id } = priced.attachment.accountPlan;
    return dates
      .flatMap((billDate) => claimsOn(account, billDate).get(id) ?? [])
      .filter((claim) => isFor(priced, claim));
  };
};

/** Of claims of its account plan. */
const isFor = (priced: Priced, claim: WalletClaim): boolean =>
  claim.asset === priced.asset &&
  isOfUsage(claim) &&
  metersOf(claim).join() === metersOf(priced).join();
