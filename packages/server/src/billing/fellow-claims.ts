import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { offsetCharges } from "@turnpike/engine/bill/offset-charges.ts";
import { isAmong } from "@turnpike/engine/bill/plan-charges.ts";
import { linesApart } from "@turnpike/engine/bill/rate-bill.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import { intersection, isBefore, type Period } from "@turnpike/engine/time/period.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import type { Attachment } from "./attachments.ts";
import type { Given } from "./bill-candidates.ts";
import { attachmentsOf, type BillingBook } from "./billing-book.ts";
import type { Reader } from "./catalog-snapshot.ts";
import { rateCharges, type Rated } from "./current-charges.ts";
import { billsCharging, type PlannedBill } from "./planned-bills.ts";
import type { AccountRecord } from "./snapshot.ts";
import { poolOfAttachment } from "./terms.ts";
import { measuredBy } from "./usage-reach.ts";
import {
  chargesOf,
  claimsOf,
  claimKey,
  type JointClaim,
  overlapping,
  sharingMeters,
  usageOf,
  type WalletClaim,
} from "./wallet-claims.ts";

/**
 * Calls that plans of several bills price were paid for all of them together. What the others charge of the time of a
 * bill is what they charge up to its end, less what they charge up to its start: so the parts of a bill add up to the
 * bill wherever others cut it, and every bill finds the same sum.
 */

/** From what bills are calculated. */
export interface Sources {
  readonly reader: Reader;
  readonly usage: UsageStore;
  readonly given: Given;
}

/** What bills charge for what is claimed, up to an instant. */
export interface ChargeQuestion {
  readonly claim: WalletClaim;
  readonly bills: readonly BillTerms[];
  readonly at: Temporal.Instant;
}

/** The amounts for each question; undefined where a bill cannot be rated. */
export const chargedUpTo = async (
  sources: Sources,
  asked: readonly ChargeQuestion[],
): Promise<(Decimal[] | undefined)[]> => {
  const known = new Map<string, PartBill>();
  const numbers = new Map(
    [...new Set(asked.flatMap(({ bills }) => bills))].map((one, nth) => [one, nth]),
  );
  // A bill that has ended charges the same at any later time.
  const once = (part: PartBill, at: Temporal.Instant, terms: BillTerms): PartBill => {
    const name = `${numbers.get(terms)}/${part.isWhole ? "" : at.toString()}`;
    const same = known.get(name) ?? part;
    known.set(name, same);
    return same;
  };
  const parts = asked.map(({ bills, at }) =>
    bills.flatMap((terms) => {
      const part = partOf(terms, at);
      return part === undefined ? [] : [once(part, at, terms)];
    }),
  );
  const all = [...known.values()];
  if (all.length === 0) return asked.map(() => []);
  const rated = await rateCharges(
    sources,
    sources.given.book,
    all.map(({ terms }) => terms),
  );
  const answers = new Map(all.map((part, nth) => [part, rated[nth]]));
  return asked.map(({ claim }, nth) => {
    const amounts = (parts[nth] ?? []).map((part) => chargedOn(claim, part, answers.get(part)));
    if (amounts.some((one) => one === undefined)) return undefined;
    return amounts.flatMap((one) => one ?? []);
  });
};

/** A bill as of an instant. */
interface PartBill {
  readonly terms: BillTerms;
  readonly isWhole: boolean;
}

const chargedOn = (
  claim: WalletClaim,
  { isWhole }: PartBill,
  rated: Rated | undefined,
): Decimal[] | undefined => {
  if (rated === undefined) return undefined;
  const { facts, lines } = rated;
  const apart = linesApart(facts, lines);
  // What was billed in advance is given back at the end of the time it was billed for.
  const known = isWhole
    ? apart
    : apart.filter(({ lineItemType: type }) => type === "USAGE" || type === "USAGE_CREDIT");
  return offsetCharges(facts, known)
    .filter(({ line }) => line.currency === claim.asset && isAmong(chargesOf(claim), line))
    .map(({ cost }) => cost);
};

/** What other bills charge for the same calls. */
export interface Fellow<Claim> {
  /** As if it was billed for the time of what it stands beside. */
  readonly claim: WalletClaim;
  readonly beside: Claim;
  readonly bills: readonly BillTerms[];
}

export const fellowsOf = <Claim extends WalletClaim>(
  given: Given,
  own: readonly Claim[],
): Fellow<Claim>[] =>
  [...Map.groupBy(own, claimKey).values()].flatMap(([first, ...others]) => {
    const payer = first && payerOf(given.book, first);
    if (first === undefined || payer === undefined) return [];
    const priced = pricedBy(given.book, payer).filter(({ asset }) => asset === first.asset);
    const all: (Claim | Priced)[] = [first, ...others, ...priced];
    return sharingMeters(all).flatMap((sharing) => {
      const claims = sharing.filter((one) => "billed" in one);
      const fellows = sharing.filter((one) => "attachment" in one);
      return overlapping(claims).flatMap((joint) =>
        fellows.flatMap((fellow) => fellowOf(given, { joint, fellow, payer }) ?? []),
      );
    });
  });

