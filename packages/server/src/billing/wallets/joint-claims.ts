import {
  compareInstants,
  intersection,
  isBefore,
  type Period,
  spanning,
  splitPeriod,
} from "@turnpike/engine/time/period.ts";
import { claimIn, metersOf, type WalletClaim } from "./claims.ts";

/** Claims on the same debits: what was paid was paid for all of them. */
export interface JointClaim<Claim extends WalletClaim> {
  readonly claims: readonly [Claim, ...Claim[]];
  /** Those of all of them; what is missing, the first one pays. */
  readonly accounts: WalletClaim["accounts"];
  readonly meters: readonly string[];
  readonly period: Period;
}

/** What somebody has a claim on: debits of these accounts, for these meters, of this time. */
export type Claimed = Pick<WalletClaim, "accounts" | "of" | "period">;

/** The claims with those put together that share debits and are settled by one close. */
export const jointClaims = <Claim extends WalletClaim>(
  claims: readonly Claim[],
): JointClaim<Claim>[] =>
  [...Map.groupBy(claims, closeOf).values()].flatMap(sharingDebits).flatMap(joined);

/** The same, cut in time: what is joint then has only such debits as one of its claims has, of another as well or not. */
export const jointClaimsInSlices = <Claim extends WalletClaim>(
  claims: readonly Claim[],
): JointClaim<Claim>[] =>
  jointClaims(claims).flatMap((joint) => {
    if (isOfOne(joint)) return [joint];
    const edges = joint.claims.flatMap(({ period }) => edgesOf(period));
    return jointClaims(cutClaims(joint.claims, splitPeriod(joint.period, edges)));
  });

/** What is claimed in each of the periods. */
export const cutClaims = <Claim extends WalletClaim>(
  claims: readonly Claim[],
  periods: readonly Period[],
): Claim[] => periods.flatMap((period) => claims.flatMap((claim) => claimIn(claim, period) ?? []));

/** The close of which period, in which asset. */
export const closeOf = ({ asset, billed, accountPlan }: WalletClaim): string => {
  const { frequency, interval } = accountPlan.cadence;
  return JSON.stringify([asset, frequency, interval, billed.end.toString()]);
};

/** Whether everybody has the same accounts, and one of them all of the debits. */
export const isOfOne = ({ claims, accounts, meters, period }: JointClaim<WalletClaim>): boolean =>
  claims.every((claim) => claim.accounts.length === accounts.length) &&
  claims.some(
    (claim) =>
      metersOf(claim).length === meters.length &&
      compareInstants(claim.period.start, period.start) === 0 &&
      compareInstants(claim.period.end, period.end) === 0,
  );

export const edgesOf = ({ start, end }: Period): Temporal.Instant[] => [start, end];

/** The product of all that is claimed together; null of several, or of none. */
export const productOf = ({ claims }: JointClaim<WalletClaim>): string | null => {
  const [first, ...others] = new Set(claims.flatMap(({ productIds }) => productIds));
  return others.length > 0 ? null : (first ?? null);
};

const joined = <Claim extends WalletClaim>(claims: readonly Claim[]): JointClaim<Claim>[] => {
  const [first, ...others] = claims.toSorted((a, b) =>
    compareInstants(a.period.start, b.period.start),
  );
  if (first === undefined) return [];
  const all = [first, ...others] as const;
  // A plan of several accounts is its first one's: what else is joined to it is of the others.
  const [payer] = all.reduce((widest, claim) =>
    claim.accounts.length > widest.accounts.length ? claim : widest,
  ).accounts;
  const users = new Set(all.flatMap(({ accounts }) => accounts));
  users.delete(payer);
  return [
    {
      claims: all,
      accounts: [payer, ...users],
      meters: [...new Set(all.flatMap(metersOf))],
      period: all.map(({ period }) => period).reduce(spanning),
    },
  ];
};

/** Some claims, with all debits of their accounts for their meters in their time. */
interface Box<One> {
  readonly members: One[];
  readonly accounts: ReadonlySet<string>;
  readonly meters: ReadonlySet<string>;
  readonly period: Period;
}

type Boxes<One> = Map<string, Set<Box<One>>>;

/** In groups, each of those that share debits, also through others that share some with both. */
export const sharingDebits = <One extends Claimed>(all: readonly One[]): One[][] => {
  const byAccount: Boxes<One> = new Map();
  for (const one of all) {
    const { accounts, period } = one;
    const meters = new Set(metersOf(one));
    putInto(byAccount, { members: [one], accounts: new Set(accounts), meters, period });
  }
  const places = new Map(all.map((one, place) => [one, place]));
  const placeOf = (one: One | undefined): number => (one && places.get(one)) ?? 0;
  const boxes = new Set([...byAccount.values()].flatMap((own) => [...own]));
  return [...boxes]
    .map(({ members }) => members.toSorted((a, b) => placeOf(a) - placeOf(b)))
    .toSorted(([a], [b]) => placeOf(a) - placeOf(b));
};

/** With those that it meets it is larger, and may meet more; one that has all of it stays as it is. */
const putInto = <One>(byAccount: Boxes<One>, box: Box<One>): void => {
  const met = new Set(
    [...box.accounts].flatMap((account) =>
      [...(byAccount.get(account) ?? [])].filter((other) => shareMeterAndTime(box, other)),
    ),
  );
  const [first, ...others] = met;
  if (first !== undefined && others.length === 0 && hasAllOf(first, box)) {
    first.members.push(...box.members);
    return;
  }
  for (const other of met)
    for (const account of other.accounts) byAccount.get(account)?.delete(other);
  if (first !== undefined) return putInto(byAccount, together([box, first, ...others]));
  for (const account of box.accounts)
    byAccount.set(account, (byAccount.get(account) ?? new Set()).add(box));
};

const shareMeterAndTime = <One>(a: Box<One>, b: Box<One>): boolean =>
  !a.meters.isDisjointFrom(b.meters) && intersection(a.period, b.period) !== undefined;

const hasAllOf = <One>(large: Box<One>, small: Box<One>): boolean =>
  small.accounts.isSubsetOf(large.accounts) &&
  small.meters.isSubsetOf(large.meters) &&
  !isBefore(small.period.start, large.period.start) &&
  !isBefore(large.period.end, small.period.end);

const together = <One>(boxes: readonly [Box<One>, ...Box<One>[]]): Box<One> => ({
  members: boxes.flatMap(({ members }) => members),
  accounts: new Set(boxes.flatMap(({ accounts }) => [...accounts])),
  meters: new Set(boxes.flatMap(({ meters }) => [...meters])),
  period: boxes.map(({ period }) => period).reduce(spanning),
});
