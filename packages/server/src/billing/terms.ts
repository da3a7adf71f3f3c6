import type {
  AccountPlanTerms,
  AggregationTerms,
  BillTerms,
  PlanTerms,
  PricingTerms,
  ProductRef,
  StandingChargeTerms,
} from "@turnpike/engine/bill/facts.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type { PricingBand } from "@turnpike/engine/pricing/bands.ts";
import { type CurrencyPolicy, defaultCurrencyPolicy } from "@turnpike/engine/pricing/rounding.ts";
import { type BillingSchedule, billPeriods } from "@turnpike/engine/time/bill-period.ts";
import { type Cadence, cadenceAnchor } from "@turnpike/engine/time/cadence.ts";
import type { OpenPeriod } from "@turnpike/engine/time/period.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import type {
  AccountPlanRecord,
  AccountRecord,
  AggregationRecord,
  PlanRecord,
  PlanTemplateRecord,
  PricingRecord,
  Snapshot,
} from "./snapshot.ts";

/**
 * From stored records to the terms that the engine rates: names resolved, defaults filled in, nothing calculated.
 */

/** An account plan of a plan, with everything it refers to. */
export interface Attachment {
  readonly accountPlan: AccountPlanRecord;
  readonly account: AccountRecord;
  readonly plan: PlanRecord;
  readonly template: PlanTemplateRecord;
  readonly schedule: BillingSchedule;
}

export const zoneOf = ({ config }: Snapshot): string => parseZone(config.timezone) ?? "UTC";

const periodOf = (dated: { startDate: string; endDate?: string | undefined }): OpenPeriod => ({
  start: Temporal.Instant.from(dated.startDate),
  end: dated.endDate === undefined ? undefined : Temporal.Instant.from(dated.endDate),
});

const dateOf = (text: string | undefined): Temporal.PlainDate | undefined =>
  text === undefined ? undefined : Temporal.PlainDate.from(text);

const cadenceOf = (
  { config }: Snapshot,
  { accountPlan, account, template }: Omit<Attachment, "schedule" | "plan">,
): Cadence | undefined => {
  const { billFrequency: frequency, billFrequencyInterval: interval = 1 } = template;
  if (frequency === "AD_HOC" || frequency === "MIXED") return undefined;
  const organization = {
    yearEpoch: Temporal.PlainDate.from(config.yearEpoch),
    monthEpoch: Temporal.PlainDate.from(config.monthEpoch),
    weekEpoch: Temporal.PlainDate.from(config.weekEpoch),
    dayEpoch: Temporal.PlainDate.from(config.dayEpoch),
  };
  const epochs = {
    accountPlan: dateOf(accountPlan.billEpoch),
    account: dateOf(account.billEpoch),
    organization,
  };
  return { anchor: cadenceAnchor(epochs, frequency), frequency, interval };
};

/** The account's plans that are billed by a cadence. */
export const attachmentsOf = (snapshot: Snapshot, account: AccountRecord): Attachment[] =>
  snapshot.accountPlans
    .filter(({ accountId }) => accountId === account.id)
    .flatMap((accountPlan) => {
      const plan = snapshot.plans.get(accountPlan.planId ?? "");
      const template = snapshot.planTemplates.get(plan?.planTemplateId ?? "");
      if (plan === undefined || template === undefined) return [];
      const cadence = cadenceOf(snapshot, { accountPlan, account, template });
      if (cadence === undefined) return [];
      const schedule = { cadence, zone: zoneOf(snapshot), active: periodOf(accountPlan) };
      return [{ accountPlan, account, plan, template, schedule }];
    });

const productRef = (snapshot: Snapshot, id: string | undefined): ProductRef | undefined => {
  const product = snapshot.products.get(id ?? "");
  return product && { id: product.id, name: product.name, code: product.code };
};

const bandsOf = (records: PricingRecord["pricingBands"]): PricingBand[] =>
  records.map((band) => ({
    id: band.id,
    lowerLimit: decimal(band.lowerLimit),
    fixedPrice: decimal(band.fixedPrice),
    unitPrice: decimal(band.unitPrice),
  }));

const aggregationTerms = (snapshot: Snapshot, record: AggregationRecord): AggregationTerms => ({
  type: "SIMPLE",
  id: record.id,
  name: record.name,
  unit: record.unit,
  meterId: record.meterId,
  method: record.aggregation,
  rounding: record.rounding,
  quantityPerUnit: decimal(record.quantityPerUnit),
  defaultValue: record.defaultValue === undefined ? undefined : decimal(record.defaultValue),
  segmentedFields: record.segmentedFields,
  accountingProduct: productRef(snapshot, record.accountingProductId),
});

