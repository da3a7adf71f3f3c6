import { maximum } from "./asset.ts";
import { firstLiveSlot, hasLeft, type Budget, type Window } from "./budget-window.ts";
import { budgetsInOrder, windowOf, type Draft } from "./draft.ts";
import type { BudgetName } from "./outcome.ts";
import type { Authorization, Counter } from "./rows.ts";
import { isInScope, type Scope } from "./scope.ts";

export interface Reservation {
  readonly budget: Budget;
  readonly counter: string;
  readonly used: bigint;
  /** Of a budget by unit, which of the usage's quantities it counts, by their places. */
  readonly counts: readonly number[];
}

/** In what usage is counted: money in an asset, and each of its quantities in a unit. */
export interface Counted {
  readonly asset: string;
  /** Any, as long as nobody has said what is used. */
  readonly units: readonly (string | null)[] | "any";
}

const counterId = (budget: Budget, window: Window): string => `${budget.id}@${window.start}`;

/** Undefined once the budget is gone. */
const budgetOf = (draft: Draft, counter: string): Budget | undefined =>
  draft.state.budgets.get(counter.slice(0, counter.lastIndexOf("@")));

const emptyCounter = (budget: Budget, window: Window): Counter => ({
  id: counterId(budget, window),
  budget: budget.id,
  windowStart: window.start,
  posted: 0n,
  held: 0n,
  alerted: 0,
  alertedUse: 0n,
});

/** The budgets that a request falls under, outermost first, with what is used of each. */
export const reservationsFor = (draft: Draft, scope: Scope, counted: Counted): Reservation[] => {
  if (draft.state.budgets.size === 0) return [];
  return budgetsInOrder(draft)
    .filter((budget) => isInScope(budget.scope, scope) && doesCount(budget, counted))
    .map((budget) =>
      reservationOf(draft, { budget, counter: currentCounter(draft, budget) }, counted),
    );
};

/** The same in the budgets and windows that an authorization counts in, as far as they count this, too. */
export const reservationsAs = (
  draft: Draft,
  { terms, further }: Authorization,
  counted: Counted,
): Reservation[] => {
  const byUnit = further.flatMap(({ unitCounters }) => unitCounters);
  const counters = new Set([...terms.assetCounters, ...terms.unitCounters, ...byUnit]);
  return [...counters].flatMap((counter) => {
    const budget = budgetOf(draft, counter);
    const isCounted = budget !== undefined && doesCount(budget, counted);
    return isCounted ? [reservationOf(draft, { budget, counter }, counted)] : [];
  });
};

const doesCount = ({ counts }: Budget, { asset, units }: Counted): boolean =>
  "asset" in counts ? counts.asset === asset : units === "any" || units.includes(counts.unit);

const reservationOf = (
  draft: Draft,
  { budget, counter }: Pick<Reservation, "budget" | "counter">,
  { units }: Counted,
): Reservation => {
  const unit = "unit" in budget.counts ? budget.counts.unit : undefined;
  const counts =
    units === "any" ? [] : units.flatMap((each, place) => (each === unit ? [place] : []));
  return { budget, counter, used: usedOf(draft, budget, counter), counts };
};

const currentCounter = (draft: Draft, budget: Budget): string =>
  counterId(budget, windowOf(draft, budget));

/** The counters of all budgets that usage falls under or not once its product and its units are known. */
export const countersOfAnyUse = (draft: Draft, scope: Scope, asset: string): string[] =>
  budgetsInOrder(draft)
    .filter(
      ({ counts, scope: { product } }) =>
        "unit" in counts || (counts.asset === asset && product !== undefined),
    )
    .filter((budget) => isInScope({ ...budget.scope, ...anyProduct }, { ...scope, ...anyProduct }))
    .map((budget) => currentCounter(draft, budget));

const anyProduct = { product: "any" } as const;

/** Which of them count the money that a product costs, or a quantity of it in a unit. */
export const countersOfUse = (
  draft: Draft,
  counters: readonly string[],
  used: {
    readonly product: string | null;
    readonly in: "asset" | { readonly unit: string | null };
  },
): string[] =>
  counters.filter((counter) => {
    const { counts, scope } = budgetOf(draft, counter) ?? {};
    if (counts === undefined) return false;
    const isIn =
      used.in === "asset" ? used.in in counts : "unit" in counts && counts.unit === used.in.unit;
    return isIn && (scope?.product === undefined || scope.product === used.product);
  });

