import { movements, signed, type PostingKind } from "./book.ts";
import { windowAt, type Budget, type Window } from "./budget-window.ts";
import { inBurnOrder } from "./grant-order.ts";
import { Overlay } from "./overlay.ts";
import { emptyPosition } from "./price.ts";
import type { RateBucket } from "./rate-limit.ts";
import type * as rows from "./rows.ts";
import { emptyWalletAccount, walletAccountId } from "./rows.ts";
import { outermostFirst } from "./scope.ts";

/** The grants of one wallet account in burn order. */
interface GrantOrder {
  readonly id: string;
  readonly grants: readonly string[];
}

/** What is derived from the state once per batch; shared by forks, because none of it changes. */
interface Cache {
  budgets: readonly Budget[] | undefined;
  readonly windows: Map<string, Window>;
  grantsByWalletAccount: Map<string, rows.Grant[]> | undefined;
}

/** The state with the changes of the batch so far on top; linked requests work on a fork. */
export interface Draft {
  readonly state: rows.LedgerState;
  /** Server time; the sweep sets it to each due instant, so that when it runs makes no difference. */
  now: rows.EpochMs;
  readonly cache: Cache;
  readonly walletAccounts: Overlay<rows.WalletAccount>;
  readonly grants: Overlay<rows.Grant>;
  readonly grantOrders: Overlay<GrantOrder>;
  readonly authorizations: Overlay<rows.Authorization>;
  readonly decisions: Overlay<rows.StoredDecision>;
  readonly counters: Overlay<rows.Counter>;
  readonly rateBuckets: Overlay<RateBucket>;
  readonly concurrencyCounts: Overlay<rows.ConcurrencyCount>;
  readonly positions: Overlay<rows.Position>;
  readonly topUps: Overlay<rows.TopUp>;
  readonly topUpRules: Overlay<rows.TopUpRule>;
  readonly postings: rows.Posting[];
  readonly events: rows.UsageEvent[];
  readonly alerts: rows.Alert[];
  /** Names the transaction that the next postings belong to. */
  transaction: string;
}

export const openDraft = (state: rows.LedgerState, now: rows.EpochMs): Draft => ({
  state,
  now,
  cache: { budgets: undefined, windows: new Map(), grantsByWalletAccount: undefined },
  walletAccounts: new Overlay(state.walletAccounts),
  grants: new Overlay(state.grants),
  grantOrders: new Overlay<GrantOrder>(new Map()),
  authorizations: new Overlay(state.authorizations),
  decisions: new Overlay(state.decisions),
  counters: new Overlay(state.counters),
  rateBuckets: new Overlay(state.rateBuckets),
  concurrencyCounts: new Overlay(state.concurrencyCounts),
  positions: new Overlay(state.positions),
  topUps: new Overlay(state.topUps),
  topUpRules: new Overlay(state.topUpRules),
  postings: [],
  events: [],
  alerts: [],
  transaction: "",
});

/** A draft over this one, for what may have to be dropped: a dry run or a linked batch. */
export const forkDraft = (draft: Draft): Draft => ({
  state: draft.state,
  now: draft.now,
  cache: draft.cache,
  walletAccounts: draft.walletAccounts.fork(),
  grants: draft.grants.fork(),
  grantOrders: draft.grantOrders.fork(),
  authorizations: draft.authorizations.fork(),
  decisions: draft.decisions.fork(),
  counters: draft.counters.fork(),
  rateBuckets: draft.rateBuckets.fork(),
  concurrencyCounts: draft.concurrencyCounts.fork(),
  positions: draft.positions.fork(),
  topUps: draft.topUps.fork(),
  topUpRules: draft.topUpRules.fork(),
  postings: [],
  events: [],
  alerts: [],
  transaction: draft.transaction,
});

export const absorbFork = (draft: Draft, fork: Draft): void => {
  draft.walletAccounts.absorb(fork.walletAccounts);
  draft.grants.absorb(fork.grants);
  draft.grantOrders.absorb(fork.grantOrders);
  draft.authorizations.absorb(fork.authorizations);
  draft.decisions.absorb(fork.decisions);
  draft.counters.absorb(fork.counters);
  draft.rateBuckets.absorb(fork.rateBuckets);
  draft.concurrencyCounts.absorb(fork.concurrencyCounts);
  draft.positions.absorb(fork.positions);
  draft.topUps.absorb(fork.topUps);
  draft.topUpRules.absorb(fork.topUpRules);
  draft.postings.push(...fork.postings);
  draft.events.push(...fork.events);
  draft.alerts.push(...fork.alerts);
};

export const changesOf = (draft: Draft): rows.Changes => ({
  walletAccounts: draft.walletAccounts.changed(),
  grants: draft.grants.changed(),
  authorizations: draft.authorizations.changed(),
  counters: draft.counters.changed(),
  rateBuckets: draft.rateBuckets.changed(),
  concurrencyCounts: draft.concurrencyCounts.changed(),
  positions: draft.positions.changed(),
  topUps: draft.topUps.changed(),
  topUpRules: draft.topUpRules.changed(),
  decisions: draft.decisions.changed(),
  postings: draft.postings,
  events: draft.events,
  alerts: draft.alerts,
});

