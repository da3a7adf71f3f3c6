import { minimum } from "./asset.ts";
import { roomOf } from "./budget.ts";
import { walletAccountOf, type Draft } from "./draft.ts";
import { planFunds } from "./funds.ts";
import type { Authorization } from "./rows.ts";
import { usesOf } from "./use.ts";

/** Why an account is given nothing more that costs, whatever it has (f.3, I4). */
export const barTo = (
  draft: Draft,
  { terms: { spender } }: Authorization,
): "ACCOUNT_FROZEN" | "DEBT_OUTSTANDING" | undefined => {
  if (draft.state.customers.get(spender.account)?.isFrozen !== false) return "ACCOUNT_FROZEN";
  const paying = [...spender.waterfall, spender.asset];
  const owes = paying.some((asset) => walletAccountOf(draft, spender.account, asset).debt > 0n);
  return owes ? "DEBT_OUTSTANDING" : undefined;
};

/** Up to `wanted` more for an authorization: bound by frozen accounts, debt, hard budgets and funds. */
export const roomFor = (draft: Draft, row: Authorization, wanted: bigint): bigint => {
  const { spender, assetCounters } = row.terms;
  if (wanted === 0n || barTo(draft, row) !== undefined) return 0n;
  const isSoft = walletAccountOf(draft, spender.account, spender.asset).mode === "soft";
  const funds = isSoft ? wanted : planFunds(draft, { spender, legs: row.legs }, wanted).covered;
  return withinBudgets(draft, assetCounters, funds);
};

export const withinBudgets = (draft: Draft, counters: readonly string[], wanted: bigint): bigint =>
  counters.reduce((room, counter) => minimum(room, roomOf(draft, counter) ?? room), wanted);

/** Whether every hard budget by unit has room for these quantities instead of those that are held. */
export const fitsUnits = (
  draft: Draft,
  row: Authorization,
  quantities: readonly bigint[],
): boolean => {
  const more = new Map<string, bigint>();
  for (const [place, { unitCounters, held }] of usesOf(row).entries())
    for (const counter of unitCounters)
      more.set(counter, (more.get(counter) ?? 0n) + (quantities[place] ?? 0n) - held);
  return [...more].every(
    ([counter, quantity]) =>
      quantity <= 0n || withinBudgets(draft, [counter], quantity) === quantity,
  );
};
