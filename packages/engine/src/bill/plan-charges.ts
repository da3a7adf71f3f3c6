import type { PlanCharges } from "../balances/balance.ts";
import type { LineDraft } from "./line.ts";

/** Whether the line is one of them. */
export const isAmong = (
  charges: PlanCharges,
  {
    accountPlanId,
    lineItemType,
    pricingId = "",
  }: Pick<LineDraft, "accountPlanId" | "lineItemType" | "pricingId">,
): boolean =>
  accountPlanId === charges.accountPlanId &&
  lineItemType === charges.lineItemType &&
  (charges.lineItemType !== "USAGE" || charges.pricingIds.includes(pricingId));
