import type { Draft } from "./draft.ts";
import { endGrant, openGrant } from "./grant.ts";
import { booked, conflict, type Booked, type Conflict } from "./outcome.ts";
import type { CreditGrant, VoidGrant } from "./request.ts";
import { walletAccountId } from "./rows.ts";

export const creditGrant = (draft: Draft, request: CreditGrant): Booked | Conflict => {
  const { id } = request;
  const terms = { ...request.terms, effectiveAt: request.terms.effectiveAt ?? draft.now };
  if (terms.amount <= 0n || terms.priority < 0 || terms.priority > 255)
    return conflict(id, "INVALID");
  const endsAt = terms.expiresAt ?? Number.POSITIVE_INFINITY;
  if (endsAt <= terms.effectiveAt || endsAt <= draft.now) return conflict(id, "INVALID");
  if (draft.grants.get(id) !== undefined) return conflict(id, "ID_REUSED");
  openGrant(draft, { id, walletAccount: walletAccountId(request.account, request.asset), terms });
  return booked(id, terms.amount);
};

/** Withdraws what is unheld; slices that holds have pinned stay theirs, as when a grant expires. */
export const voidGrant = (draft: Draft, request: VoidGrant): Booked | Conflict => {
  const grant = draft.grants.get(request.id);
  if (grant === undefined) return conflict(request.id, "NOT_FOUND");
  if (grant.state === "ended") return conflict(request.id, "GRANT_ENDED");
  const { remaining } = grant;
  endGrant(draft, grant);
  return booked(request.id, remaining);
};
