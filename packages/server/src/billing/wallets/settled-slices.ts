import { type Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { chargedFor, slicesOf, type Sources } from "./charged-up-to.ts";
import { fellowsOf } from "./fellow-claims.ts";
import { cutClaims, isOfOne, type JointClaim, jointClaims } from "./joint-claims.ts";
import type { BilledClaim } from "./other-bills.ts";
import { isOfUsage } from "./claims.ts";

/** What is claimed costs so much on its bill, line by line. */
export interface Total extends BilledClaim {
  /** The id of the bill's account. */
  readonly billedTo: string;
  /** Undefined where nobody can tell: nothing is settled then. */
  readonly amounts: readonly Decimal[] | undefined;
  /** Of that, what is of an earlier time. */
  readonly before: readonly Decimal[] | undefined;
  /** The end of what is claimed together, of which it may be a slice. */
  readonly until: Temporal.Instant;
}

interface Settled extends Total {
  /** What another bill charges, which is not rated yet. */
  readonly isFellow?: boolean;
}

/**
 * The totals with what other bills charge for the same calls, all of them cut wherever a bill or a plan of theirs begins
 * or ends: so each bill sets the same sums in the same slices of time, whichever of them are made together. What a
 * close pays for one slice would stand in another bill's time otherwise, which would give it back.
 */
export const settledTotals = async (sources: Sources, own: readonly Total[]): Promise<Total[]> => {
  const usage: Settled[] = own.filter(isOfUsage);
  const fellows: Settled[] = fellowsOf(sources.others, usage).map(({ beside, ...fellow }) => {
    const { billedTo, until } = beside;
    return { ...fellow, billedTo, until, amounts: [], before: [], isFellow: true };
  });
  const joint = jointClaims([...usage, ...fellows]);
  const pieces = await piecesOf(sources, joint);
  const settled = joint.flatMap((one) => {
    const parts = one.claims.map((total) => pieces.get(total) ?? [total]);
    const isUneven = jointClaims(parts.flat()).some(falls);
    const cut = isUneven ? one.claims.map((total, nth) => whole(total, parts[nth] ?? [])) : parts;
    return cut.flat().map((part) => ({ ...part, until: one.period.end }));
  });
  return [...settled, ...own.filter((total) => !isOfUsage(total))];
};

/** The slices of those totals that are not known, or that are cut. */
const piecesOf = async (
  sources: Sources,
  joint: readonly JointClaim<Settled>[],
): Promise<ReadonlyMap<Settled, readonly Total[]>> => {
  const pieces = joint.flatMap((one) => {
    const slices = isKnown(one) ? [] : slicesOf(one);
    return one.claims.flatMap((total) =>
      cutClaims([total], slices).map((piece) => ({ total, piece })),
    );
  });
  const charged = await chargedFor(
    sources,
    pieces.map(({ piece }) => piece),
  );
  const rated = pieces.map(({ total, piece }, nth) => ({
    total,
    piece: { ...piece, ...charged[nth] },
  }));
  const byTotal = Map.groupBy(rated, ({ total }) => total);
  return new Map(
    [...byTotal].map(([total, found]) => {
      const cut = found.map(({ piece }) => piece);
      return [total, withKnownEnd(total, cut)];
    }),
  );
};

/** Where nothing cuts what one bill charges. */
const isKnown = (joint: JointClaim<Settled>): boolean =>
  joint.claims.every(
    ({ isFellow, terms }) => isFellow !== true && terms === joint.claims[0].terms,
  ) && isOfOne(joint);

/** A bill's own charges are known to the end: its slices add up to them. */
const withKnownEnd = (total: Settled, pieces: readonly Total[]): readonly Total[] => {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (total.isFellow === true || first === undefined || last === undefined) return pieces;
  const earlier = first.before;
  const amounts = earlier && total.amounts && [...total.amounts, ...earlier];
  return [...pieces.slice(0, -1), { ...last, amounts }];
};

/** More usage may cost less, where all of it gets another price: only the whole can be settled then. */
const falls = ({ claims }: JointClaim<Total>): boolean =>
  sum(claims.flatMap(({ amounts = [] }) => amounts)).lt(
    sum(claims.flatMap(({ before = [] }) => before)),
  );

const whole = (total: Total, pieces: readonly Total[]): Total[] => {
  const flat = (part: "amounts" | "before") =>
    pieces.some((piece) => piece[part] === undefined)
      ? undefined
      : pieces.flatMap((piece) => piece[part] ?? []);
  return [{ ...total, amounts: flat("amounts"), before: flat("before") }];
};
