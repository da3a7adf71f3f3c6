import { Decimal } from "../exact/decimal.ts";

/**
 * Amounts are integers of an asset's smallest unit ("atoms"); decimal strings exist only at the edges.
 * Source: authorization semantics f.1.
 */
export interface Asset {
  readonly code: string;
  /** Digits after the point of one atom, 0 to 18; of fiat 6 or more. */
  readonly scale: number;
  readonly kind: "fiat" | "custom";
}

/** Quantities of usage are integers too: twelve digits after the point, as the usage store keeps them. */
export const quantityScale = 12;

const decimalText = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Reads a decimal string as atoms; undefined when it is not one or is finer than an atom. */
export const parseAtoms = (text: string, scale: number): bigint | undefined => {
  const match = decimalText.exec(text);
  if (match === null) return undefined;
  const fraction = (match[3] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) return undefined;
  const digits = BigInt(`${match[2] ?? ""}${fraction.padEnd(scale, "0")}`);
  return match[1] === "-" ? -digits : digits;
};

export const formatAtoms = (atoms: bigint, scale: number): string => {
  if (scale === 0 || atoms === 0n) return atoms.toString();
  const digits = (atoms < 0n ? -atoms : atoms).toString().padStart(scale + 1, "0");
  const fraction = digits.slice(-scale).replace(/0+$/, "");
  const whole = `${atoms < 0n ? "-" : ""}${digits.slice(0, -scale)}`;
  return fraction === "" ? whole : `${whole}.${fraction}`;
};

/**
 * How a rated total becomes atoms ([R], f.1 leaves it open below the invoice). Up, because then the cost
 * of a quantity anywhere is at most its exact cost rounded up, which is what a hold has to cover.
 */
const atomRounding = "CEILING";

/** A quotient that does not end is wrong in its hundredth digit; that must not cost an atom. */
const meaningfulDigits = 40;

export const toAtoms = (amount: Decimal, scale: number): bigint => {
  const meant = amount.round(meaningfulDigits, "HALF_EVEN") ?? amount;
  const rounded = meant.round(scale, atomRounding) ?? meant;
  return rounded.coefficient * 10n ** BigInt(scale - rounded.scale);
};

export const quantityOf = (atoms: bigint): Decimal => new Decimal(atoms, quantityScale);

/** `num / den` of whole units of `to` for one whole unit of `from`, from `effectiveAt` on. */
export interface ExchangeRate {
  readonly from: string;
  readonly to: string;
  readonly num: bigint;
  readonly den: bigint;
  readonly effectiveAt: number;
}

/** Atoms of the price's asset that one atom of the paying asset is worth. */
export interface Ratio {
  readonly num: bigint;
  readonly den: bigint;
}

export const parity: Ratio = { num: 1n, den: 1n };

export const isParity = (ratio: Ratio): boolean => ratio.num === ratio.den;

export const ratioInAtoms = (rate: ExchangeRate, from: Asset, to: Asset): Ratio => ({
  num: rate.num * 10n ** BigInt(to.scale),
  den: rate.den * 10n ** BigInt(from.scale),
});

/** Atoms that pay for `base`: rounded against the payer, so that converting never creates value (I26). */
export const atomsFor = (base: bigint, ratio: Ratio): bigint =>
  isParity(ratio) ? base : (base * ratio.den + ratio.num - 1n) / ratio.num;

/** What `atoms` pay for at most. */
export const worthOf = (atoms: bigint, ratio: Ratio): bigint =>
  isParity(ratio) ? atoms : (atoms * ratio.num) / ratio.den;

export const minimum = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const maximum = (a: bigint, b: bigint): bigint => (a > b ? a : b);
