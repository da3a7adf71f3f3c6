import { maximum, minimum } from "./asset.ts";
import { countersOf, moveCounter, type Reservation } from "./budget.ts";
import { positionOf, post, walletAccountOf, type Draft } from "./draft.ts";
import { planFunds } from "./funds.ts";
import type { Price } from "./price.ts";
import type {
  Authorization,
  AuthorizationTerms,
  FurtherUse,
  SettleOverage,
  Spender,
  UsageEvent,
} from "./rows.ts";
import { consume, type Holding } from "./slice.ts";

/** What a use of money or quantity does to posted and held, in budgets and in the position. */
export interface Use {
  readonly posted: bigint;
  readonly held: bigint;
  readonly postedQuantity: bigint;
  readonly heldQuantity: bigint;
}

/** Moves every budget that the authorization was counted in, in the windows fixed at decision time. */
export const moveBudgets = (
  draft: Draft,
  terms: Pick<AuthorizationTerms, "assetCounters" | "unitCounters">,
  use: Use,
): void => {
  for (const id of terms.assetCounters)
    moveCounter(draft, id, { posted: use.posted, held: use.held });
  for (const id of terms.unitCounters)
    moveCounter(draft, id, { posted: use.postedQuantity, held: use.heldQuantity });
};

export const movePosition = (draft: Draft, id: string | null, move: Use): void => {
  if (id === null) return;
  const row = positionOf(draft, id);
  draft.positions.put({
    ...row,
    posted: row.posted + move.postedQuantity,
    held: maximum(0n, row.held + move.heldQuantity),
  });
};

/** What is counted further from now on; positions and budgets move by the difference. */
export const moveFurther = (
  draft: Draft,
  before: readonly FurtherUse[],
  after: readonly FurtherUse[],
): readonly FurtherUse[] => {
  for (const [nth, now] of after.entries()) {
    const was = before[nth] ?? unusedCount;
    const postedQuantity = now.settled - now.refunded - (was.settled - was.refunded);
    const heldQuantity = now.held - was.held;
    movePosition(draft, now.position, { posted: 0n, held: 0n, postedQuantity, heldQuantity });
    for (const id of now.unitCounters)
      moveCounter(draft, id, { posted: postedQuantity, held: heldQuantity });
  }
  return after;
};

/** What no price and no budget counts, before anything is used. */
export const unusedCount: FurtherUse = {
  position: null,
  unitCounters: [],
  held: 0n,
  settled: 0n,
  refunded: 0n,
};

/** What a first request holds or settles of each further quantity, and who counts it. */
export const furtherOf = (
  { further }: Price,
  quantities: readonly bigint[],
  {
    reservations,
    as,
  }: { readonly reservations: readonly Reservation[]; readonly as: "held" | "settled" },
): FurtherUse[] =>
  further.map(({ position }, nth) => ({
    ...unusedCount,
    position,
    unitCounters: countersOf(reservations, { place: nth + 1 }),
    [as]: quantities[nth] ?? 0n,
  }));

/** Every quantity that an authorization counts. */
export const usesOf = (row: Authorization): readonly FurtherUse[] => [
  {
    position: row.terms.position,
    unitCounters: row.terms.unitCounters,
    held: row.heldQuantity,
    settled: row.settledQuantity,
    refunded: row.refundedQuantity,
  },
  ...row.further,
];

export const isPaidBack = (row: Authorization): boolean => row.refunded === row.settled;

/** Whether all that was counted of it is taken back, whatever was paid for it; where nothing was, what was paid. */
export const isUnused = (row: Authorization): boolean => {
  const counted = usesOf(row).filter(({ settled }) => settled !== 0n);
  return counted.length === 0
    ? isPaidBack(row)
    : counted.every(({ settled, refunded }) => refunded === settled);
};

/** How far along which prices an authorization counts. */
export const positionsOf = (row: Authorization): string[] =>
  usesOf(row).flatMap(({ position }) => position ?? []);

/** A part settles its quantities, in order; what it leaves open of each stays held. */
export const settleFurther = (
  { further }: Pick<Authorization, "further">,
  part: { readonly further: readonly bigint[]; readonly isFinal: boolean },
): FurtherUse[] =>
  further.map((use, nth) => {
    const quantity = part.further[nth] ?? 0n;
    const held = part.isFinal ? 0n : maximum(0n, use.held - quantity);
    return { ...use, held, settled: use.settled + quantity };
  });

/** Holds what is asked for next instead of what is held. */
export const reholdFurther = (
  { further }: Pick<Authorization, "further">,
  quantities: readonly bigint[],
): FurtherUse[] => further.map((use, nth) => ({ ...use, held: quantities[nth] ?? 0n }));

export const releaseFurther = ({ further }: Pick<Authorization, "further">): FurtherUse[] =>
  further.map((use) => ({ ...use, held: 0n }));

export const moveConcurrency = (draft: Draft, limits: readonly string[], step: 1 | -1): void => {
  for (const id of limits) {
    const held = (draft.concurrencyCounts.get(id)?.held ?? 0) + step;
    draft.concurrencyCounts.put({ id, held });
  }
};

export interface Excess {
  readonly debt: bigint;
  readonly shortfall: bigint;
}

/**
 * Takes what was used beyond the hold (f.5): what is available, then debt up to its limit; what remains
 * is nobody's. Debt is owed in the asset of the price.
 */
export const takeExcess = (
  draft: Draft,
  holding: Holding,
  excess: { readonly amount: bigint; readonly policy: SettleOverage },
): Excess => {
  if (excess.amount === 0n) return { debt: 0n, shortfall: 0n };
  const plan = planFunds(draft, holding, excess.amount);
  consume(draft, holding, plan.parts);
  const rest = excess.amount - plan.covered;
  const debt = excess.policy === "cap" ? 0n : minimum(rest, debtRoom(draft, holding.spender));
  const { authorization } = holding;
  const row = walletAccountOf(draft, holding.spender.account, holding.spender.asset);
  post(draft, row.id, { kind: "debt", amount: debt, authorization });
  return { debt, shortfall: rest - debt };
};

const debtRoom = (draft: Draft, { account, asset }: Spender): bigint => {
  const { debtLimit, debt } = walletAccountOf(draft, account, asset);
  return maximum(0n, debtLimit - debt);
};

/** Whether it moves neither money nor anything that is counted. */
export const isOfNothing = ({
  amount,
  quantity,
  further,
}: Pick<UsageEvent, "amount" | "quantity" | "further">): boolean =>
  amount === 0n && quantity === 0n && further.every((each) => each === 0n);

/** A refund of nothing takes no usage back. */
export const emit = (draft: Draft, event: UsageEvent): void => {
  if (!isOfNothing(event)) draft.events.push(event);
};
