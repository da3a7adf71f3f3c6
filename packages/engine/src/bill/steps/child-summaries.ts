import { sum } from "../../exact/decimal.ts";
import { earlier, later } from "../../time/period.ts";
import { averageUnitPrice } from "../../pricing/bands.ts";
import type { BillStep } from "../draft.ts";
import type { BillFacts } from "../facts.ts";
import { advanceLineTypes, type Line } from "../line.ts";

/** Account plans whose lines are shown as one for all accounts (m3ter semantics 14.2). */
export const summaryPlanIds = ({ accountPlans }: BillFacts): ReadonlySet<string> =>
  new Set(
    accountPlans
      .filter(({ childBillingMode }) => childBillingMode === "PARENT_SUMMARY")
      .map(({ id }) => id),
  );

/** Lines that are about the same thing for different accounts. */
const summaryKey = (line: Line): string =>
  [
    line.lineItemType,
    "summary",
    line.planId ?? line.planGroupId ?? "",
    line.pricingId ?? line.counterPricingId ?? "",
    line.commitmentId ?? line.balanceId ?? "",
    line.contractId ?? "",
  ].join("/");

const commitmentKey = ({ lineItemType, commitmentId = "" }: Line): string =>
  `${lineItemType}/summary/${commitmentId}`;

const summarized = (key: string, lines: readonly Line[]): readonly Line[] => {
  const [first] = lines;
  if (first === undefined || lines.length < 2) return lines;
  const exact = sum(lines.map((line) => line.exact));
  const units = sum(lines.map((line) => line.units));
  const periods = lines.map(({ servicePeriod }) => servicePeriod);
  const printed = {
    subtotal: sum(lines.map((line) => line.subtotal)),
    conversionRate: first.conversionRate,
    convertedSubtotal: sum(lines.map((line) => line.convertedSubtotal)),
  };
  return [
    {
      ...first,
      key,
      accountPlanId: undefined,
      childAccount: undefined,
      servicePeriod: {
        start: periods.map(({ start }) => start).reduce(earlier),
        end: periods.map(({ end }) => end).reduce(later),
      },
      quantity: sum(lines.map((line) => line.quantity)),
      units,
      exact,
      derivation: { how: "SUM", parts: lines.map((line) => line.exact) },
      ...printed,
      printed,
      averageUnitPrice: averageUnitPrice(exact, units),
      bandUsage: [],
      usageKey: undefined,
      usageAccountId: undefined,
      drawDown: undefined,
      summarized: advanceLineTypes.includes(first.lineItemType)
        ? lines.map((line) => ({ key: line.key, subtotal: line.subtotal }))
        : undefined,
    },
  ];
};

/** Commitments of a parent whose draw-downs are shown as one for all accounts. */
const summaryCommitmentIds = ({ account, commitments }: BillFacts): ReadonlySet<string> =>
  new Set(
    commitments
      .filter(({ accountId, childBillingMode }) => {
        const isParents = account.hasChildren && accountId === account.id;
        return isParents && childBillingMode === "PARENT_SUMMARY";
      })
      .map(({ id }) => id),
  );

/**
 * PARENT_SUMMARY: one line for all accounts with the same pricing, and of a commitment for all that it paid; sums of
 * what is printed.
 */
export const childSummariesStep: BillStep = (facts, draft) => {
  const planIds = summaryPlanIds(facts);
  const commitmentIds = summaryCommitmentIds(facts);
  const isOfCommitment = ({ lineItemType, commitmentId }: Line) =>
    lineItemType === "COMMITMENT_CONSUMED" && commitmentIds.has(commitmentId ?? "");
  const isSummarized = (line: Line) =>
    isOfCommitment(line) || planIds.has(line.accountPlanId ?? "");
  const groups = Map.groupBy(draft.lines.filter(isSummarized), (line) =>
    isOfCommitment(line) ? commitmentKey(line) : summaryKey(line),
  );
  return {
    ...draft,
    lines: [
      ...draft.lines.filter((line) => !isSummarized(line)),
      ...[...groups].flatMap(([key, lines]) => summarized(key, lines)),
    ],
  };
};