export const nameOf = ({ id, code, counts }: Budget): BudgetName => ({
  id,
  code,
  unit: "unit" in counts ? counts.unit : null,
});

/** What a budget counts of usage. */
export const countedOf = (
  { budget, counts }: Reservation,
  usage: { readonly amount: bigint; readonly quantities: readonly bigint[] },
): bigint =>
  "asset" in budget.counts
    ? usage.amount
    : counts.reduce((total, place) => total + (usage.quantities[place] ?? 0n), 0n);

/** Of the budgets by asset, or of those that count the quantity at a place. */
export const countersOf = (
  reservations: readonly Reservation[],
  of: "asset" | { readonly place: number },
): string[] =>
  reservations
    .filter(({ budget, counts }) =>
      of === "asset" ? of in budget.counts : counts.includes(of.place),
    )
    .map(({ counter }) => counter);

const usedOf = (draft: Draft, budget: Budget, counter: string): bigint =>
  usedIn(countersInWindow(draft, budget, counter));

const usedIn = (counters: readonly Counter[]): bigint =>
  counters.reduce((used, { posted, held }) => used + posted + held, 0n);

/** What the window of a counter is counted in: the counter alone, or every slot of a window that rolls. */
const countersInWindow = (draft: Draft, { id, window }: Budget, counter: string): Counter[] => {
  if (window.kind === "rolling") return liveSlots(draft, id, window.durationMs);
  const row = draft.counters.get(counter);
  return row === undefined ? [] : [row];
};

const liveSlots = (draft: Draft, budget: string, durationMs: number): Counter[] => {
  const from = firstLiveSlot(durationMs, draft.now);
  const slots: Counter[] = [];
  for (const row of draft.counters.values())
    if (row.budget === budget && row.windowStart >= from) slots.push(row);
  return slots;
};

/** Moves a counter; crossing an alert threshold fires it once per window, and a higher one of a raised limit, too (I32). */
export const moveCounter = (
  draft: Draft,
  id: string,
  delta: { readonly posted: bigint; readonly held: bigint },
): void => {
  if (delta.posted === 0n && delta.held === 0n) return;
  const budget = budgetOf(draft, id);
  if (budget === undefined) return;
  const windowStart = Number(id.slice(id.lastIndexOf("@") + 1));
  const known = draft.counters.get(id);
  // The row may have been removed: what it said is not known, and nobody asks.
  if (known === undefined && hasLeft(budget, windowStart, draft.now)) return;
  const row = known ?? emptyCounter(budget, { start: windowStart, end: null });
  const moved = { ...row, posted: row.posted + delta.posted, held: row.held + delta.held };
  draft.counters.put(moved);
  fireAlerts(draft, budget, moved);
};

const fireAlerts = (draft: Draft, budget: Budget, counter: Counter): void => {
  const inWindow = countersInWindow(draft, budget, counter.id);
  // What is counted in a slot that has left its window crosses nothing in those that have not.
  if (!inWindow.includes(counter)) return;
  const used = usedIn(inWindow);
  const alerted = Math.max(...inWindow.map((row) => row.alerted));
  const alertedUse = inWindow.reduce((most, row) => maximum(most, row.alertedUse), 0n);
  const thresholdOf = (percent: number): bigint => budget.limit * BigInt(percent);
  const fired = budget.alertPercents.filter(
    (percent) =>
      used * 100n >= thresholdOf(percent) &&
      (percent > alerted || thresholdOf(percent) > alertedUse),
  );
  if (fired.length === 0) return;
  const highest = Math.max(...fired);
  draft.counters.put({
    ...counter,
    alerted: Math.max(counter.alerted, highest),
    alertedUse: maximum(counter.alertedUse, thresholdOf(highest)),
  });
  for (const percent of fired)
    draft.alerts.push({
      counter: counter.id,
      budget: budget.id,
      percent,
      used,
      limit: budget.limit,
    });
};

/** What a hard budget still allows in the window of a counter; null where nothing is refused. */
export const roomOf = (draft: Draft, counter: string): bigint | null => {
  const budget = budgetOf(draft, counter);
  if (budget === undefined || budget.mode === "soft") return null;
  const room = budget.limit - usedOf(draft, budget, counter);
  return room > 0n ? room : 0n;
};

/** Whether a hard budget of whatever product has no room left in the window of a counter. */
export const isUsedUp = (draft: Draft, counter: string): boolean =>
  budgetOf(draft, counter)?.scope.product === undefined && roomOf(draft, counter) === 0n;
