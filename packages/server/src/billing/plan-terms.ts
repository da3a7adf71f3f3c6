import type {
  AggregationDefinition,
  AggregationTerms,
  CounterPricingTerms,
  MinimumSpendTerms,
  PlanGroupTerms,
  PlanTerms,
  PricingTerms,
  ProductRef,
} from "@turnpike/engine/bill/facts.ts";
import {
  minimumSpendOf,
  pricingsOf,
  type RecurringAmounts,
  standingChargeOf,
} from "@turnpike/engine/bill/plan-inheritance.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { PricingBand } from "@turnpike/engine/pricing/bands.ts";
import { withoutPeriods } from "@turnpike/engine/time/period.ts";
import { activePeriod } from "../records/billing-schedule.ts";
import type {
  CounterPricingRecord,
  PlanGroupRecord,
  PlanRecord,
  PlanTemplateRecord,
  PricingRecord,
} from "./catalog-snapshot.ts";
import type { Snapshot } from "./snapshot.ts";

/** From stored plans, groups and prices to their terms: names resolved, defaults filled in. */

/** A snapshot with its plans read and its zone known. */
export interface PricedSnapshot extends Snapshot {
  /** As Temporal reads it. */
  readonly zone: string;
  readonly planTerms: ReadonlyMap<string, PlanTerms>;
  /** By plan: see `planAggregations`. */
  readonly planAggregations: ReadonlyMap<string, readonly AggregationDefinition[]>;
}

export const exact = (amount: number | undefined): Decimal | undefined =>
  amount === undefined ? undefined : decimal(amount);

export const productRef = (
  { products }: Pick<Snapshot, "products">,
  id: string | undefined,
): ProductRef | undefined => {
  const product = products.get(id ?? "");
  return product && { id: product.id, name: product.name, code: product.code };
};

const bandsOf = (records: PricingRecord["pricingBands"]): PricingBand[] =>
  records.map((band) => ({
    id: band.id,
    lowerLimit: decimal(band.lowerLimit),
    fixedPrice: decimal(band.fixedPrice),
    unitPrice: decimal(band.unitPrice),
  }));

const aggregationTerms = (
  snapshot: Snapshot,
  { aggregationId, compoundAggregationId }: PricingRecord,
): AggregationTerms | undefined => {
  const simple = snapshot.aggregations.get(aggregationId ?? "");
  const record = simple ?? snapshot.compounds.get(compoundAggregationId ?? "");
  if (record === undefined) return undefined;
  return {
    type: simple === undefined ? "COMPOUND" : "SIMPLE",
    id: record.id,
    name: record.name,
    unit: record.unit,
    meterId: simple?.meterId,
    method: simple?.aggregation,
    rounding: record.rounding,
    quantityPerUnit: decimal(record.quantityPerUnit),
    defaultValue: exact(simple?.defaultValue),
    segmentedFields: simple?.segmentedFields,
    accountingProduct: productRef(snapshot, record.accountingProductId),
  };
};

/** Pricing over organization (m3ter semantics 9.2). */
const pricingMinimum = (
  snapshot: Snapshot,
  record: PricingRecord,
): MinimumSpendTerms | undefined => {
  const { minimumSpend, minimumSpendDescription, minimumSpendBillInAdvance } = record;
  const amounts = {
    minimumSpend: exact(minimumSpend),
    minimumSpendDescription,
    minimumSpendBillInAdvance,
    minimumSpendAccountingProduct: productRef(snapshot, record.accountingProductId),
  };
  return minimumSpendOf(amounts, {}, snapshot.config);
};

const pricingTerms = (snapshot: Snapshot, record: PricingRecord): PricingTerms[] => {
  const aggregation = aggregationTerms(snapshot, record);
  if (aggregation === undefined) return [];
  const terms: PricingTerms = {
    id: record.id,
    version: record.version,
    description: record.description,
    type: record.type,
    cumulative: record.cumulative,
    bands: bandsOf(record.pricingBands),
    overageBands: bandsOf(record.overagePricingBands ?? []),
    aggregation,
    active: activePeriod(record),
    segment: record.segment,
    tiersSpanPlan: record.tiersSpanPlan,
    minimumSpend: pricingMinimum(snapshot, record),
    accountingProduct: productRef(snapshot, record.accountingProductId),
  };
  return [terms];
};

