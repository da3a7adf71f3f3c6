import { firstLiveSlot } from "@turnpike/engine/ledger/budget-window.ts";
import { bigintArray, textArray } from "./binary-arrays.ts";
import type { Writing } from "./changes.ts";
import type { Statement } from "./packet.ts";

/** More than begin: those that were left behind go, too, and no batch waits for all of them. */
const goneMax = 100;

/**
 * Removes slots that no window of a rolling budget reaches any more, of those budgets that begin a new one; the lock of the
 * budget is held. What something is held in stays until that has ended, and the new slot says that the budget has counted.
 */
export const withoutPassedSlots = ({ orgId, state, changes, now }: Writing): Statement[] => {
  const begun = changes.counters.flatMap(({ id, budget }) => {
    const window = state.counters.has(id) ? undefined : state.budgets.get(budget)?.window;
    return window?.kind === "rolling" ? [{ budget, durationMs: window.durationMs }] : [];
  });
  if (begun.length === 0) return [];
  // One window later than the first moment: the time of another account may be behind this one's.
  const since = begun.map(({ durationMs }) => firstLiveSlot(durationMs, now - durationMs));
  const values = [orgId, textArray(begun.map(({ budget }) => budget)), bigintArray(since)];
  return [{ name: "ledger-passed-slots", text: passedSlotsText, values }];
};

export const passedSlotsText = `DELETE FROM budget_counter AS gone
  USING unnest($2::text[], $3::bigint[]) AS begun (budget, since)
  CROSS JOIN LATERAL (
    SELECT budget_id, window_start FROM budget_counter
    WHERE org_id = $1 AND budget_id = begun.budget AND window_start < begun.since AND held = 0
    ORDER BY window_start LIMIT ${goneMax}
  ) AS passed
  WHERE gone.org_id = $1 AND gone.budget_id = passed.budget_id AND gone.window_start = passed.window_start`;
