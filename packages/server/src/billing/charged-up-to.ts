import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { offsetCharges } from "@turnpike/engine/bill/offset-charges.ts";
import { isAmong } from "@turnpike/engine/bill/plan-charges.ts";
import { linesApart } from "@turnpike/engine/bill/rate-bill.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import { isBefore, type Period, splitPeriod } from "@turnpike/engine/time/period.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import type { Given } from "./bill-candidates.ts";
import type { Reader } from "./catalog-snapshot.ts";
import { rateCharges, type Rated } from "./current-charges.ts";
import { edgesOf, type JointClaim } from "./joint-claims.ts";
import type { BilledClaim, OtherBills } from "./other-bills.ts";
import { chargesOf, type WalletClaim } from "./wallet-claims.ts";

/**
 * Calls that plans of several bills price were paid for all of them together. What a bill charges of a stretch of time is
 * what it charges up to its end, less what it charges up to its start: so the parts of a bill add up to the bill wherever
 * others cut it, and every bill finds the same sum.
 */

/** From what bills are calculated. */
export interface Sources {
  readonly reader: Reader;
  readonly usage: UsageStore;
  readonly given: Given;
  readonly others: OtherBills;
}

/** Line by line, up to the end of what is claimed and up to its start; undefined where a bill cannot be rated. */
export interface Charged {
  readonly amounts: readonly Decimal[] | undefined;
  readonly before: readonly Decimal[] | undefined;
}

/** What its bill charges for each claim. */
export const chargedFor = async (
  sources: Sources,
  claims: readonly BilledClaim[],
): Promise<Charged[]> => {
  const known = new Map<string, PartBill>();
  const numbers = new Map(
    [...new Set(claims.map(({ terms }) => terms))].map((one, nth) => [one, nth]),
  );
  const partOf = (terms: BillTerms, at: Temporal.Instant): PartBill | undefined => {
    const part = billUpTo(terms, at);
    if (part === undefined) return undefined;
    // A bill that has ended charges the same at any later time.
    const name = `${numbers.get(terms)}/${part.isWhole ? "" : at.toString()}`;
    const same = known.get(name) ?? part;
    known.set(name, same);
    return same;
  };
  const parts = claims.map(({ terms, period }) => ({
    end: partOf(terms, period.end),
    start: partOf(terms, period.start),
  }));
  const all = [...known.values()];
  const { book } = sources.given;
  const rated = await rateCharges(
    sources,
    book,
    all.map(({ terms }) => terms),
  );
  const answers = new Map(all.map((part, nth) => [part, rated[nth]]));
  const chargedBy = (claim: WalletClaim, part: PartBill | undefined) =>
    part === undefined ? [] : chargedOn(claim, part, answers.get(part));
  return claims.map((claim, nth) => ({
    amounts: chargedBy(claim, parts[nth]?.end),
    before: chargedBy(claim, parts[nth]?.start),
  }));
};

/** The time of what is joint, cut wherever a bill, or what is claimed on it, begins or ends. */
export const slicesOf = ({ claims, period }: JointClaim<BilledClaim>): readonly Period[] => {
  const arrears = claims.flatMap(({ terms }) =>
    terms.accountPlans.flatMap((plan) => plan.arrears ?? []),
  );
  return splitPeriod(period, [...claims.map((claim) => claim.period), ...arrears].flatMap(edgesOf));
};

/** A bill as of an instant. */
interface PartBill {
  readonly terms: BillTerms;
  readonly isWhole: boolean;
}

/** Nothing where it had not begun. */
const billUpTo = (terms: BillTerms, at: Temporal.Instant): PartBill | undefined => {
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
