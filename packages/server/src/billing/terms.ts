import { effectiveEnd } from "@turnpike/engine/balances/balance.ts";
import type { AccountPlanTerms, BillTerms, ChargeTerms } from "@turnpike/engine/bill/facts.ts";
import { poolOf } from "@turnpike/engine/bill/hierarchy.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { type CurrencyPolicy, defaultCurrencyPolicy } from "@turnpike/engine/pricing/rounding.ts";
import type { BillPeriods } from "@turnpike/engine/time/bill-period.ts";
import { intersection, type Period, spanOf } from "@turnpike/engine/time/period.ts";
import type { Attachment } from "./attachments.ts";
import { attachmentsOf, type BillingBook, childrenOf } from "./billing-book.ts";
import { present } from "./catalog-snapshot.ts";
import {
  balanceTerms,
  type BillableFee,
  chargeTerms,
  commitmentTerms,
  contractTerms,
} from "./credit-terms.ts";
import { planGroupTerms } from "./plan-terms.ts";
import type { AccountRecord, ChargeRecord, CommitmentRecord } from "./snapshot.ts";

/** From what stands on a bill to its terms; what other bills took or got wrong is not in them yet. */

/** Something that a bill charges. */
export type BillContent =
  | { readonly kind: "plan"; readonly attachment: Attachment; readonly periods: BillPeriods }
  | { readonly kind: "fee"; readonly commitment: CommitmentRecord; readonly fee: BillableFee }
  | { readonly kind: "charge"; readonly charge: ChargeRecord };

export interface BillSubject {
  readonly account: AccountRecord;
  readonly billDate: Temporal.PlainDate;
  readonly currency: string;
  /** Of the run, before the organization's. */
  readonly conversions: readonly { from: string; to: string; multiplier?: number | undefined }[];
  readonly contents: readonly BillContent[];
}

export const poolOfAttachment = (
  book: BillingBook,
  { account, plans, schedule }: Attachment,
): AccountPlanTerms["pool"] =>
  poolOf(
    { active: schedule.active, productIds: plans.map(({ product }) => product.id) },
    childrenOf(book, account).map((child) => ({
      account: { id: child.id, code: child.code },
      plans: attachmentsOf(book, child).flatMap((own) =>
        own.plans.map(({ product }) => ({ productId: product.id, active: own.schedule.active })),
      ),
    })),
  );

export const accountPlanTerms = (
  book: BillingBook,
  { attachment, periods }: Omit<Extract<BillContent, { kind: "plan" }>, "kind">,
): AccountPlanTerms => {
  const { accountPlan, account, plans, planGroup, schedule } = attachment;
  return {
    id: accountPlan.id,
    account: { id: account.id, code: account.code },
    active: schedule.active,
    cadence: schedule.cadence,
    ...periods,
    childBillingMode: accountPlan.childBillingMode,
    contractId: accountPlan.contractId,
    planGroup: planGroup && planGroupTerms(book, planGroup),
    plans,
    pool: poolOfAttachment(book, attachment),
  };
};

/** From the earliest start to the latest end of what the bill charges; undefined when it charges nothing. */
export const coverageOf = ({
  accountPlans,
  charges,
  commitments,
}: Pick<BillTerms, "accountPlans" | "charges" | "commitments">): Period | undefined =>
  spanOf([
    ...accountPlans.flatMap(({ arrears, advance }) => [arrears ?? [], advance ?? []].flat()),
    ...charges.map(({ servicePeriod }) => servicePeriod),
    ...commitments.flatMap(({ feesDue }) => feesDue.map((fee) => fee.servicePeriod)),
  ]);

/**
 * Commitments and balances that the bill's lines may draw on: the account's own, on a parent's bill its children's, and
 * on a child's bill its parent's that pay for children.
 */
