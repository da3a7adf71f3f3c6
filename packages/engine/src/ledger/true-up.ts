import { minimum } from "./asset.ts";
import { recordTrueUp } from "./authorize.ts";
import type { Draft } from "./draft.ts";
import { booked, conflict, type Booked, type Conflict } from "./outcome.ts";
import { giveBack } from "./refund.ts";
import type { TrueUp } from "./request.ts";
import type { Authorization, PeriodPaid } from "./rows.ts";
import { transitions } from "./transition.ts";
import { moveBudgets } from "./use.ts";

export type Due =
  | { readonly kind: "none" }
  | { readonly kind: "debit"; readonly amount: bigint }
  /** `unpaid` lowers the shortfall that nobody paid; only `amount` is money to give back. */
  | { readonly kind: "credit"; readonly amount: bigint; readonly unpaid: bigint };

/**
 * What makes debits equal the bill (f.10.5): delta = rated − Σ debits − shortfall. All in atoms.
 * A minimum spend or a late correction is part of `rated`.
 */
export const dueFor = (rated: bigint, { debited, shortfall }: PeriodPaid): Due => {
  const delta = rated - debited - shortfall;
  if (delta === 0n) return { kind: "none" };
  if (delta > 0n) return { kind: "debit", amount: delta };
  const unpaid = minimum(-delta, shortfall);
  return { kind: "credit", amount: -delta - unpaid, unpaid };
};

/**
 * Makes what a period's usage of some meters was settled at equal to what it is rated at, to the atom (I19). It sets a
 * sum, so that doing it again does nothing and whatever came late is caught up with by the next one.
 */
export const trueUp = (draft: Draft, command: TrueUp): Booked | Conflict => {
  const paid = paidNow(draft, command);
  if (paid.debited !== command.paid.debited || paid.shortfall !== command.paid.shortfall)
    return conflict(command.id, "PERIOD_CHANGED");
  const due = dueFor(command.rated, paid);
  switch (due.kind) {
    case "none":
      return booked(command.id, 0n);
    case "debit":
      return booked(command.id, due.amount, debit(draft, command, due.amount));
    case "credit": {
      const unpaid = lowerShortfall(draft, command, due.unpaid);
      return booked(command.id, -creditBack(draft, command, due.amount), -unpaid);
    }
  }
};

/** What a true-up itself takes has this fingerprint: that of a request is a hash. */
export const trueUpFingerprint = "true-up";

/** Charged at a plan's price, or taken when a bill was made; the view `usage_payment` says the same. */
export const isForPlan = ({ priceVersion, fingerprint }: Authorization["terms"]): boolean =>
  priceVersion !== null || fingerprint === trueUpFingerprint;

const isMeant = ({ terms }: Authorization, command: TrueUp): boolean =>
  isOfPeriod(terms, command) && (!command.onlyForPlan || isForPlan(terms));

const isOfPeriod = (
  terms: Authorization["terms"],
  { accounts, asset, meters, period }: TrueUp,
): boolean =>
  terms.spender.meter !== null &&
  meters.includes(terms.spender.meter) &&
  terms.spender.asset === asset &&
  accounts.includes(terms.spender.account) &&
  terms.occurredAt >= period.start &&
  terms.occurredAt < period.end;

/** What was loaded, moved by what this batch has done so far. */
const paidNow = (draft: Draft, command: TrueUp): PeriodPaid => {
  let { debited, shortfall } = draft.state.periodsPaid.get(command.id) ?? nothingPaid;
  for (const row of draft.authorizations.changed()) {
    if (!isMeant(row, command)) continue;
    const before = draft.state.authorizations.get(row.id);
    debited += paidBy(row) - (before === undefined ? 0n : paidBy(before));
    shortfall += row.shortfall - (before?.shortfall ?? 0n);
  }
  return { debited, shortfall };
};

const nothingPaid: PeriodPaid = { debited: 0n, shortfall: 0n };

const paidBy = (row: Authorization): bigint => row.settled - row.refunded - row.shortfall;

/** What remains unpaid. The usage is metered already, so that nothing but money is recorded. */
const debit = (draft: Draft, command: TrueUp, amount: bigint): bigint =>
  recordTrueUp(draft, {
    kind: "record",
    id: command.id,
    fingerprint: command.fingerprint,
    account: command.account,
    meter: command.meters[0],
    scope: command.product === null ? {} : { product: command.product },
    unit: null,
    quantity: 0n,
    price: { kind: "amount", amount, asset: command.asset, further: [] },
    assets: [],
    occurredAt: command.period.end - 1,
    settleOverage: command.settleOverage,
    unverified: false,
    isMetered: false,
    insteadOf: null,
    fields: null,
  }).shortfall;

/**
 * The given authorizations in order, each with what it gives of `wanted`, which its budgets count no longer; the answer is
 * what they gave together.
 */
const spread = (
  draft: Draft,
  command: TrueUp,
  spreading: {
    readonly wanted: bigint;
    readonly most: (row: Authorization) => bigint;
    readonly give: (row: Authorization, part: bigint) => Authorization;
  },
): bigint => {
  let left = spreading.wanted;
  for (const id of command.authorizations) {
    const row = draft.authorizations.get(id);
    if (row === undefined || !isMeant(row, command)) continue;
    if (transitions[row.state].refund === null) continue;
    const part = minimum(left, spreading.most(row));
    if (part === 0n) continue;
    left -= part;
    draft.authorizations.put(spreading.give(row, part));
    const use = { posted: -part, held: 0n, postedQuantity: 0n, heldQuantity: 0n };
    moveBudgets(draft, row.terms, use);
  }
  return spreading.wanted - left;
};

const lowerShortfall = (draft: Draft, command: TrueUp, wanted: bigint): bigint =>
  spread(draft, command, {
    wanted,
    most: ({ shortfall }) => shortfall,
    give: (row, part) => giveBack(draft, row, part).row,
  });

/** Back to the grants consumed, newest authorization first. */
const creditBack = (draft: Draft, command: TrueUp, wanted: bigint): bigint =>
  spread(draft, command, {
    wanted,
    most: paidBy,
    give: (row, part) => {
      const { shortfall } = row;
      return { ...giveBack(draft, { ...row, shortfall: 0n }, part).row, shortfall };
    },
  });