const pricingTerms = (snapshot: Snapshot, record: PricingRecord): PricingTerms[] => {
  const aggregation = snapshot.aggregations.get(record.aggregationId ?? "");
  if (aggregation === undefined) return [];
  const terms: PricingTerms = {
    id: record.id,
    version: record.version,
    description: record.description,
    type: record.type,
    cumulative: record.cumulative,
    bands: bandsOf(record.pricingBands),
    overageBands: bandsOf(record.overagePricingBands ?? []),
    aggregation: aggregationTerms(snapshot, aggregation),
    active: periodOf(record),
    segment: record.segment,
    tiersSpanPlan: record.tiersSpanPlan,
    accountingProduct: productRef(snapshot, record.accountingProductId),
  };
  return [terms];
};

/** Plan over template over organization (m3ter semantics 9.2); a charge of nothing is no charge. */
const standingChargeTerms = (
  snapshot: Snapshot,
  { plan, template }: Attachment,
): StandingChargeTerms | undefined => {
  const amount = decimal(plan.standingCharge ?? template.standingCharge);
  if (amount.isZero()) return undefined;
  return {
    amount,
    description: plan.standingChargeDescription ?? template.standingChargeDescription,
    interval: template.standingChargeInterval ?? 1,
    offset: template.standingChargeOffset ?? 0,
    billInAdvance:
      plan.standingChargeBillInAdvance ??
      template.standingChargeBillInAdvance ??
      snapshot.config.standingChargeBillInAdvance,
    accountingProduct: productRef(snapshot, plan.standingChargeAccountingProductId),
  };
};

const byField = ([a]: [string, string], [b]: [string, string]): number => (a < b ? -1 : 1);

/** What a pricing prices, to compare a plan's own with its template's. */
const subject = (record: PricingRecord): string =>
  JSON.stringify([record.aggregationId, Object.entries(record.segment ?? {}).sort(byField)]);

/** A plan's own pricing wins over its template's for the same usage ([R], m3ter semantics 9.2). */
const pricingsOf = (snapshot: Snapshot, { plan, template }: Attachment): PricingRecord[] => {
  const own = snapshot.pricings.filter(({ planId }) => planId === plan.id);
  const overridden = new Set(own.map(subject));
  const inherited = snapshot.pricings.filter(
    (record) => record.planTemplateId === template.id && !overridden.has(subject(record)),
  );
  return [...own, ...inherited];
};

const planTerms = (snapshot: Snapshot, attachment: Attachment): PlanTerms => {
  const { plan, template } = attachment;
  const product = productRef(snapshot, template.productId);
  if (product === undefined) throw new Error(`plan ${plan.id} has no product`);
  return {
    id: plan.id,
    name: plan.name,
    product,
    currency: template.currency,
    standingCharge: standingChargeTerms(snapshot, attachment),
    pricings: pricingsOf(snapshot, attachment).flatMap((record) => pricingTerms(snapshot, record)),
    counterPricings: [],
  };
};

const accountPlanTerms = (
  snapshot: Snapshot,
  attachment: Attachment,
  billDate: Temporal.PlainDate,
): AccountPlanTerms => {
  const { accountPlan, account, schedule } = attachment;
  return {
    id: accountPlan.id,
    account: { id: account.id, code: account.code },
    active: schedule.active,
    cadence: schedule.cadence,
    ...billPeriods(schedule, billDate),
    childBillingMode: accountPlan.childBillingMode,
    plans: [planTerms(snapshot, attachment)],
    pool: [],
  };
};

const currencyPolicies = (snapshot: Snapshot, codes: Iterable<string>): CurrencyPolicy[] =>
  [...new Set(codes)].map((code) => {
    const record = snapshot.currencies.find((known) => known.code === code);
    const { maxDecimalPlaces, roundingMode } = record ?? defaultCurrencyPolicy;
    return { code, maxDecimalPlaces, roundingMode };
  });

export interface BillSubject {
  readonly account: AccountRecord;
  readonly billDate: Temporal.PlainDate;
  readonly attachments: readonly Attachment[];
  /** Of the run, before the organization's. */
  readonly conversions: readonly { from: string; to: string; multiplier?: number | undefined }[];
  readonly currency: string;
}

/** The terms of one bill. */
export const billTerms = (snapshot: Snapshot, bill: BillSubject): BillTerms => {
  const { account, billDate, attachments, currency } = bill;
  const conversions = [...bill.conversions, ...(snapshot.config.currencyConversions ?? [])];
  return {
    organization: {
      zone: zoneOf(snapshot),
      creditApplicationOrder: snapshot.config.creditApplicationOrder,
    },
    account: {
      id: account.id,
      code: account.code,
      parentAccountId: account.parentAccountId,
      hasChildren: false,
      creditApplicationOrder: account.creditApplicationOrder,
    },
    billDate,
    currency,
    currencies: currencyPolicies(snapshot, [
      currency,
      ...attachments.map(({ template }) => template.currency),
    ]),
    conversions: conversions.flatMap(({ from, to, multiplier }) =>
      multiplier === undefined ? [] : [{ from, to, multiplier: decimal(multiplier) }],
    ),
    accountPlans: attachments.map((one) => accountPlanTerms(snapshot, one, billDate)),
    contracts: [],
    counterAdjustments: [],
    commitments: [],
    balances: [],
    charges: [],
    memos: [],
    corrections: [],
  };
};
