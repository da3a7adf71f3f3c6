/**
 * The books that money moves between. `available`, `held` and `debt` exist per wallet account; the
 * others are the organization's, one per asset. Every posting takes from one book what it gives to
 * another, so all books of an asset sum to zero (I2).
 */
type Book =
  | "available"
  | "held"
  | "debt"
  | "funding"
  | "revenue"
  | "breakage"
  | "exchange"
  | "exchangeRounding";

/** How a posting of one atom moves C, D, H and X of its wallet account. */
type Effect = readonly [credited: number, debited: number, held: number, debt: number];

interface Movement {
  readonly from: Book;
  readonly to: Book;
  readonly effect: Effect;
}

/** What each kind of posting moves; the wallet account row is the fold of these effects (I1). */
export const movements = {
  credit: { from: "funding", to: "available", effect: [1, 0, 0, 0] },
  breakage: { from: "available", to: "breakage", effect: [-1, 0, 0, 0] },
  forfeiture: { from: "held", to: "breakage", effect: [-1, 0, -1, 0] },
  charge: { from: "available", to: "revenue", effect: [0, 1, 0, 0] },
  hold: { from: "available", to: "held", effect: [0, 0, 1, 0] },
  settlement: { from: "held", to: "revenue", effect: [0, 1, -1, 0] },
  release: { from: "held", to: "available", effect: [0, 0, -1, 0] },
  debt: { from: "debt", to: "revenue", effect: [0, 0, 0, 1] },
  repayment: { from: "available", to: "debt", effect: [0, 1, 0, -1] },
  refund: { from: "revenue", to: "available", effect: [0, -1, 0, 0] },
  debtRefund: { from: "revenue", to: "debt", effect: [0, 0, 0, -1] },
  refundForfeiture: { from: "revenue", to: "breakage", effect: [-1, -1, 0, 0] },
  exchangedCharge: { from: "available", to: "exchange", effect: [0, 1, 0, 0] },
  exchangedSettlement: { from: "held", to: "exchange", effect: [0, 1, -1, 0] },
  exchangedRefund: { from: "exchange", to: "available", effect: [0, -1, 0, 0] },
  exchangedRefundForfeiture: { from: "exchange", to: "breakage", effect: [-1, -1, 0, 0] },
  conversion: { from: "exchange", to: "revenue", effect: [0, 0, 0, 0] },
  conversionReversal: { from: "revenue", to: "exchange", effect: [0, 0, 0, 0] },
  rounding: { from: "exchange", to: "exchangeRounding", effect: [0, 0, 0, 0] },
  roundingReversal: { from: "exchangeRounding", to: "exchange", effect: [0, 0, 0, 0] },
} as const satisfies Record<string, Movement>;

export type PostingKind = keyof typeof movements;

/** Adds `amount` to `balance` by the sign of an effect. */
export const signed = (balance: bigint, sign: number, amount: bigint): bigint => {
  if (sign === 0) return balance;
  return sign > 0 ? balance + amount : balance - amount;
};
