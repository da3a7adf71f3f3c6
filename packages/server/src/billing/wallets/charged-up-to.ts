import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { type OffsetCharge, offsetCharges } from "@turnpike/engine/bill/offset-charges.ts";
import { isAmong } from "@turnpike/engine/bill/plan-charges.ts";
import type { Line } from "@turnpike/engine/bill/line.ts";
import { linesApart } from "@turnpike/engine/bill/rate-bill.ts";
import { offsetsCharges } from "@turnpike/engine/bill/rules.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import { isBefore, type Period, splitPeriod } from "@turnpike/engine/time/period.ts";
import type { UsageStore } from "../../ports/usage-store.ts";
import type { Given } from "../bill-candidates.ts";
import type { Reader } from "../../ports/database.ts";
import { rateCharges, type Rated } from "../current-charges.ts";
import { edgesOf, type JointClaim } from "./joint-claims.ts";
import type { BilledClaim, OtherBills } from "./other-bills.ts";
import { chargesOf, type WalletClaim } from "./claims.ts";

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
  const partOf = partsOfBills();
  const parts = claims.map(({ terms, period }) => ({
    end: partOf(terms, period.end),
    start: partOf(terms, period.start),
  }));
  const all = [...new Set(parts.flatMap(({ end, start }) => [end ?? [], start ?? []].flat()))];
  const asked = [...new Set(all.flatMap(({ terms, bill }) => [terms, bill]))];
  const found = await rateCharges(sources, sources.given.book, asked);
  const rated = new Map(asked.map((terms, nth) => [terms, found[nth]]));
  const charges = new Map(all.map((part) => [part, chargesBy(part, rated)]));
  const chargedBy = (claim: WalletClaim, part: PartBill | undefined) =>
    part === undefined ? [] : chargedOn(claim, charges.get(part));
  return claims.map((claim, nth) => ({
    amounts: chargedBy(claim, parts[nth]?.end),
    before: chargedBy(claim, parts[nth]?.start),
  }));
};

/** Each part of a bill once: one that has ended charges the same at any later time. */
const partsOfBills = () => {
  const known = new Map<BillTerms, Map<string, PartBill | undefined>>();
  return (terms: BillTerms, at: Temporal.Instant): PartBill | undefined => {
    const own = known.get(terms) ?? new Map<string, PartBill | undefined>();
    known.set(terms, own);
    const name = at.toString();
    if (own.has(name)) return own.get(name);
    const part = billUpTo(terms, at);
    const same = part && isWhole(part) ? (own.get(whole) ?? part) : part;
    if (same && isWhole(same)) own.set(whole, same);
    own.set(name, same);
    return same;
  };
};

const whole = "whole";

/** The time of what is joint, cut wherever a bill, or what is claimed on it, begins or ends. */
export const slicesOf = ({ claims, period }: JointClaim<BilledClaim>): readonly Period[] => {
  const bills = new Set(claims.map(({ terms }) => terms));
  const arrears = [...bills].flatMap(({ accountPlans }) =>
    accountPlans.flatMap((plan) => plan.arrears ?? []),
  );
  return splitPeriod(period, [...claims.map((claim) => claim.period), ...arrears].flatMap(edgesOf));
};

/** A bill as of an instant. */
interface PartBill {
  readonly terms: BillTerms;
  /** The same, where the bill has ended by then. */
  readonly bill: BillTerms;
}

const isWhole = ({ terms, bill }: PartBill): boolean => terms === bill;

/** Nothing where it had not begun. */
const billUpTo = (terms: BillTerms, at: Temporal.Instant): PartBill | undefined => {
  const arrears = terms.accountPlans.flatMap((plan) => plan.arrears ?? []);
  if (arrears.every(({ start }) => !isBefore(start, at))) return undefined;
  const hasEnded = arrears.every(({ end }) => !isBefore(at, end));
  return { terms: hasEnded ? terms : upTo(terms, at), bill: terms };
};

/** The bill's terms as if nothing was used from an instant on. */
const upTo = (terms: BillTerms, at: Temporal.Instant): BillTerms => ({
  ...terms,
  accountPlans: terms.accountPlans.map(({ arrears, ...plan }) => {
    if (arrears === undefined || !isBefore(arrears.start, at)) return plan;
    return { ...plan, arrears: isBefore(at, arrears.end) ? { ...arrears, end: at } : arrears };
  }),
});

/** By account plan; undefined where the bill cannot be rated. */
type Charges = ReadonlyMap<string | undefined, readonly OffsetCharge[]>;

const chargesBy = (
  part: PartBill,
  rated: ReadonlyMap<BillTerms, Rated | undefined>,
): Charges | undefined => {
  const [own, bill] = [rated.get(part.terms), rated.get(part.bill)];
  if (own === undefined || bill === undefined) return undefined;
  const apart = linesApart(own.facts, own.lines);
  const known = isWhole(part) ? apart : [...apart.filter(isByUsage), ...givenBack(bill)];
  return Map.groupBy(offsetCharges(own.facts, known), ({ line }) => line.accountPlanId);
};

const isByUsage = ({ lineItemType: type }: Line): boolean =>
  type === "USAGE" || type === "USAGE_CREDIT";

/**
 * What a bill gives back of what was charged in advance is the whole bill's, and lowers what is used first: at the end it
 * would lower what was charged for earlier time, of which another bill settles a part.
 */
const givenBack = ({ facts, lines }: Rated): Line[] =>
  linesApart(facts, lines).filter((line) => offsetsCharges(line) && !isByUsage(line));

const chargedOn = (claim: WalletClaim, charges: Charges | undefined): Decimal[] | undefined => {
  if (charges === undefined) return undefined;
  const own = charges.get(claim.accountPlan.id) ?? [];
  return own
    .filter(({ line }) => line.currency === claim.asset && isAmong(chargesOf(claim), line))
    .map(({ cost }) => cost);
};
