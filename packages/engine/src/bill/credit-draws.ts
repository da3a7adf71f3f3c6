/** What lines took from commitments and balances. */

import { type Decimal, sum } from "../exact/decimal.ts";
import type { Period } from "../time/period.ts";
import type { Correction } from "./corrections.ts";
import type { Line, LineDraft } from "./line.ts";

/** What a line took from a credit, in the credit's currency; below zero where it gave something back. */
export interface CreditDraw {
  readonly lineKey: string;
  readonly creditKind: "COMMITMENT" | "BALANCE";
  readonly creditId: string;
  readonly amount: Decimal;
  readonly drawnFor: Period;
}

type Drawing = Pick<
  LineDraft,
  "key" | "lineItemType" | "commitmentId" | "balanceId" | "servicePeriod"
>;

/** Consumptions are printed below zero. */
const drawOf = (line: Drawing, subtotal: Decimal): readonly CreditDraw[] => {
  const { key: lineKey, lineItemType, commitmentId, balanceId, servicePeriod: drawnFor } = line;
  const draw = { lineKey, amount: subtotal.neg(), drawnFor };
  if (lineItemType === "COMMITMENT_CONSUMED" && commitmentId !== undefined) {
    return [{ ...draw, creditKind: "COMMITMENT", creditId: commitmentId }];
  }
  if (lineItemType === "BALANCE_CONSUMED" && balanceId !== undefined) {
    return [{ ...draw, creditKind: "BALANCE", creditId: balanceId }];
  }
  return [];
};

/** What a correction takes or gives back. */
export const drawsOfCorrection = ({ key, line, subtotal }: Correction): readonly CreditDraw[] =>
  drawOf({ ...line, key }, subtotal);

/** What a bill takes for itself, without the corrections that it carries. */
export const ownDraws = (
  lines: readonly Line[],
  corrections: readonly Correction[],
): readonly CreditDraw[] => {
  const corrective = new Set(corrections.map(({ key }) => key));
  return lines
    .filter(({ key }) => !corrective.has(key))
    .flatMap((line) => drawOf(line, line.subtotal));
};

/** Corrections count in their credits' currencies, whatever currency their line is printed in. */
export const drawsOfBill = (
  lines: readonly Line[],
  corrections: readonly Correction[],
): readonly CreditDraw[] => [
  ...ownDraws(lines, corrections),
  ...corrections.flatMap(drawsOfCorrection),
];

/** By credit. */
export const sumsOfDraws = (
  draws: readonly Pick<CreditDraw, "creditId" | "amount">[],
): Map<string, Decimal> => {
  const byCredit = Map.groupBy(draws, ({ creditId }) => creditId);
  return new Map(
    [...byCredit].map(([id, ofCredit]) => [id, sum(ofCredit.map(({ amount }) => amount))]),
  );
};