const creditsOf = (
  book: BillingBook,
  { account, contents }: BillSubject,
  charged: { accountPlans: readonly AccountPlanTerms[]; charges: readonly ChargeTerms[] },
): Pick<BillTerms, "commitments" | "balances"> => {
  const owners = new Set([account.id, ...childrenOf(book, account).map(({ id }) => id)]);
  const fees = contents.filter((content) => content.kind === "fee");
  const commitments = book.commitments
    .filter(
      ({ accountId, childBillingMode }) =>
        owners.has(accountId) ||
        (childBillingMode === "CHILD" && accountId === account.parentAccountId),
    )
    .map((record) => ({
      ...commitmentTerms(book, record),
      feesDue: fees.filter(({ commitment }) => commitment.id === record.id).map(({ fee }) => fee),
    }));
  const coverage = coverageOf({ ...charged, commitments });
  const isActive = (period: Period) =>
    coverage !== undefined && intersection(coverage, period) !== undefined;
  const named = new Set(charged.charges.map(({ balanceId }) => balanceId));
  return {
    commitments: commitments.filter(
      ({ period, feesDue }) => feesDue.length > 0 || isActive(period),
    ),
    balances: book.balances
      .filter(({ accountId }) => owners.has(accountId))
      .map((record) => balanceTerms(book, record))
      .filter(
        (balance) =>
          named.has(balance.id) ||
          isActive({ start: balance.period.start, end: effectiveEnd(balance) }),
      ),
  };
};

const currencyPolicies = (book: BillingBook, codes: Iterable<string>): CurrencyPolicy[] =>
  [...new Set(codes)].map((code) => {
    const record = book.currencies.find((known) => known.code === code);
    const { maxDecimalPlaces, roundingMode } = record ?? defaultCurrencyPolicy;
    return { code, maxDecimalPlaces, roundingMode };
  });

const counterAdjustments = (
  book: BillingBook,
  accountPlans: readonly AccountPlanTerms[],
): BillTerms["counterAdjustments"] => {
  const accountIds = new Set(
    accountPlans.flatMap(({ account, pool }) => [account.id, ...pool.map((one) => one.account.id)]),
  );
  const counterIds = new Set(
    accountPlans.flatMap(({ plans }) =>
      plans.flatMap(({ counterPricings }) => counterPricings.map(({ counter }) => counter.id)),
    ),
  );
  return book.counterAdjustments
    .filter(({ accountId, counterId }) => accountIds.has(accountId) && counterIds.has(counterId))
    .map(({ accountId, counterId, date, value }) => ({
      accountId,
      counterId,
      date: Temporal.PlainDate.from(date),
      value: decimal(value),
    }));
};

export const aggregationsOf = (
  { planAggregations }: BillingBook,
  accountPlans: readonly AccountPlanTerms[],
): BillTerms["aggregations"] => {
  const planIds = new Set(accountPlans.flatMap(({ plans }) => plans.map(({ id }) => id)));
  const all = [...planIds].flatMap((id) => planAggregations.get(id) ?? []);
  return [...new Map(all.map((one) => [one.id, one])).values()];
};

/** The terms of one bill. */
export const billTerms = (book: BillingBook, bill: BillSubject): BillTerms => {
  const { account, billDate, contents, currency } = bill;
  const accountPlans = contents
    .filter((content) => content.kind === "plan")
    .map((content) => accountPlanTerms(book, content));
  const charges = contents
    .filter((content) => content.kind === "charge")
    .map(({ charge }) => chargeTerms(book, charge));
  const credits = creditsOf(book, bill, { accountPlans, charges });
  const contractIds = present(
    [...accountPlans, ...charges, ...credits.commitments, ...credits.balances].map(
      ({ contractId }) => contractId,
    ),
  );
  const conversions = [...bill.conversions, ...(book.config.currencyConversions ?? [])];
  return {
    organization: {
      zone: book.zone,
      creditApplicationOrder: book.config.creditApplicationOrder,
    },
    account: {
      id: account.id,
      code: account.code,
      parentAccountId: account.parentAccountId,
      hasChildren: childrenOf(book, account).length > 0,
      creditApplicationOrder: account.creditApplicationOrder,
    },
    billDate,
    currency,
    currencies: currencyPolicies(book, [
      currency,
      ...accountPlans.flatMap(({ plans, planGroup }) =>
        [...plans, ...(planGroup === undefined ? [] : [planGroup])].map((one) => one.currency),
      ),
      ...[...charges, ...credits.commitments, ...credits.balances].map((one) => one.currency),
    ]),
    conversions: conversions.flatMap(({ from, to, multiplier }) =>
      multiplier === undefined ? [] : [{ from, to, multiplier: decimal(multiplier) }],
    ),
    accountPlans,
    aggregations: aggregationsOf(book, accountPlans),
    contracts: contractIds.flatMap((id) => {
      const record = book.contracts.get(id);
      return record === undefined ? [] : [contractTerms(book, record)];
    }),
    counterAdjustments: counterAdjustments(book, accountPlans),
    ...credits,
    charges,
    memos: [],
    corrections: [],
  };
};
