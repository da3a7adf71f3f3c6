import { minimum } from "./asset.ts";
import type { Draft } from "./draft.ts";
import { openGrant } from "./grant.ts";
import { booked, conflict, type Booked, type Conflict } from "./outcome.ts";
import { emptyPosition } from "./price.ts";
import { giveBack } from "./refund.ts";
import type { ClosePeriod } from "./request.ts";
import { walletAccountId, type Position } from "./rows.ts";
import { emptyHolding } from "./slice.ts";
import { takeExcess } from "./use.ts";

export type TrueUp =
  | { readonly kind: "none" }
  | { readonly kind: "debit"; readonly amount: bigint }
  /** `unpaid` lowers the shortfall that nobody paid; only `amount` is money to give back. */
  | { readonly kind: "credit"; readonly amount: bigint; readonly unpaid: bigint };

/**
 * What makes debits equal the bill (f.10.5): delta = rated − Σ debits − shortfall. All in atoms.
 * A minimum spend or a late correction is part of `rated`.
 */
export const trueUp = (
  rated: bigint,
  { debited, shortfall }: Pick<Position, "debited" | "shortfall">,
): TrueUp => {
  const delta = rated - debited - shortfall;
  if (delta === 0n) return { kind: "none" };
  if (delta > 0n) return { kind: "debit", amount: delta };
  const unpaid = minimum(-delta, shortfall);
  return { kind: "credit", amount: -delta - unpaid, unpaid };
};

/** Closes a priced meter's period: afterwards debits + shortfall = rated, to the atom (I19). */
export const closePeriod = (draft: Draft, command: ClosePeriod): Booked | Conflict => {
  const position = draft.positions.get(command.position) ?? emptyPosition(command.position);
  if (position.isClosed) return conflict(command.id, "PERIOD_CLOSED");
  const due = trueUp(command.rated, position);
  const shortfall = settleTrueUp(draft, command, due);
  const left = position.shortfall + shortfall;
  draft.positions.put({
    ...position,
    isClosed: true,
    shortfall: left,
    debited: command.rated - left,
  });
  return booked(command.id, signedAmount(due), shortfall);
};

/** Positive is taken, negative given back. */
const signedAmount = (due: TrueUp): bigint => {
  switch (due.kind) {
    case "none":
      return 0n;
    case "debit":
      return due.amount;
    case "credit":
      return -due.amount;
  }
};

/** By how much the shortfall changes. */
const settleTrueUp = (draft: Draft, command: ClosePeriod, due: TrueUp): bigint => {
  switch (due.kind) {
    case "none":
      return 0n;
    case "debit": {
      const { account, asset } = command;
      const spender = {
        account,
        asset,
        waterfall: [asset],
        product: null,
        feature: null,
        meter: null,
      };
      const holding = emptyHolding(command.id, spender);
      const policy = command.settleOverage;
      return takeExcess(draft, holding, { amount: due.amount, policy }).shortfall;
    }
    case "credit":
      creditBack(draft, command, due.amount);
      return -due.unpaid;
  }
};

/** Back to the grants consumed, newest authorization first; what none of them paid becomes a grant. */
const creditBack = (draft: Draft, command: ClosePeriod, amount: bigint): void => {
  let left = amount;
  for (const id of command.authorizations) {
    const row = draft.authorizations.get(id);
    if (row === undefined) continue;
    const paid = row.settled - row.refunded - row.shortfall;
    const part = minimum(left, paid);
    if (part === 0n) continue;
    left -= part;
    const { shortfall } = row;
    const returned = giveBack(draft, { ...row, shortfall: 0n }, part);
    draft.authorizations.put({ ...returned.row, shortfall });
  }
  if (left === 0n) return;
  openGrant(draft, {
    id: `${command.id}.trueUp`,
    walletAccount: walletAccountId(command.account, command.asset),
    terms: {
      amount: left,
      priority: 100,
      effectiveAt: draft.now,
      expiresAt: null,
      purpose: "adjustment",
      appliesTo: null,
      costBasis: 0n,
      rollover: null,
      source: command.id,
    },
  });
};
