import { minimum } from "./asset.ts";
import { usageEvent } from "./authorize.ts";
import { post, walletAccountOf, type Draft } from "./draft.ts";
import { givenName, quotedUid } from "./given-name.ts";
import { insertActive } from "./grant.ts";
import { booked, conflict, type Booked, type Conflict } from "./outcome.ts";
import type { Refund } from "./request.ts";
import type { Authorization, GrantTerms, Undoing } from "./rows.ts";
import { holdingOf, returnSettled, standingOf } from "./slice.ts";
import { transitions } from "./transition.ts";
import { emit, isUnused, moveBudgets, moveFurther, movePosition, usesOf } from "./use.ts";

/** Takes settled money back: Σ refunds ≤ settled (I12), and the usage with it, as a negative event. */
export const refund = (draft: Draft, request: Refund): Booked | Conflict => {
  const row = draft.authorizations.get(request.of);
  if (row === undefined) return conflict(request.id, "NOT_FOUND");
  const next = transitions[row.state].refund;
  if (next === null) return conflict(row.id, "WRONG_STATE", row.state);
  const standing = standingOf(row);
  const amount = request.amount ?? standing;
  if (amount < 0n) return conflict(request.id, "INVALID");
  // What cost nothing has no money to refund, but a correction still takes its usage back.
  if (amount > standing || (standing === 0n && request.isMetered))
    return conflict(row.id, "REFUND_EXCEEDS_SETTLED", row.state);
  const undone = undoneQuantities(row, request, { amount, standing });
  const [quantity = 0n, ...others] = undone;
  const after = row.further.map((use, nth) => ({
    ...use,
    refunded: use.refunded + (others[nth] ?? 0n),
  }));
  const further = moveFurther(draft, row.further, after);
  const { row: returned, unpaid } = giveBack(draft, row, amount);
  const refundedNow = row.refundedQuantity + quantity;
  const refunded = { ...returned, state: next, refundedQuantity: refundedNow, further };
  draft.authorizations.put(refunded);
  const use = { posted: -amount, held: 0n, postedQuantity: -quantity, heldQuantity: 0n };
  moveBudgets(draft, row.terms, use);
  movePosition(draft, row.terms.position, use);
  if (request.isMetered) meter(draft, request, { row, undone, amount, unpaid });
  else if (!isUnused(refunded))
    meter(draft, request, { row, undone: undoneBefore(request, undone) });
  return booked(request.id, amount, unpaid);
};

/** Meters what is taken back as what is less. */
const meter = (
  draft: Draft,
  request: Refund,
  {
    row,
    undone,
    amount = 0n,
    unpaid = 0n,
  }: {
    readonly row: Authorization;
    readonly undone: readonly bigint[];
    readonly amount?: bigint;
    readonly unpaid?: bigint;
  },
): void => {
  const [less = 0n, ...others] = undone.map((each) => -each);
  const { fields } = request;
  const undoes = undoingBy(request, { isLast: amount === standingOf(row) });
  const takenBack = {
    amount: -amount,
    quantity: less,
    further: others,
    shortfall: -unpaid,
    isWhole: false,
    undoes,
  };
  emit(draft, { ...usageEvent(eventId(request), row, takenBack), fields });
};

const undoingBy = (
  { undoes }: Pick<Refund, "undoes">,
  { isLast }: { readonly isLast: boolean },
): Undoing => {
  if (undoes !== "inProportionThenWhole") return undoes;
  return isLast ? "whole" : "inProportion";
};

/**
 * What refunds had taken back already of a part that the usage store takes back by itself, as less than nothing: it would be
 * taken back twice. Where something of the whole stands, refunds were in proportion, and metered; where nothing does, the
 * usage store voids them all.
 */
const undoneBefore = ({ quantities }: Refund, undone: readonly bigint[]): bigint[] =>
  undone.map((each, place) => each - (quantities?.[place] ?? each));

/** Uids of charges, of refunds and of plain usage are several namespaces, and one in the usage store. */
const eventId = ({ id, of }: Refund): string => `${of}#refund#${id}`;

/**
 * Usage goes with money (f.10.2): of what is left of it (settled − refunded), as much as the amount is of the money that
 * stands, rounded down; with the last atom of money, all. So what a close gives back, which is money alone (f.10.5), does
 * not make the rest of the money undo more than the rest of the usage. What has no parts is undone with the last atom.
 * A part of a hold that is undone by itself takes its own quantity, whatever it has cost: the first units of a ladder are
 * the dear ones, or the free ones, and the usage store has voided just these.
 */
const undoneQuantities = (
  row: Authorization,
  { quantities, undoes }: Pick<Refund, "quantities" | "undoes">,
  { amount, standing }: { readonly amount: bigint; readonly standing: bigint },
): bigint[] =>
  usesOf(row).map(({ settled, refunded }, place) => {
    const left = settled - refunded;
    if (quantities !== null) return minimum(quantities[place] ?? 0n, left);
    if (amount === standing) return left;
    return undoes === "whole" ? 0n : (left * amount) / standing;
  });

/** Returns money in reverse of how it was settled: what nobody paid, then debt, then slices, newest first. */
export const giveBack = (
  draft: Draft,
  row: Authorization,
  amount: bigint,
): { readonly row: Authorization; readonly unpaid: bigint } => {
  const unpaid = minimum(amount, row.shortfall);
  const owed = minimum(amount - unpaid, row.debt);
  refundDebt(draft, row, owed);
  const holding = holdingOf(row);
  returnSettled(draft, holding, amount - unpaid - owed);
  const legs = holding.legs;
  const shortfall = row.shortfall - unpaid;
  const refunded = row.refunded + amount;
  return { unpaid, row: { ...row, legs, shortfall, debt: row.debt - owed, refunded } };
};

/**
 * Debt that was repaid since then comes back as a grant: which credit repaid it is not recorded. It does not expire: the credit
 * may have been paid for and be there to this day, and only what comes back to one that is over has an end (f.6).
 */
const refundDebt = (draft: Draft, row: Authorization, owed: bigint): void => {
  if (owed === 0n) return;
  const { account, asset } = row.terms.spender;
  const wallet = walletAccountOf(draft, account, asset);
  const forgiven = minimum(owed, wallet.debt);
  post(draft, wallet.id, { kind: "debtRefund", amount: forgiven, authorization: row.id });
  const repaid = owed - forgiven;
  if (repaid === 0n) return;
  // An authorization may have the name of a grant that is refunded with it.
  const grant = givenName(quotedUid(row.id), `debt:${quotedUid(draft.transaction)}`);
  insertActive(draft, { id: grant, walletAccount: wallet.id, terms: returnedTerms(draft, repaid) });
  post(draft, wallet.id, { kind: "refund", amount: repaid, grant, authorization: row.id });
};

const returnedTerms = (draft: Draft, amount: bigint): GrantTerms => ({
  amount,
  priority: 100,
  effectiveAt: draft.now,
  expiresAt: null,
  purpose: "refund",
  appliesTo: null,
  costBasis: 0n,
  rollover: null,
  source: draft.transaction,
});
