/** Commitments and balances seen alike: money (or units) that charges of the bill may draw on. */

import {
  balanceLineItemTypes,
  drawableAmount,
  type BalanceTerms,
  type PlanCharges,
  rolloverConsumed,
} from "../balances/balance.ts";
import { type CommitmentTerms, commitmentLineItemTypes } from "../commitments/commitment.ts";
import { type Decimal, max, min, sum, zero } from "../exact/decimal.ts";
import type { ProductRef } from "../pricing/product.ts";
import { startOfDay } from "../time/cadence.ts";
import type { Period } from "../time/period.ts";
import type { BillTerms } from "./facts.ts";
import type { LineDraft } from "./line.ts";
import { isAmong } from "./plan-charges.ts";
import { scaleOf } from "./printing.ts";
import { byBalanceOrder, byCommitmentOrder, creditOrder } from "./rules.ts";

export interface Credit {
  readonly kind: "COMMITMENT" | "BALANCE";
  readonly id: string;
  readonly accountId: string;
  readonly currency: string;
  /** Only charges of this period draw on it. A balance that rolls over is two credits, one after the other. */
  readonly window: Period;
  readonly isRollover: boolean;
  /** It holds units of usage, not money. */
  readonly isGrant: boolean;
  /** It holds what a wallet paid for charges before they were rounded. */
  readonly isWallet: boolean;
  /** Of a wallet, which charges those were. */
  readonly paidFor?: readonly PlanCharges[] | undefined;
  /** What it holds before this bill. */
  readonly funds: Decimal;
  /** A rollover gives at most so much of what is left. */
  readonly cap?: Decimal | undefined;
  /** Overdraft: charges are covered whatever it holds. */
  readonly isUnlimited: boolean;
  readonly productIds: readonly string[];
  readonly lineItemTypes: readonly string[];
  readonly contractId?: string | undefined;
  /** A parent's that pays for what its children are billed themselves. */
  readonly isForChildren: boolean;
  readonly surchargePercent?: Decimal | undefined;
  readonly separatesOverage: boolean;
  readonly description: string;
  readonly overageDescription?: string | undefined;
  readonly accountingProduct?: ProductRef | undefined;
}

/** Zero percent is the same as no surcharge. */
const surcharge = (percent: Decimal | undefined): Decimal | undefined =>
  percent?.isZero() === true ? undefined : percent;

/** What this bill's corrections of earlier draw-downs put back (or take, below zero). */
const correctedDraws = (
  terms: BillTerms,
  credit: { readonly commitmentId: string } | { readonly balanceId: string },
): Decimal =>
  sum(
    terms.corrections
      .filter(({ line }) =>
        "commitmentId" in credit
          ? line.lineItemType === "COMMITMENT_CONSUMED" && line.commitmentId === credit.commitmentId
          : line.lineItemType === "BALANCE_CONSUMED" && line.balanceId === credit.balanceId,
      )
      .map(({ subtotal }) => subtotal),
  );

const commitmentCredit = (commitment: CommitmentTerms, corrected: Decimal): Credit => ({
  kind: "COMMITMENT",
  id: commitment.id,
  accountId: commitment.accountId,
  currency: commitment.currency,
  window: commitment.period,
  isRollover: false,
  isGrant: false,
  isWallet: false,
  funds: max(commitment.amount.minus(commitment.spentBefore).plus(corrected), zero),
  isUnlimited: false,
  productIds: commitment.productIds,
  lineItemTypes:
    commitment.lineItemTypes.length > 0 ? commitment.lineItemTypes : commitmentLineItemTypes,
  contractId: commitment.contractId,
  isForChildren: commitment.childBillingMode === "CHILD",
  surchargePercent: surcharge(commitment.overageSurchargePercent),
  separatesOverage: commitment.separateOverageUsage,
  description: commitment.usageDescription ?? "Commitment Consumed",
  overageDescription: commitment.overageDescription,
  accountingProduct: commitment.drawdownsAccountingProduct ?? commitment.accountingProduct,
});

/** The balance in its own period, then what of it rolls over (m3ter semantics 16.3). */
const balanceCredits = (terms: BillTerms, balance: BalanceTerms): readonly Credit[] => {
  const asOf = startOfDay(terms.billDate, terms.organization.zone);
  const corrected = correctedDraws(terms, { balanceId: balance.id });
  const funds = drawableAmount(balance, asOf).plus(corrected);
  const main: Credit = {
    kind: "BALANCE",
    id: balance.id,
    accountId: balance.accountId,
    currency: balance.currency,
    window: balance.period,
    isRollover: false,
    isGrant: balance.isGrant,
    isWallet: balance.isWallet === true,
    paidFor: balance.paidFor,
    funds: balance.allowOverdraft ? funds : max(funds, zero),
    isUnlimited: balance.allowOverdraft,
    productIds: balance.productIds,
    lineItemTypes: balance.lineItemTypes.length > 0 ? balance.lineItemTypes : balanceLineItemTypes,
    contractId: balance.contractId,
    isForChildren: false,
    surchargePercent: surcharge(balance.overageSurchargePercent),
    separatesOverage: false,
    description: balance.drawDownDescription ?? "Balance Consumed",
    overageDescription: balance.overageDescription,
    accountingProduct: balance.consumptionsAccountingProduct,
  };
  if (balance.rolloverEnd === undefined) return [main];
  const cap =
    balance.rolloverAmount === undefined
      ? undefined
      : max(balance.rolloverAmount.minus(rolloverConsumed(balance)), zero);
  const window = { start: balance.period.end, end: balance.rolloverEnd };
  return [main, { ...main, window, cap, isRollover: true, isUnlimited: false }];
};

