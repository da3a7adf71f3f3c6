import { movements, signed } from "./book.ts";
import { standingOf } from "./slice.ts";
import { usesOf } from "./use.ts";
import {
  type Authorization,
  type Changes,
  type Grant,
  isLease,
  type LedgerState,
  type Posting,
  type WalletAccount,
} from "./rows.ts";

/**
 * The invariants of f.8 that one state and its postings can show, as sentences of what is wrong. Tests
 * run them after every step, and over stored rows (`auditLedger` of the server).
 */
export const brokenInvariants = (state: LedgerState, postings: readonly Posting[]): string[] => [
  ...foldMismatches(state, postings),
  ...postings.flatMap(signFaults),
  ...walletFaults(state),
  ...[...state.grants.values()].flatMap(grantFaults),
  ...[...state.authorizations.values()].flatMap(authorizationFaults),
  ...heldFaults(state),
  ...counterFaults(state),
  ...concurrencyFaults(state),
  ...positionFaults(state),
];

/**
 * What rows that are about to be written would break by themselves: a defect then fails its batch instead of
 * overspending (I2, I3, I4, I5, I11, I12).
 */
export const faultsOfRows = ({
  walletAccounts,
  grants,
  authorizations,
  postings,
}: Pick<Changes, "walletAccounts" | "grants" | "authorizations" | "postings">): string[] => [
  ...walletAccounts.flatMap(walletAccountFaults),
  ...grants.flatMap(grantFaults),
  ...authorizations.flatMap(authorizationFaults),
  ...postings.flatMap(signFaults),
];

const none: readonly string[] = [];

const fault = (holds: boolean, sentence: () => string): readonly string[] =>
  holds ? none : [sentence()];

/** I1: C, D, H and X are the fold of the postings alone. */
const foldMismatches = (state: LedgerState, postings: readonly Posting[]): string[] => {
  const folds = new Map<string, [bigint, bigint, bigint, bigint]>();
  for (const { walletAccount, kind, amount } of postings) {
    if (walletAccount === null) continue;
    const fold = folds.get(walletAccount) ?? [0n, 0n, 0n, 0n];
    const [c, d, h, x] = movements[kind].effect;
    folds.set(walletAccount, [
      signed(fold[0], c, amount),
      signed(fold[1], d, amount),
      signed(fold[2], h, amount),
      signed(fold[3], x, amount),
    ]);
  }
  return [...state.walletAccounts.values()].flatMap((row) => {
    const [c, d, h, x] = folds.get(row.id) ?? [0n, 0n, 0n, 0n];
    const equal = c === row.credited && d === row.debited && h === row.held && x === row.debt;
    return fault(equal, () => `I1 ${row.id} is not the fold of its postings`);
  });
};

/** I2: what a posting takes from one book it gives to another (`book.ts`), so that only its amount can be wrong. */
const signFaults = ({ transaction, amount }: Posting): readonly string[] =>
  fault(amount > 0n, () => `I2 ${transaction} moves ${amount}`);

/** I3, I4 */
const walletAccountFaults = (row: WalletAccount): string[] => [
  ...fault(row.credited - row.debited - row.held >= 0n, () => `I3 ${row.id} is overspent`),
  ...fault(row.held >= 0n, () => `I3 ${row.id} holds less than nothing`),
  ...fault(row.debt >= 0n && row.debt <= row.debtLimit, () => `I4 ${row.id} owes too much`),
];

/** I3, I4, I6 */
const walletFaults = ({ grants, walletAccounts }: LedgerState): string[] => {
  const taken = [...grants.values()].filter(({ state }) => state !== "scheduled");
  const byWallet = Map.groupBy(taken, ({ walletAccount }) => walletAccount);
  return [...walletAccounts.values()].flatMap((row) => {
    const own = byWallet.get(row.id) ?? [];
    const inGrants = own.reduce((total, { remaining, held }) => total + remaining + held, 0n);
    const holdsOfRow = own.reduce((total, { held }) => total + held, 0n);
    const isWhole = inGrants === row.credited - row.debited;
    return [
      ...walletAccountFaults(row),
      ...fault(isWhole, () => `I6 ${row.id} differs from its grants`),
      ...fault(holdsOfRow === row.held, () => `I6 ${row.id} holds what its grants do not`),
    ];
  });
};

