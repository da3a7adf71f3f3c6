import { walletAccountOf, type Draft } from "./draft.ts";
import { booked, conflict, type Booked, type Conflict } from "./outcome.ts";
import type { SetWallet } from "./request.ts";

/** Sets how far an account may go beyond its funds; a limit below what is owed is refused (I4). */
export const setWallet = (draft: Draft, request: SetWallet): Booked | Conflict => {
  if (request.debtLimit < 0n) return conflict(request.id, "INVALID");
  const row = walletAccountOf(draft, request.account, request.asset);
  if (row.debt > request.debtLimit) return conflict(request.id, "WRONG_STATE");
  const { mode, debtLimit } = request;
  draft.walletAccounts.put({ ...row, mode, debtLimit, seenAt: Math.max(row.seenAt, draft.now) });
  return booked(request.id, debtLimit);
};
