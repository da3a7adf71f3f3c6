import { quantityOf, quantityScale, toAtoms } from "./asset.ts";
import { max, zero, type Decimal } from "../exact/decimal.ts";
import type { Position } from "./rows.ts";

/**
 * A price as the bill computes it: T(q), the total for q of a period. Authorization and billing share the
 * implementation, so the number that gates a call is the number on the bill (finding 10).
 */
export interface Tariff {
  readonly version: string;
  /** The quantities, in atoms, at which T jumps or changes its slope, apart from the rounding to units. */
  readonly limits: readonly bigint[];
  /** Where quantities are rounded to whole units: T steps at `phase + n × length`; null where not. */
  readonly steps: { readonly length: Decimal; readonly phase: Decimal } | null;
  total(quantity: Decimal): Decimal;
}

export type Price =
  | {
      readonly kind: "amount";
      readonly amount: bigint;
      readonly asset: string;
      readonly further: readonly FurtherCount[];
    }
  | Rateable
  | {
      readonly kind: "unrateable";
      readonly why: string;
      readonly asset: string;
      readonly further: readonly FurtherCount[];
    };

/** What else is counted of the same usage beside its first quantity, each in its own unit. */
export interface FurtherCount {
  readonly quantity: bigint;
  /** Null where another count of the usage has the same already: no budget counts it twice. */
  readonly unit: string | null;
  /** Null where no price counts it. */
  readonly position: string | null;
}

export interface Rateable {
  readonly kind: "rateable";
  readonly tariff: Tariff;
  readonly asset: string;
  /** Scale of the asset. */
  readonly scale: number;
  /** The priced meter, account and period whose position counts. */
  readonly position: string;
  /**
   * The meter's other prices, each with its own quantity of the same usage: what the usage costs is their sum. Behind them
   * what only budgets count.
   */
  readonly further: readonly (FurtherPrice | FurtherCount)[];
}

export interface FurtherPrice extends FurtherCount {
  readonly tariff: Tariff;
  readonly position: string;
}

const isPriced = (count: FurtherPrice | FurtherCount): count is FurtherPrice => "tariff" in count;

/** One tariff in one asset. */
type Rate = Pick<Rateable, "tariff" | "scale">;

/** A price with the quantity that it counts, at its position. */
export interface PricedPart extends Rate {
  readonly position: string;
  readonly quantity: bigint;
}

/** The usage by price: the first counts `quantity`, the others their own. */
export const pricedParts = (price: Rateable, quantity: bigint): PricedPart[] => [
  { tariff: price.tariff, scale: price.scale, position: price.position, quantity },
  ...price.further.filter(isPriced).map((part) => ({ ...part, scale: price.scale })),
];

/** Names all tariffs, in order; ids and versions of pricings hold no plus sign. */
export const versionOf = (price: Price): string | null =>
  price.kind === "rateable"
    ? [price, ...price.further.filter(isPriced)].map(({ tariff }) => tariff.version).join("+")
    : null;

export const furtherQuantities = ({ further }: Price): bigint[] =>
  further.map(({ quantity }) => quantity);

/** The further quantities of the part that is granted; what a plan prices and counts several things of is granted whole. */
export const furtherGranted = (
  price: Price,
  { granted, wanted }: { readonly granted: bigint; readonly wanted: bigint },
): bigint[] => {
  const all = furtherQuantities(price);
  return granted === wanted ? all : all.map((quantity) => (quantity * granted) / wanted);
};

type Point = Pick<Position, "posted">;

/**
 * A fixed price of the first band falls due with the first usage, and again once all usage was given back: its money was
 * given back with it. Where the bill charges it for measurements that sum up to nothing, the close takes it.
 */
const totalAt = (price: Rate, posted: bigint): Decimal =>
  posted === 0n ? zero : price.tariff.total(quantityOf(posted));

/**
 * What `quantity` more costs at a point of the period; negative where all units get cheaper (W9).
 * Totals become atoms, not differences, so that any order of events sums to the total (I20).
 */
export const marginalCost = (price: Rate, { posted }: Point, quantity: bigint): bigint => {
  if (quantity === 0n) return 0n;
  const to = totalAt(price, posted + quantity);
  return toAtoms(to, price.scale) - toAtoms(totalAt(price, posted), price.scale);
};

/** Nothing is taken for what makes the total fall; the close of the period credits it (W9). */
export const chargeCost = (price: Rate, from: Point, quantity: bigint): bigint => {
  const cost = marginalCost(price, from, quantity);
  return cost > 0n ? cost : 0n;
};

/**
 * The price of a hold: the dearest marginal cost over positions [posted, posted + held] (W7, W8), rounded
 * up. T is linear between its limits, so the cost is linear between the points where either end of the
 * quantity meets a limit; a jump right after a limit adds the next point.
 */
export const holdCost = (price: Rate, position: Position, quantity: bigint): bigint => {
  if (quantity === 0n) return 0n;
  const last = position.posted + position.held;
  let worst = max(zero, exactCost(price, position.posted, quantity));
  if (position.held === 0n) return toAtoms(worst, price.scale);
  for (const posted of turningPoints(price, position, quantity)) {
    if (posted < position.posted || posted > last) continue;
    worst = max(worst, exactCost(price, posted, quantity));
  }
  return toAtoms(worst, price.scale);
};

const exactCost = (price: Rate, posted: bigint, quantity: bigint): Decimal =>
  totalAt(price, posted + quantity).minus(totalAt(price, posted));

const turningPoints = (price: Rate, position: Position, quantity: bigint): Set<bigint> => {
  const points = new Set<bigint>();
  const { limits, steps } = price.tariff;
  const [first, last] = [position.posted, position.posted + position.held];
  const reach = steps === null ? 1n : 2n * toAtoms(steps.length, quantityScale) + 1n;
  // What is farther away has no point between them, and a list may have thousands of limits.
  const bends = [...limits, ...limits.map((limit) => limit - quantity)].filter(
    (bend) => bend >= first - reach && bend <= last + reach,
  );
  for (const bend of [first, last, ...bends])
    for (const point of [bend, ...stepsNear(price.tariff, bend)])
      for (const near of [point - 1n, point, point + 1n]) points.add(near);
  return points;
};

/**
 * Between two limits a stepped cost repeats itself per step, shifted by a constant, and within one step
 * it only rises until the position's own units step: its extremes lie there, near an end.
 */
const stepsNear = ({ steps }: Tariff, at: bigint): bigint[] => {
  if (steps === null) return [];
  const length = toAtoms(steps.length, quantityScale);
  const first = at - ((at - toAtoms(steps.phase, quantityScale)) % length);
  return [-1n, 0n, 1n].map((count) => first + count * length);
};

/**
 * The largest quantity whose cost stays within `room`, by bisection: exact where a larger quantity never
 * costs less, and never above the room anywhere.
 */
export const affordableQuantity = (
  cost: (quantity: bigint) => bigint,
  wanted: bigint,
  room: bigint,
): bigint => {
  let affordable = 0n;
  let beyond = wanted + 1n;
  while (beyond - affordable > 1n) {
    const middle = (affordable + beyond) / 2n;
    if (cost(middle) <= room) affordable = middle;
    else beyond = middle;
  }
  return affordable;
};

export const emptyPosition = (id: string): Position => ({
  id,
  posted: 0n,
  before: 0n,
  held: 0n,
});