/** I5 */
const grantFaults = (grant: Grant): string[] => {
  const parts = [grant.remaining, grant.held, grant.consumed, grant.breakage, grant.transferred];
  const total = parts.reduce((sum, part) => sum + part, 0n);
  return [
    ...fault(total === grant.terms.amount, () => `I5 ${grant.id} does not add up`),
    ...fault(
      parts.every((part) => part >= 0n),
      () => `I5 ${grant.id} has a negative part`,
    ),
  ];
};

/** I11, I12 */
const authorizationFaults = (row: Authorization): string[] => {
  const open = row.legs.reduce((total, leg) => total + leg.pinned - leg.settled, 0n);
  const unknown = row.settled - row.refunded - standingOf(row);
  const isFunded = isLease(row) ? unknown >= 0n : unknown === 0n;
  return [
    ...fault(row.held >= 0n, () => `I11 ${row.id} holds less than nothing`),
    ...fault(row.state === "HELD" || row.held === 0n, () => `I11 ${row.id} holds after its end`),
    ...fault(open <= row.held, () => `I12 ${row.id} pins more than it holds`),
    ...fault(
      row.refunded >= 0n && row.refunded <= row.settled,
      () => `I12 ${row.id} refunds too much`,
    ),
    ...fault(isFunded, () => `I12 ${row.id} is settled by something unknown`),
  ];
};

/** I1: what a wallet account holds is what its open authorizations have pinned, slice by slice. */
const heldFaults = (state: LedgerState): string[] => {
  const pinned = new Map<string, bigint>();
  for (const { legs } of state.authorizations.values())
    for (const { slices } of legs)
      for (const { grant, held } of slices) pinned.set(grant, (pinned.get(grant) ?? 0n) + held);
  return [...state.grants.values()].flatMap((grant) =>
    fault((pinned.get(grant.id) ?? 0n) === grant.held, () => `I1 ${grant.id} is held by nobody`),
  );
};

interface Standing {
  readonly posted: bigint;
  readonly held: bigint;
}

const nothing: Standing = { posted: 0n, held: 0n };

/** By what each names. */
const summed = (
  standings: readonly (readonly [id: string, standing: Standing])[],
): ReadonlyMap<string, Standing> => {
  const sums = new Map<string, Standing>();
  for (const [id, { posted, held }] of standings) {
    const sum = sums.get(id) ?? nothing;
    sums.set(id, { posted: sum.posted + posted, held: sum.held + held });
  }
  return sums;
};

/** Budget counters are the sums over the authorizations that they count (I13, I14). */
const counterFaults = (state: LedgerState): string[] => {
  const sums = summed(
    [...state.authorizations.values()].flatMap((row) => [
      ...row.terms.assetCounters.map(
        (id) => [id, { posted: standingOf(row), held: row.held }] as const,
      ),
      ...usesOf(row).flatMap(({ unitCounters, held, settled, refunded }) =>
        unitCounters.map((id) => [id, { posted: settled - refunded, held }] as const),
      ),
    ]),
  );
  return [...state.counters.values()].flatMap(({ id, posted, held }) => {
    const sum = sums.get(id) ?? nothing;
    const isEqual = sum.posted === posted && sum.held === held;
    return fault(isEqual, () => `I13 ${id} is not the sum of its authorizations`);
  });
};

/** I28 */
const concurrencyFaults = (state: LedgerState): string[] => {
  const open = new Map<string, number>();
  for (const { state: standing, terms } of state.authorizations.values())
    if (standing === "HELD")
      for (const id of terms.concurrencyLimits) open.set(id, (open.get(id) ?? 0) + 1);
  return [...state.concurrencyCounts.values()].flatMap(({ id, held }) => {
    // An operator may lower a limit below what is open already.
    const limit = state.concurrencyLimits.get(id)?.limit ?? held;
    return [
      ...fault((open.get(id) ?? 0) === held, () => `I28 ${id} counts wrongly`),
      ...fault(held <= limit, () => `I28 ${id} is exceeded`),
    ];
  });
};

/** How far a period has come is where it began and what its authorizations settled, less refunds, and what they hold (I20). */
const positionFaults = (state: LedgerState): string[] => {
  const sums = summed(
    [...state.authorizations.values()]
      .flatMap(usesOf)
      .flatMap(({ position, held, settled, refunded }) =>
        position === null ? [] : [[position, { posted: settled - refunded, held }] as const],
      ),
  );
  return [...state.positions.values()].flatMap(({ id, posted, before, held }) => {
    const sum = sums.get(id) ?? nothing;
    const isEqual = before + sum.posted === posted && sum.held === held;
    return fault(isEqual, () => `I20 ${id} is not the sum of its authorizations`);
  });
};
