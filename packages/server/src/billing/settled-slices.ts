import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { type Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { intersection, type Period, splitPeriod } from "@turnpike/engine/time/period.ts";
import { chargedUpTo, edgesOf, fellowsOf, type Sources } from "./fellow-claims.ts";
import { isOfUsage, type JointClaim, jointClaims, type WalletClaim } from "./wallet-claims.ts";

/** What is claimed costs so much on bills, line by line. */
export interface Total extends WalletClaim {
  /** The id of the bill's account. */
  readonly billedTo: string;
  readonly bills: readonly BillTerms[];
  /** Undefined where nobody can tell: nothing is settled then. */
  readonly amounts: readonly Decimal[] | undefined;
  /** Of that, what is of an earlier time. */
  readonly before: readonly Decimal[] | undefined;
  /** The end of what is claimed together, of which it may be a slice. */
  readonly until: Temporal.Instant;
}

interface Fellow extends Total {
  /** What another bill charges, which is not rated yet. */
  readonly isFellow?: boolean;
}

/**
 * The totals with what other bills charge for the same calls, all of them cut wherever a bill or a plan of theirs begins
 * or ends: so each bill sets the same sums in the same slices of time, whichever of them are made together. What a
 * close pays for one slice would stand in another bill's time otherwise, which would give it back.
 */
export const settledTotals = async (sources: Sources, own: readonly Total[]): Promise<Total[]> => {
  const usage: Fellow[] = own.filter(isOfUsage);
  const fellows: Fellow[] = fellowsOf(sources.given, usage).map(({ claim, beside, bills }) => {
    const { billedTo, until } = beside;
    return { ...claim, billedTo, until, bills, amounts: [], before: [], isFellow: true };
  });
  const joint = jointClaims([...usage, ...fellows]).map((one) => ({ one, slices: slicesOf(one) }));
  const charged = await chargedInSlices(sources, joint);
  const settled = joint.flatMap(({ one, slices }) => {
    const parts = one.claims.map((total) => charged.get(total) ?? [total]);
    const cut = fallsWithin(slices, parts.flat()) ? parts.map(whole) : parts;
    return cut.flat().map((part) => ({ ...part, until: one.period.end }));
  });
  return [...settled, ...own.filter((total) => !isOfUsage(total))];
};

interface Sliced {
  readonly one: JointClaim<Fellow>;
  readonly slices: readonly Period[];
}

/** The parts of those totals that are not known, or that are cut. */
const chargedInSlices = async (
  sources: Sources,
  joint: readonly Sliced[],
): Promise<ReadonlyMap<Fellow, readonly Total[]>> => {
  const pieces = joint.flatMap(({ one, slices }) =>
    one.claims
      .filter((total) => slices.length > 1 || total.isFellow === true)
      .flatMap((total) =>
        slices
          .flatMap((slice) => intersection(slice, total.period) ?? [])
          .map((period) => ({ total, period })),
      ),
  );
  const asked = pieces.flatMap(({ total: claim, period: { start, end } }) =>
    [end, start].map((at) => ({ claim, bills: claim.bills, at })),
  );
  const charged = await chargedUpTo(sources, asked);
  const rated = pieces.map(({ total, period }, nth) => {
    const [amounts, before] = [charged[2 * nth], charged[2 * nth + 1]];
    return { total, piece: { ...total, period, amounts, before } };
  });
  const byTotal = Map.groupBy(rated, ({ total }) => total);
  return new Map(
    [...byTotal].map(([total, found]) => {
      const cut = found.map(({ piece }) => piece);
      return [total, withKnownEnd(total, cut)];
    }),
  );
};

/** One where nothing cuts them, or one bill charges all of it. */
const slicesOf = ({ claims, period }: JointClaim<Total>): readonly Period[] => {
  const bills = new Set(claims.flatMap((claim) => claim.bills));
  return bills.size === 1 ? [period] : splitPeriod(period, edgesOf(claims));
};

/** A bill's own charges are known to the end: its slices add up to them. */
const withKnownEnd = (total: Fellow, pieces: readonly Total[]): readonly Total[] => {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (total.isFellow === true || first === undefined || last === undefined) return pieces;
  const earlier = first.before;
  const amounts = earlier && total.amounts && [...total.amounts, ...earlier];
  return [...pieces.slice(0, -1), { ...last, amounts }];
};

/** More usage may cost less, where all of it gets another price: only the whole can be settled then. */
const fallsWithin = (slices: readonly Period[], pieces: readonly Total[]): boolean =>
  slices.some((slice) => {
    const own = pieces.filter(({ period }) => intersection(slice, period) !== undefined);
    const amounts = own.flatMap((piece) => piece.amounts ?? []);
    return sum(amounts).lt(sum(own.flatMap((piece) => piece.before ?? [])));
  });

const whole = (pieces: readonly Total[]): Total[] => {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (first === undefined || last === undefined) return [];
  const flat = (part: "amounts" | "before") =>
    pieces.some((piece) => piece[part] === undefined)
      ? undefined
      : pieces.flatMap((piece) => piece[part] ?? []);
  const period = { start: first.period.start, end: last.period.end };
  return [{ ...first, period, amounts: flat("amounts"), before: flat("before") }];
};
