/** Small facts to start from, for tests and benchmarks: one account, one monthly plan in dollars. */

import { type Decimal, type DecimalInput, decimal, max, min, sum } from "../exact/decimal.ts";
import type { Ladder, PricingBand } from "../pricing/bands.ts";
import type { BalanceTerms, BalanceTransaction } from "../balances/balance.ts";
import type { CommitmentTerms } from "../commitments/commitment.ts";
import { billPeriods } from "../time/bill-period.ts";
import { contains } from "../time/period.ts";
import type {
  AccountPlanTerms,
  AggregationTerms,
  BillFacts,
  BillTerms,
  ChargeTerms,
  CounterAdjustment,
  CounterPricingTerms,
  MinimumSpendTerms,
  PlanTerms,
  PricingTerms,
  ProductRef,
  StandingChargeTerms,
} from "./facts.ts";
import { rateBill } from "./rate-bill.ts";
import { type UsageWindow, usageWindows } from "./usage-windows.ts";

/** Midnight UTC of a date, or the instant itself when a time is given. */
export const at = (text: string): Temporal.Instant =>
  Temporal.Instant.from(text.includes("T") ? text : `${text}T00:00:00Z`);

export const on = (text: string): Temporal.PlainDate => Temporal.PlainDate.from(text);

/** A band as [lower limit, unit price, fixed price]. */
type BandRow = readonly [DecimalInput, DecimalInput, DecimalInput?];

export const bands = (...rows: BandRow[]): readonly PricingBand[] =>
  rows.map(([lowerLimit, unitPrice, fixedPrice], index) => ({
    id: `band${index}`,
    lowerLimit: decimal(lowerLimit),
    unitPrice: decimal(unitPrice),
    fixedPrice: decimal(fixedPrice ?? 0),
  }));

export const tiered = (...rows: BandRow[]): Ladder => ({
  cumulative: true,
  bands: bands(...rows),
});

export const volume = (...rows: BandRow[]): Ladder => ({
  cumulative: false,
  bands: bands(...rows),
});

export const sampleProduct: ProductRef = { id: "product", name: "Storage", code: "storage" };

export const sampleAggregation: AggregationTerms = {
  type: "SIMPLE",
  id: "aggregation",
  name: "Gigabytes",
  unit: "GB",
  method: "SUM",
  rounding: "NONE",
  quantityPerUnit: decimal(1),
};

export const samplePricing = (changes: Partial<PricingTerms> = {}): PricingTerms => ({
  ...tiered([0, "0.15"], [500, "0.10"]),
  id: "pricing",
  version: 1,
  type: "DEBIT",
  aggregation: sampleAggregation,
  active: { start: at("2022-01-01") },
  tiersSpanPlan: false,
  overageBands: [],
  ...changes,
});

export const samplePlan = (changes: Partial<PlanTerms> = {}): PlanTerms => ({
  id: "plan",
  name: "Monthly",
  product: sampleProduct,
  currency: "USD",
  pricings: [samplePricing()],
  counterPricings: [],
  ...changes,
});

export const standingCharge = (
  amount: DecimalInput,
  changes: Partial<StandingChargeTerms> = {},
): StandingChargeTerms => ({
  amount: decimal(amount),
  interval: 1,
  offset: 0,
  billInAdvance: false,
  ...changes,
});

export const minimumSpend = (
  amount: DecimalInput,
  changes: Partial<MinimumSpendTerms> = {},
): MinimumSpendTerms => ({ amount: decimal(amount), billInAdvance: false, ...changes });

/** Seats: the first 20 at $2, all above at $3; nothing prorated, in arrears. */
export const sampleCounterPricing = (
  changes: Partial<CounterPricingTerms> = {},
): CounterPricingTerms => ({
  ...tiered([0, 2], [20, 3]),
  id: "counterPricing",
  version: 1,
  counter: { id: "counter", name: "Seats", unit: "seat" },
  active: { start: at("2022-01-01") },
  runningTotalBillInAdvance: false,
  proRateRunningTotal: false,
  proRateAdjustmentDebit: false,
  proRateAdjustmentCredit: false,
  ...changes,
});

export const seats = (date: string, value: DecimalInput): CounterAdjustment => ({
  accountId: "account",
  counterId: "counter",
  date: on(date),
  value: decimal(value),
});

export const sampleCommitment = (changes: Partial<CommitmentTerms> = {}): CommitmentTerms => ({
  id: "commitment",
  accountId: "account",
  currency: "USD",
  amount: decimal(15_000),
  spentBefore: decimal(0),
  period: { start: at("2024-01-01"), end: at("2025-01-01") },
  createdAt: at("2024-01-01"),
  productIds: [],
  lineItemTypes: [],
  separateOverageUsage: false,
  feesDue: [],
  ...changes,
});

/** A wallet of $100, filled when it starts. */
export const sampleBalance = (changes: Partial<BalanceTerms> = {}): BalanceTerms => ({
  id: "balance",
  accountId: "account",
  currency: "USD",
  period: { start: at("2024-01-01"), end: at("2025-01-01") },
  createdAt: at("2024-01-01"),
  productIds: [],
  lineItemTypes: [],
  isGrant: false,
  allowOverdraft: false,
  transactions: [credited("2024-01-01", 100)],
  ...changes,
});

export const credited = (date: string, amount: DecimalInput): BalanceTransaction => ({
  amount: decimal(amount),
  appliedAt: at(date),
});

