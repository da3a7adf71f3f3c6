import { maximum, minimum } from "./asset.ts";
import { grantOf, insertGrant, post, walletAccountById, type Draft } from "./draft.ts";
import { givenName, quotedUid } from "./given-name.ts";
import type { Grant, GrantTerms } from "./rows.ts";

export interface NewGrant {
  readonly id: string;
  readonly walletAccount: string;
  readonly terms: GrantTerms;
}

/** Books a grant. Until it takes effect it is no credit: C moves with `effectiveAt`. */
export const openGrant = (draft: Draft, { id, walletAccount, terms }: NewGrant): void => {
  const grant: Grant = {
    id,
    walletAccount,
    terms,
    state: "scheduled",
    remaining: terms.amount,
    held: 0n,
    consumed: 0n,
    breakage: 0n,
    transferred: 0n,
  };
  insertGrant(draft, grant);
  if (terms.effectiveAt <= draft.now) activateGrant(draft, grant);
};

export const activateGrant = (draft: Draft, grant: Grant): void => {
  draft.grants.put({ ...grant, state: "active" });
  const amount = grant.terms.amount;
  post(draft, grant.walletAccount, { kind: "credit", amount, grant: grant.id });
  repayDebt(draft, grant.id, amount);
};

/**
 * What comes in first repays what is owed: r = min(X, arrived), out of the grant it came into, whatever that is for, and never
 * out of another, which may be for something else (f.1, I4).
 */
export const repayDebt = (draft: Draft, id: string, arrived: bigint): void => {
  const grant = grantOf(draft, id);
  const amount = minimum(walletAccountById(draft, grant.walletAccount).debt, arrived);
  if (amount === 0n) return;
  const remaining = grant.remaining - amount;
  draft.grants.put({ ...grant, remaining, consumed: grant.consumed + amount });
  post(draft, grant.walletAccount, { kind: "repayment", amount, grant: id });
};

/** Ends a grant: the unheld rest breaks, pinned slices stay usable by their holds (f.6, I22). */
export const endGrant = (draft: Draft, grant: Grant): void => {
  const broken = grant.remaining;
  const breakage = grant.breakage + broken;
  draft.grants.put({ ...grant, state: "ended", remaining: 0n, breakage });
  // A grant that never took effect was never credited, so nothing leaves the account with it.
  if (grant.state === "scheduled") return;
  post(draft, grant.walletAccount, { kind: "breakage", amount: broken, grant: grant.id });
};

/** Expiry at its due time: what may roll over moves to a new grant, the rest breaks. */
export const expireGrant = (draft: Draft, grant: Grant): void => {
  const { rollover, expiresAt } = grant.terms;
  if (rollover === null || expiresAt === null) {
    endGrant(draft, grant);
    return;
  }
  const amount = rolledOver(grant.remaining, rollover);
  const moved = minimum(grant.remaining, amount);
  endGrant(draft, {
    ...grant,
    remaining: grant.remaining - moved,
    transferred: grant.transferred + moved,
  });
  const terms: GrantTerms = {
    ...grant.terms,
    amount,
    effectiveAt: expiresAt,
    expiresAt: expiresAt + rollover.expiresAfterMs,
    rollover: null,
    source: `rollover:${grant.id}`,
  };
  if (amount === 0n) return;
  const id = givenName(grant.id, "rollover");
  insertActive(draft, { id, walletAccount: grant.walletAccount, terms });
  // A floor can exceed what was left; only the difference is new money.
  const added = amount - moved;
  post(draft, grant.walletAccount, { kind: "credit", amount: added, grant: id });
  repayDebt(draft, id, added);
};

/** What continues of the unheld rest: at least `min`, at most `max`. */
const rolledOver = (rest: bigint, limits: { readonly max: bigint; readonly min: bigint }): bigint =>
  minimum(limits.max, maximum(rest, limits.min));

/**
 * What comes back to a paid grant after its end lives on in a new grant: purpose refund, same cost basis,
 * a month to use it (f.6). The money never left the account's credits, so nothing is posted here. Returns the new grant's id.
 */
export const replaceEndedGrant = (draft: Draft, ended: Grant, amount: bigint): string => {
  // One transaction may give back to one grant twice: by two legs of different exchange rates.
  const id = givenName(ended.id, quotedUid(draft.transaction));
  const known = draft.grants.get(id);
  if (known !== undefined) {
    const terms = { ...known.terms, amount: known.terms.amount + amount };
    draft.grants.put({ ...known, terms, remaining: known.remaining + amount });
    return id;
  }
  const terms: GrantTerms = {
    ...ended.terms,
    amount,
    effectiveAt: draft.now,
    expiresAt: draft.now + draft.state.settings.refundGrantMs,
    purpose: "refund",
    rollover: null,
    source: `refund:${ended.id}`,
  };
  insertActive(draft, { id, walletAccount: ended.walletAccount, terms });
  return id;
};

export const insertActive = (draft: Draft, { id, walletAccount, terms }: NewGrant): void =>
  insertGrant(draft, {
    id,
    walletAccount,
    terms,
    state: "active",
    remaining: terms.amount,
    held: 0n,
    consumed: 0n,
    breakage: 0n,
    transferred: 0n,
  });