const payerOf = (
  { accounts }: BillingBook,
  { accountPlan: { account, pool }, accounts: [code] }: WalletClaim,
): AccountRecord | undefined => {
  const known = [account, ...pool.map((member) => member.account)];
  return accounts.get(known.find((one) => one.code === code)?.id ?? "");
};

/** Usage that a plan prices which an account pays for. */
interface Priced extends Pick<WalletClaim, "asset" | "productIds" | "of"> {
  readonly attachment: Attachment;
}

/** The account's own plans, and those that bill it for its share of what its parent has bought. */
const pricedBy = (book: BillingBook, payer: AccountRecord): Priced[] => {
  const parent = book.accounts.get(payer.parentAccountId ?? "");
  const shared = parent === undefined ? [] : attachmentsOf(book, parent).filter(isForChildren);
  const pooling = shared.filter((attachment) =>
    poolOfAttachment(book, attachment).some(({ account }) => account.id === payer.id),
  );
  return [...attachmentsOf(book, payer), ...pooling].flatMap((attachment) => {
    const { plans } = attachment;
    const measured = measuredBy(plans.flatMap(({ id }) => book.planAggregations.get(id) ?? []));
    return usageOf({ plans }, measured).map((one) => ({ ...one, attachment }));
  });
};

const isForChildren = ({ accountPlan }: Attachment): boolean =>
  accountPlan.childBillingMode === "CHILD";

const fellowOf = <Claim extends WalletClaim>(
  given: Given,
  {
    joint,
    fellow,
    payer,
  }: {
    readonly joint: JointClaim<Claim>;
    readonly fellow: Priced;
    readonly payer: AccountRecord;
  },
): Fellow<Claim> | undefined => {
  const { attachment, asset, productIds, of } = fellow;
  const { id } = attachment.accountPlan;
  const period = intersection(joint.period, attachment.schedule.active);
  if (period === undefined) return undefined;
  if (joint.claims.some(({ accountPlan }) => accountPlan.id === id)) return undefined;
  const planned = billsOf(given, { attachment, payer }, period);
  const claimed = planned
    .flatMap(({ terms }) => claimsOf(terms))
    .find(({ accountPlan }) => accountPlan.id === id);
  if (claimed === undefined) return undefined;
  const [beside] = joint.claims;
  const { billed, accountPlan } = beside;
  return {
    // Joined to what it stands beside, by what joins claims.
    claim: {
      accountPlan: { ...claimed.accountPlan, cadence: accountPlan.cadence },
      accounts: claimed.accounts,
      asset,
      productIds,
      of,
      period,
      billed,
    },
    beside,
    bills: planned.map(({ terms }) => terms),
  };
};

const billsOf = (
  { book, history, planned, now }: Given,
  { attachment, payer }: { readonly attachment: Attachment; readonly payer: AccountRecord },
  period: Period,
): PlannedBill[] => {
  const { targetCurrency, currencyConversions } = planned[0]?.request ?? {};
  const runOf = (accountId: string) => ({
    request: { targetCurrency, currencyConversions },
    now,
    stored: history.bills.filter((bill) => bill.accountId === accountId),
  });
  const billed = isForChildren(attachment) ? { attachment, shared: payer } : { attachment };
  return billsCharging(book, billed, { period, runOf });
};

/** Nothing where it had not begun. */
const partOf = (terms: BillTerms, at: Temporal.Instant): PartBill | undefined => {
  const arrears = terms.accountPlans.flatMap((plan) => plan.arrears ?? []);
  if (arrears.every(({ start }) => !isBefore(start, at))) return undefined;
  return { terms: upTo(terms, at), isWhole: arrears.every(({ end }) => !isBefore(at, end)) };
};

/** The bill's terms as if nothing was used from an instant on. */
const upTo = (terms: BillTerms, at: Temporal.Instant): BillTerms => ({
  ...terms,
  accountPlans: terms.accountPlans.map(({ arrears, ...plan }) => {
    if (arrears === undefined || !isBefore(arrears.start, at)) return plan;
    return { ...plan, arrears: isBefore(at, arrears.end) ? { ...arrears, end: at } : arrears };
  }),
});

/** Where a bill, or the time in which a plan is in force, begins or ends. */
export const edgesOf = (
  parts: readonly (Pick<WalletClaim, "period"> & { readonly bills: readonly BillTerms[] })[],
): Temporal.Instant[] =>
  parts
    .flatMap(({ period, bills }) => [
      period,
      ...bills.flatMap(({ accountPlans }) => accountPlans.flatMap(({ arrears }) => arrears ?? [])),
    ])
    .flatMap(({ start, end }) => [start, end]);
