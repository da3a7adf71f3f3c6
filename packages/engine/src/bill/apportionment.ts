import { type Decimal, sum, zero } from "../exact/decimal.ts";

/** What one part counts for when an amount is split. */
export interface Weight {
  readonly id: string;
  readonly weight: Decimal;
}

const heaviest = (weights: readonly Weight[]): Weight | undefined =>
  weights.reduce<Weight | undefined>(
    (best, each) => (best === undefined || each.weight.gt(best.weight) ? each : best),
    undefined,
  );

/**
 * An amount in parts by weight: each half-up to the scale, what is left over on the heaviest, so that
 * the parts add up to the amount ([R], m3ter semantics 14.2). Without any weight the first gets all.
 */
export const apportion = (
  amount: Decimal,
  weights: readonly Weight[],
  scale: number,
): ReadonlyMap<string, Decimal> => {
  const whole = sum(weights.map(({ weight }) => weight));
  const parts = new Map(
    weights.map(({ id, weight }) => [
      id,
      whole.isZero() ? zero : (amount.times(weight).div(whole).round(scale, "HALF_UP") ?? zero),
    ]),
  );
  const last = whole.isZero() ? weights[0] : heaviest(weights);
  if (last !== undefined) {
    const residual = amount.minus(sum(parts.values()));
    parts.set(last.id, (parts.get(last.id) ?? zero).plus(residual));
  }
  return parts;
};
