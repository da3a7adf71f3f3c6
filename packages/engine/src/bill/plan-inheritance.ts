/** What a plan takes over from its template and organization (m3ter semantics 9.2). */

import type { Decimal } from "../exact/decimal.ts";
import type { ProductRef } from "../pricing/product.ts";
import { type OpenPeriod, withoutPeriods } from "../time/period.ts";
import type { MinimumSpendTerms, PricingTerms, StandingChargeTerms } from "./facts.ts";

/** Recurring amounts as a plan, template or group states them; what is absent is inherited. */
export interface RecurringAmounts {
  readonly standingCharge?: Decimal | undefined;
  readonly standingChargeDescription?: string | undefined;
  readonly standingChargeBillInAdvance?: boolean | undefined;
  readonly standingChargeAccountingProduct?: ProductRef | undefined;
  readonly minimumSpend?: Decimal | undefined;
  readonly minimumSpendDescription?: string | undefined;
  readonly minimumSpendBillInAdvance?: boolean | undefined;
  readonly minimumSpendAccountingProduct?: ProductRef | undefined;
}

/** Only the template sets how often a standing charge applies. */
export interface TemplateAmounts extends RecurringAmounts {
  readonly standingChargeInterval?: number | undefined;
  readonly standingChargeOffset?: number | undefined;
}

export interface OrganizationDefaults {
  readonly standingChargeBillInAdvance?: boolean | undefined;
  readonly minimumSpendBillInAdvance?: boolean | undefined;
}

/** Plan > template > organization; undefined when there is nothing to charge. */
export const standingChargeOf = (
  plan: RecurringAmounts,
  template: TemplateAmounts,
  organization: OrganizationDefaults,
): StandingChargeTerms | undefined => {
  const amount = plan.standingCharge ?? template.standingCharge;
  if (amount === undefined || amount.isZero()) return undefined;
  return {
    amount,
    description: plan.standingChargeDescription ?? template.standingChargeDescription,
    interval: template.standingChargeInterval ?? 1,
    offset: template.standingChargeOffset ?? 0,
    billInAdvance:
      plan.standingChargeBillInAdvance ??
      template.standingChargeBillInAdvance ??
      organization.standingChargeBillInAdvance ??
      false,
    accountingProduct:
      plan.standingChargeAccountingProduct ?? template.standingChargeAccountingProduct,
  };
};

/** Plan > template > organization; undefined when there is no minimum. */
export const minimumSpendOf = (
  plan: RecurringAmounts,
  template: RecurringAmounts,
  organization: OrganizationDefaults,
): MinimumSpendTerms | undefined => {
  const amount = plan.minimumSpend ?? template.minimumSpend;
  if (amount === undefined || amount.isZero()) return undefined;
  return {
    amount,
    description: plan.minimumSpendDescription ?? template.minimumSpendDescription,
    billInAdvance:
      plan.minimumSpendBillInAdvance ??
      template.minimumSpendBillInAdvance ??
      organization.minimumSpendBillInAdvance ??
      false,
    accountingProduct: plan.minimumSpendAccountingProduct ?? template.minimumSpendAccountingProduct,
  };
};

const byName = (segment: Readonly<Record<string, string>>) =>
  Object.entries(segment).toSorted(([a], [b]) => (a < b ? -1 : 1));

/** A pricing of a plan or of its template, as far as inheritance looks at it. */
export interface Inheritable extends Pick<PricingTerms, "active" | "piece" | "segment"> {
  readonly aggregation: Pick<PricingTerms["aggregation"], "type" | "id">;
}

const pricedThing = ({ aggregation, segment }: Inheritable): string =>
  JSON.stringify([aggregation.type, aggregation.id, byName(segment ?? {})]);

/**
 * The plan's own pricings and what the template's still cover: for the same aggregation and segment
 * the plan's wins for its date range ([R], m3ter semantics 9.2).
 */
export const pricingsOf = <Pricing extends Inheritable>(
  planPricings: readonly Pricing[],
  templatePricings: readonly Pricing[],
): readonly Pricing[] => [
  ...planPricings,
  ...templatePricings.flatMap((pricing) => {
    const overriding = planPricings
      .filter((own) => pricedThing(own) === pricedThing(pricing))
      .map(({ active }) => active);
    const left = withoutPeriods(pricing.active, overriding);
    return left.map((active: OpenPeriod, index): Pricing => ({
      ...pricing,
      active,
      piece: left.length > 1 ? index : undefined,
    }));
  }),
];