/**
 * A fraction that the currency cannot print can never be drawn, and must not keep a credit open. What a wallet paid
 * stays exact: it is compared with what a charge costs before that is rounded.
 */
const onGrid = (terms: BillTerms, credit: Credit): Credit => {
  if (credit.isGrant || credit.isWallet) return credit;
  const scale = scaleOf(terms, credit.currency);
  return {
    ...credit,
    funds: credit.funds.round(scale, "DOWN") ?? credit.funds,
    cap: credit.cap?.round(scale, "DOWN"),
  };
};

/**
 * Every credit in the order in which the bill draws on it (m3ter semantics 15.5): what a wallet has paid already
 * (authorization semantics f.10.7), then a child's own before its parent's, then by kind, then by age.
 */
export const creditsInOrder = (terms: BillTerms): readonly Credit[] => {
  const commitments = terms.commitments
    .toSorted(byCommitmentOrder)
    .map((commitment) =>
      commitmentCredit(commitment, correctedDraws(terms, { commitmentId: commitment.id })),
    );
  const balances = terms.balances
    .toSorted(byBalanceOrder)
    .flatMap((balance) => balanceCredits(terms, balance));
  const credits = creditOrder(terms.account, terms.organization)
    .flatMap((kind) => (kind === "PREPAYMENT" ? commitments : balances))
    .map((credit) => onGrid(terms, credit));
  const { id: ownId, parentAccountId } = terms.account;
  // 0 what a wallet has paid, 1 a child's, 2 the bill's own account's, 3 its parent's.
  const place = ({ isWallet, accountId }: Credit): number =>
    isWallet ? 0 : accountId === ownId ? 2 : accountId === parentAccountId ? 3 : 1;
  return credits.toSorted((a, b) => place(a) - place(b));
};

/** The bill's own account, the child whose line it is, or a parent that pays for its children (14.2). */
const isPayerOf = (
  { account }: BillTerms,
  { accountId, isForChildren }: Credit,
  { childAccount }: Pick<LineDraft, "childAccount">,
): boolean =>
  accountId === account.id ||
  accountId === childAccount?.id ||
  (isForChildren && accountId === account.parentAccountId);

type Drawing = Pick<
  LineDraft,
  | "lineItemType"
  | "product"
  | "contractId"
  | "childAccount"
  | "accountPlanId"
  | "pricingId"
  | "currency"
>;

/** What a wallet paid it paid call by call, in the currency of the price. */
const isPaidBy = ({ paidFor, currency }: Credit, line: Drawing): boolean =>
  paidFor === undefined ||
  (line.currency === currency && paidFor.some((charges) => isAmong(charges, line)));

/** Whether charges like this line may draw on the credit, its moment aside (15.3, 14.2, 14.3). */
export const mayDraw = (terms: BillTerms, credit: Credit, line: Drawing): boolean =>
  credit.lineItemTypes.includes(line.lineItemType) &&
  isPaidBy(credit, line) &&
  (credit.productIds.length === 0 ||
    (line.product !== undefined && credit.productIds.includes(line.product.id))) &&
  (credit.contractId === undefined || credit.contractId === line.contractId) &&
  isPayerOf(terms, credit, line);

/** What credits hold while a bill draws on them: several credits of one balance share its funds. */
export class Funds {
  readonly #left = new Map<string, Decimal>();
  readonly #capLeft = new Map<Credit, Decimal>();
  readonly #terms: BillTerms;

  constructor(terms: BillTerms, credits: readonly Credit[]) {
    this.#terms = terms;
    for (const credit of credits) {
      this.#left.set(credit.id, credit.funds);
      if (credit.cap !== undefined) this.#capLeft.set(credit, credit.cap);
    }
  }

  /** What the credit's commitment or balance holds now. */
  left(credit: Credit): Decimal {
    return this.#left.get(credit.id) ?? zero;
  }

  /** The most that may be taken now; never below zero. */
  available(credit: Credit, wanted: Decimal): Decimal {
    if (credit.isUnlimited) return wanted;
    const cap = this.#capLeft.get(credit);
    const left = this.#drawable(credit);
    return cap === undefined ? left : min(left, cap);
  }

  #drawable(credit: Credit): Decimal {
    const left = max(this.left(credit), zero);
    if (!credit.isWallet) return left;
    return left.round(scaleOf(this.#terms, credit.currency), "HALF_UP") ?? left;
  }

  /** Whether a wallet paid all of what costs so much before it is rounded: then it pays what is printed, too. */
  paid(credit: Credit, exact: Decimal): boolean {
    return credit.isWallet && this.left(credit).gte(exact);
  }

  take(credit: Credit, amount: Decimal): void {
    this.#left.set(credit.id, this.left(credit).minus(amount));
    const cap = this.#capLeft.get(credit);
    if (cap !== undefined) this.#capLeft.set(credit, cap.minus(amount));
  }

  isExhausted(credit: Credit): boolean {
    return !credit.isUnlimited && !this.available(credit, zero).isPositive();
  }
}