export const sampleCharge = (changes: Partial<ChargeTerms> = {}): ChargeTerms => ({
  id: "charge",
  name: "Onboarding",
  lineItemType: "AD_HOC",
  currency: "USD",
  units: decimal(1),
  unitPrice: decimal(500),
  servicePeriod: { start: at("2024-06-01"), end: at("2024-07-01") },
  ...changes,
});

type AccountPlanChanges = Partial<Omit<AccountPlanTerms, "arrears" | "advance">>;

export const sampleAccountPlan = (changes: AccountPlanChanges = {}): AccountPlanTerms => ({
  id: "accountPlan",
  account: { id: "account", code: "acme" },
  active: { start: at("2024-01-01") },
  cadence: { anchor: on("2022-01-01"), frequency: "MONTHLY", interval: 1 },
  childBillingMode: "PARENT_BREAKDOWN",
  plans: [samplePlan()],
  pool: [],
  ...changes,
});

/** The bill of 2024-07-01, which closes June and opens July; periods follow from the bill date. */
export const sampleTerms = (changes: Partial<BillTerms> = {}): BillTerms => {
  const terms: BillTerms = {
    organization: { zone: "UTC" },
    account: { id: "account", code: "acme", hasChildren: false },
    billDate: on("2024-07-01"),
    currency: "USD",
    currencies: [
      { code: "USD", maxDecimalPlaces: 2, roundingMode: "HALF_UP" },
      { code: "EUR", maxDecimalPlaces: 2, roundingMode: "HALF_UP" },
      { code: "JPY", maxDecimalPlaces: 0, roundingMode: "HALF_UP" },
    ],
    conversions: [],
    accountPlans: [sampleAccountPlan()],
    aggregations: [],
    contracts: [],
    counterAdjustments: [],
    commitments: [],
    balances: [],
    charges: [],
    memos: [],
    corrections: [],
    ...changes,
  };
  const { zone } = terms.organization;
  return {
    ...terms,
    accountPlans: terms.accountPlans.map((accountPlan) => ({
      ...accountPlan,
      ...billPeriods({ ...accountPlan, zone }, terms.billDate),
    })),
  };
};

/** One measurement; the aggregation and account default to the samples'. */
export interface SampleUsage {
  readonly at: Temporal.Instant;
  readonly value: Decimal;
  readonly aggregationId: string;
  readonly accountId: string;
}

export const usageOn = (
  date: string,
  value: DecimalInput,
  changes: Partial<SampleUsage> = {},
): SampleUsage => ({
  at: at(date),
  value: decimal(value),
  aggregationId: "aggregation",
  accountId: "account",
  ...changes,
});

const methodOf = (terms: BillTerms, aggregationId: string): string =>
  terms.accountPlans
    .flatMap(({ plans }) => plans.flatMap(({ pricings }) => pricings))
    .find(({ aggregation }) => aggregation.id === aggregationId)?.aggregation.method ?? "SUM";

const aggregate = (method: string, values: readonly Decimal[]): Decimal | null => {
  const [first, ...rest] = values;
  if (first === undefined) return null;
  if (method === "MAX") return rest.reduce(max, first);
  if (method === "MIN") return rest.reduce(min, first);
  if (method === "COUNT") return decimal(values.length);
  return sum(values);
};

/** Answers a usage window from a list of measurements, one by one: the usage store in ten lines. */
export const measure =
  (terms: BillTerms, usage: readonly SampleUsage[]) =>
  (window: UsageWindow): Decimal | null => {
    const values = usage
      .filter((event) => event.aggregationId === window.aggregationId)
      .filter((event) =>
        window.sources.some(
          ({ accountId, period }) => accountId === event.accountId && contains(period, event.at),
        ),
      )
      .map(({ value }) => value);
    return aggregate(methodOf(terms, window.aggregationId), values);
  };

/** Terms, usage and history put together: plan the windows, then measure them. */
export const sampleFacts = (
  given: {
    readonly terms?: Partial<BillTerms>;
    readonly usage?: readonly SampleUsage[];
    readonly billedInAdvance?: Readonly<Record<string, DecimalInput>>;
  } = {},
): BillFacts => {
  const terms = sampleTerms(given.terms);
  const answer = measure(terms, given.usage ?? []);
  return {
    ...terms,
    quantities: Object.fromEntries(
      usageWindows(terms).map((window) => [window.key, { quantity: answer(window) }]),
    ),
    billedInAdvance: Object.fromEntries(
      Object.entries(given.billedInAdvance ?? {}).map(([key, amount]) => [key, decimal(amount)]),
    ),
  };
};

/** Facts with one plan, for the many tests in which nothing else matters. */
export const planFacts = (
  plan: Partial<PlanTerms>,
  given: Parameters<typeof sampleFacts>[0] = {},
): BillFacts =>
  sampleFacts({
    ...given,
    terms: { accountPlans: [sampleAccountPlan({ plans: [samplePlan(plan)] })], ...given.terms },
  });

/** The bill as `TYPE subtotal` rows, in print order, and its total; or why there is none. */
export const billText = (facts: BillFacts): readonly string[] => {
  const bill = rateBill(facts);
  if (bill.outcome === "failed") return bill.failures.map(({ failure }) => failure);
  return [
    ...bill.lines.map(({ lineItemType, subtotal }) => `${lineItemType} ${subtotal.toFixed(2)}`),
    `= ${bill.billTotal.toFixed(2)}`,
  ];
};
