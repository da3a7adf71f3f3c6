import { type Decimal, max, min, sum, zero } from "@turnpike/engine/exact/decimal.ts";
import { chargedFor, slicesOf, type Sources } from "./charged-up-to.ts";
import { cutClaims, type JointClaim, jointClaims } from "./joint-claims.ts";
import type { BilledClaim } from "./other-bills.ts";
import type { WalletClaim } from "./claims.ts";

/** What a bill claims, or another one of the same debits. */
export interface Sharing extends BilledClaim {
  readonly isOwn: boolean;
}

/**
 * What a bill has of what was paid for it and others together. What nobody paid is missing, in each stretch of time that
 * no bill cuts, first to the plan that was attached last, of its members first to the owner: so all of the bills together
 * draw what was paid.
 */
export const ownShare = async (
  sources: Sources,
  joint: JointClaim<Sharing>,
  paidFor: (part: JointClaim<Sharing>) => Promise<Decimal>,
): Promise<Decimal> => {
  const pieces = cutClaims(joint.claims, slicesOf(joint));
  const charged = await chargedFor(sources, pieces);
  const costs = new Map(
    charged.map(({ amounts = [], before = [] }, nth) => [
      pieces[nth],
      max(sum(amounts).minus(sum(before)), zero),
    ]),
  );
  let share = zero;
  for (const part of jointClaims(pieces)) {
    const owed = part.claims
      .toSorted((a, b) => (rankOf(a) < rankOf(b) ? 1 : -1))
      .map((claim) => ({ claim, cost: costs.get(claim) ?? zero }));
    let missing = sum(owed.map(({ cost }) => cost)).minus(await paidFor(part));
    for (const { claim, cost } of owed) {
      const unpaid = max(min(missing, cost), zero);
      missing = missing.minus(unpaid);
      if (claim.isOwn) share = share.plus(cost.minus(unpaid));
    }
  }
  return share;
};

/** What each bill ranks the same way, also where the same plan is on several: of an owner and of its children. */
const rankOf = ({ accountPlan: { id, account }, accounts: [code] }: WalletClaim): string =>
  `${id} ${code === account.code ? 1 : 0} ${code}`;
