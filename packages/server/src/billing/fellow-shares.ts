import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { type Decimal, max, min, sum, zero } from "@turnpike/engine/exact/decimal.ts";
import { type Period, splitPeriod } from "@turnpike/engine/time/period.ts";
import { chargedUpTo, edgesOf, type Fellow, type Sources } from "./fellow-claims.ts";
import type { JointClaim, WalletClaim } from "./wallet-claims.ts";

interface Shared {
  readonly terms: BillTerms;
  readonly own: JointClaim<WalletClaim>;
  /** What other bills charge for the same calls. */
  readonly fellows: readonly Fellow<WalletClaim>[];
  /** What nobody paid for these calls. */
  readonly shortfallIn: (period: Period) => Promise<Decimal>;
}

/** What bills charge of a plan. */
interface Part {
  readonly claim: WalletClaim;
  readonly bills: readonly BillTerms[];
  readonly isOwn: boolean;
}

/**
 * What the bills of other plans have of what was paid in the time of a bill. What nobody paid is missing, in each
 * stretch of time that no bill cuts, first to the plan that was attached last: so all bills together draw what was paid.
 */
export const sharesOfOthers = async (
  sources: Sources,
  { terms, own, fellows, shortfallIn }: Shared,
): Promise<Decimal> => {
  const parts: Part[] = [
    ...own.claims.map((claim) => ({ claim, bills: [terms], isOwn: true })),
    ...fellows.map(({ claim, bills }) => ({ claim, bills, isOwn: false })),
  ].toSorted((a, b) => (a.claim.accountPlan.id < b.claim.accountPlan.id ? 1 : -1));
  const slices = splitPeriod(
    own.period,
    edgesOf(parts.map(({ claim: { period }, bills }) => ({ period, bills }))),
  );
  const edges = [own.period.start, ...slices.map(({ end }) => end)];
  const asked = parts.flatMap(({ claim, bills }) => edges.map((at) => ({ claim, bills, at })));
  const charged = (await chargedUpTo(sources, asked)).map((amounts) => sum(amounts ?? []));
  let others = zero;
  for (const [nth, slice] of slices.entries()) {
    let missing = await shortfallIn(slice);
    for (const [place, { isOwn }] of parts.entries()) {
      const first = place * edges.length + nth;
      const cost = max((charged[first + 1] ?? zero).minus(charged[first] ?? zero), zero);
      const unpaid = min(missing, cost);
      missing = missing.minus(unpaid);
      if (!isOwn) others = others.plus(cost.minus(unpaid));
    }
  }
  return others;
};