const counterPricingTerms = (
  snapshot: Snapshot,
  record: CounterPricingRecord,
): CounterPricingTerms[] => {
  const counter = snapshot.counters.get(record.counterId);
  if (counter === undefined) return [];
  const { id, name, unit } = counter;
  const terms: CounterPricingTerms = {
    id: record.id,
    version: record.version,
    description: record.description,
    counter: { id, name, unit },
    cumulative: record.cumulative,
    bands: bandsOf(record.pricingBands),
    active: activePeriod(record),
    runningTotalBillInAdvance: record.runningTotalBillInAdvance,
    proRateRunningTotal: record.proRateRunningTotal,
    proRateAdjustmentDebit: record.proRateAdjustmentDebit,
    proRateAdjustmentCredit: record.proRateAdjustmentCredit,
    accountingProduct: productRef(snapshot, record.accountingProductId),
  };
  return [terms];
};

/** As for pricings, the plan's own price of a counter wins for its date range ([R], m3ter semantics 9.2). */
const counterPricingsOf = (
  own: readonly CounterPricingTerms[],
  inherited: readonly CounterPricingTerms[],
): CounterPricingTerms[] => [
  ...own,
  ...inherited.flatMap((pricing) => {
    const winning = own.filter(({ counter }) => counter.id === pricing.counter.id);
    const left = withoutPeriods(
      pricing.active,
      winning.map(({ active }) => active),
    );
    // Two pieces of one price may stand on one bill, where an id names one line.
    return left.map((active, index) => ({
      ...pricing,
      id: index === 0 ? pricing.id : `${pricing.id}/${index}`,
      active,
    }));
  }),
];

/** What plans, templates and groups say about standing charge and minimum spend. */
const recurringAmounts = (
  snapshot: Snapshot,
  record: PlanRecord | PlanTemplateRecord | PlanGroupRecord,
): RecurringAmounts => ({
  standingCharge: exact(record.standingCharge),
  standingChargeDescription: record.standingChargeDescription,
  standingChargeBillInAdvance: record.standingChargeBillInAdvance,
  standingChargeAccountingProduct:
    "standingChargeAccountingProductId" in record
      ? productRef(snapshot, record.standingChargeAccountingProductId)
      : undefined,
  minimumSpend: exact(record.minimumSpend),
  minimumSpendDescription: record.minimumSpendDescription,
  minimumSpendBillInAdvance: record.minimumSpendBillInAdvance,
  minimumSpendAccountingProduct:
    "minimumSpendAccountingProductId" in record
      ? productRef(snapshot, record.minimumSpendAccountingProductId)
      : undefined,
});

export const planTerms = (snapshot: Snapshot, plan: PlanRecord): PlanTerms => {
  const template = snapshot.planTemplates.get(plan.planTemplateId);
  const product = productRef(snapshot, template?.productId);
  if (template === undefined || product === undefined) {
    throw new Error(`plan ${plan.id} has no template or product`);
  }
  const { pricings, counterPricings, config } = snapshot;
  const own = recurringAmounts(snapshot, plan);
  const inherited = {
    ...recurringAmounts(snapshot, template),
    standingChargeInterval: template.standingChargeInterval,
    standingChargeOffset: template.standingChargeOffset,
  };
  const isOwn = ({ planId }: { planId?: string | undefined }) => planId === plan.id;
  const isInherited = ({ planTemplateId }: { planTemplateId?: string | undefined }) =>
    planTemplateId === template.id;
  const priced = (records: readonly PricingRecord[]) =>
    records.flatMap((record) => pricingTerms(snapshot, record));
  const counted = (records: readonly CounterPricingRecord[]) =>
    records.flatMap((record) => counterPricingTerms(snapshot, record));
  return {
    id: plan.id,
    name: plan.name,
    product,
    currency: template.currency,
    standingCharge: standingChargeOf(own, inherited, config),
    minimumSpend: minimumSpendOf(own, inherited, config),
    pricings: pricingsOf(priced(pricings.filter(isOwn)), priced(pricings.filter(isInherited))),
    counterPricings: counterPricingsOf(
      counted(counterPricings.filter(isOwn)),
      counted(counterPricings.filter(isInherited)),
    ),
  };
};

export const planGroupTerms = (snapshot: Snapshot, group: PlanGroupRecord): PlanGroupTerms => {
  const amounts = recurringAmounts(snapshot, group);
  return {
    id: group.id,
    name: group.name,
    currency: group.currency,
    standingCharge: standingChargeOf(amounts, {}, snapshot.config),
    minimumSpend: minimumSpendOf(amounts, {}, snapshot.config),
  };
};