export const walletAccountOf = (draft: Draft, account: string, asset: string): rows.WalletAccount =>
  draft.walletAccounts.get(walletAccountId(account, asset)) ?? emptyWalletAccount(account, asset);

/** A wallet account that a leg, grant or rule names; one never seen holds nothing yet. */
export const walletAccountById = (draft: Draft, id: string): rows.WalletAccount => {
  const slash = id.indexOf("/");
  return (
    draft.walletAccounts.get(id) ?? emptyWalletAccount(id.slice(slash + 1), id.slice(0, slash))
  );
};

interface Movement {
  readonly kind: PostingKind;
  readonly amount: bigint;
  readonly grant?: string;
  readonly authorization?: string;
}

/** Books a movement and folds it into the wallet account's row in the same step (I1, I2). */
export const post = (draft: Draft, walletAccount: string, movement: Movement): void => {
  const { kind, amount } = movement;
  if (amount === 0n) return;
  const row = walletAccountById(draft, walletAccount);
  draft.postings.push(postingOf(draft, { ...movement, asset: row.asset, walletAccount }));
  const [credited, debited, held, debt] = movements[kind].effect;
  draft.walletAccounts.put({
    id: row.id,
    account: row.account,
    asset: row.asset,
    credited: signed(row.credited, credited, amount),
    debited: signed(row.debited, debited, amount),
    held: signed(row.held, held, amount),
    debt: signed(row.debt, debt, amount),
    debtLimit: row.debtLimit,
    mode: row.mode,
    seenAt: Math.max(row.seenAt, draft.now),
  });
};

/** Books a movement between the organization's own books: a conversion between two assets. */
export const postBetweenOwnBooks = (draft: Draft, asset: string, movement: Movement): void => {
  if (movement.amount === 0n) return;
  draft.postings.push(postingOf(draft, { ...movement, asset, walletAccount: null }));
};

const postingOf = (
  draft: Draft,
  movement: Movement & { readonly asset: string; readonly walletAccount: string | null },
): rows.Posting => ({
  transaction: draft.transaction,
  kind: movement.kind,
  asset: movement.asset,
  walletAccount: movement.walletAccount,
  grant: movement.grant ?? null,
  authorization: movement.authorization ?? null,
  amount: movement.amount,
});

/** The ids of a wallet account's grants in burn order. */
export const grantsInBurnOrder = (draft: Draft, walletAccount: string): readonly string[] => {
  const known = draft.grantOrders.get(walletAccount);
  if (known !== undefined) return known.grants;
  const loaded = grantsByWalletAccount(draft).get(walletAccount) ?? [];
  const grants = loaded.sort(inBurnOrder).map((grant) => grant.id);
  draft.grantOrders.put({ id: walletAccount, grants });
  return grants;
};

const grantsByWalletAccount = (draft: Draft): Map<string, rows.Grant[]> => {
  if (draft.cache.grantsByWalletAccount === undefined)
    draft.cache.grantsByWalletAccount = Map.groupBy(
      draft.state.grants.values(),
      (grant) => grant.walletAccount,
    );
  return draft.cache.grantsByWalletAccount;
};

/**
 * Puts a new grant at its place in the burn order. A grant that came of something is named after it, with a # that no
 * caller's name has, so that its name is free.
 */
export const insertGrant = (draft: Draft, grant: rows.Grant): void => {
  if (draft.grants.get(grant.id) !== undefined) throw new Error(`grant ${grant.id} is there`);
  const present = grantsInBurnOrder(draft, grant.walletAccount);
  const isLater = (id: string): boolean => inBurnOrder(grantOf(draft, id), grant) > 0;
  const at = present.findIndex(isLater);
  const grants = present.toSpliced(at === -1 ? present.length : at, 0, grant.id);
  draft.grantOrders.put({ id: grant.walletAccount, grants });
  draft.grants.put(grant);
};

/** A grant that a row names: the shell loads every grant that a loaded authorization has used. */
export const grantOf = (draft: Draft, id: string): rows.Grant => {
  const grant = draft.grants.get(id);
  if (grant === undefined) throw new Error(`grant ${id} was not loaded`);
  return grant;
};

/** How far a period has come; one that nobody has moved yet, as it begins. */
export const positionOf = (draft: Draft, id: string): rows.Position =>
  draft.positions.get(id) ?? draft.state.beginnings.get(id) ?? emptyPosition(id);

export const budgetsInOrder = (draft: Draft): readonly Budget[] =>
  (draft.cache.budgets ??= [...draft.state.budgets.values()].sort(outermostFirst));

export const windowOf = (draft: Draft, budget: Budget): Window => {
  const known = draft.cache.windows.get(budget.id);
  if (known !== undefined) return known;
  const window = windowAt(budget, draft.now);
  draft.cache.windows.set(budget.id, window);
  return window;
};
