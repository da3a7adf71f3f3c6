import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Decimal, decimal, sum, zero } from "../exact/decimal.ts";
import { correctionsOf } from "./corrections.ts";
import { amountOf, type Derivation } from "./derivation.ts";
import { billFactsFromText, billFactsToText, fromJson, toJson } from "./facts-json.ts";
import type { AccountPlanTerms, BillFacts, BillTerms, PlanTerms, PricingTerms } from "./facts.ts";
import { defaultCurrencyPolicy, roundMoney } from "../pricing/rounding.ts";
import { scaleOf } from "./printing.ts";
import { type BillLine, type FailedBill, rateBill, type RatedBill } from "./rate-bill.ts";
import {
  at,
  bands,
  credited,
  minimumSpend,
  sampleAccountPlan,
  sampleAggregation,
  sampleBalance,
  sampleCharge,
  sampleCommitment,
  sampleCounterPricing,
  sampleFacts,
  samplePlan,
  samplePricing,
  type SampleUsage,
  seats,
  standingCharge,
  usageOn,
} from "./sample-facts.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 100);

const currency = fc.constantFrom("USD", "USD", "EUR");
const price = fc.integer({ min: 0, max: 3000 }).map((amount) => `${amount}e-3`);
const optionally = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const dayOfJune = fc.integer({ min: 1, max: 30 });
const june = (day: number) => `2024-06-${String(day).padStart(2, "0")}`;

const bandRows = fc
  .tuple(price, price, price, fc.boolean(), fc.integer({ min: 1, max: 80 }))
  .map(([first, second, fixed, hasFee, limit]) =>
    bands([0, first, hasFee ? fixed : 0], [limit, second, 0]),
  );

const aggregationIds = ["a", "b", "c"] as const;

const pricing = (id: string): fc.Arbitrary<PricingTerms> =>
  fc
    .record({
      bands: bandRows,
      cumulative: fc.boolean(),
      type: fc.constantFrom("DEBIT", "DEBIT", "DEBIT", "PRODUCT_CREDIT", "GLOBAL_CREDIT"),
      aggregationId: fc.constantFrom(...aggregationIds),
      method: fc.constantFrom("SUM", "MAX"),
      tiersSpanPlan: fc.boolean(),
      overage: optionally(bandRows),
      minimum: optionally(fc.integer({ min: 1, max: 80 })),
      start: dayOfJune,
      startsLate: fc.boolean(),
    })
    .map((given) =>
      samplePricing({
        id,
        bands: given.bands,
        cumulative: given.cumulative,
        type: given.type,
        aggregation: { ...sampleAggregation, id: given.aggregationId, method: given.method },
        tiersSpanPlan: given.tiersSpanPlan && given.overage === undefined,
        overageBands: given.cumulative ? (given.overage ?? []) : [],
        minimumSpend: given.minimum === undefined ? undefined : minimumSpend(given.minimum),
        active: { start: at(given.startsLate ? june(given.start) : "2022-01-01") },
      }),
    );

const plan = (id: string): fc.Arbitrary<PlanTerms> =>
  fc
    .record({
      currency,
      pricings: fc.tuple(pricing(`${id}.1`), pricing(`${id}.2`)),
      standing: optionally(fc.integer({ min: 1, max: 90 })),
      inAdvance: fc.boolean(),
      minimum: optionally(fc.integer({ min: 1, max: 200 })),
      hasCounter: fc.boolean(),
      proRates: fc.boolean(),
    })
    .map((given) =>
      samplePlan({
        id,
        product: { id: `product ${id}`, name: id, code: id },
        currency: given.currency,
        pricings: given.pricings,
        standingCharge:
          given.standing === undefined
            ? undefined
            : standingCharge(given.standing, { billInAdvance: given.inAdvance }),
        minimumSpend: given.minimum === undefined ? undefined : minimumSpend(given.minimum),
        counterPricings: given.hasCounter
          ? [
              sampleCounterPricing({
                id: `${id}.counter`,
                proRateAdjustmentDebit: given.proRates,
                proRateAdjustmentCredit: given.proRates,
                proRateRunningTotal: given.proRates,
                runningTotalBillInAdvance: given.inAdvance,
              }),
            ]
          : [],
      }),
    );

const accountPlan = (id: string): fc.Arbitrary<AccountPlanTerms> =>
  fc
    .record({
      plans: fc.tuple(plan(`${id}.x`), plan(`${id}.y`)),
      start: dayOfJune,
      startsLate: fc.boolean(),
      end: optionally(dayOfJune),
    })
    .map(({ plans, start, startsLate, end }) =>
      sampleAccountPlan({
        id,
        plans,
        active: {
          start: at(startsLate ? june(start) : "2024-02-01"),
          end: end === undefined || end <= start ? undefined : at(june(end)),
        },
      }),
    );

const creditPeriod = fc
  .tuple(dayOfJune, fc.boolean(), fc.boolean())
  .map(([day, startsInJune, endsInJune]) => ({
    start: at(startsInJune ? june(day) : "2024-01-01"),
    end: at(endsInJune && day < 30 ? june(30) : "2025-01-01"),
  }));

const commitment = (id: string) =>
  fc
    .record({
      currency,
      amount: fc.integer({ min: 1, max: 400 }),
      spent: fc.integer({ min: 0, max: 100 }),
      period: creditPeriod,
      percent: optionally(fc.integer({ min: 1, max: 20 })),
      separates: fc.boolean(),
    })
    .map((given) =>
      sampleCommitment({
        id,
        currency: given.currency,
        amount: decimal(given.amount),
        spentBefore: decimal(Math.min(given.spent, given.amount)),
        period: given.period,
        overageSurchargePercent: given.percent === undefined ? undefined : decimal(given.percent),
        separateOverageUsage: given.separates && given.percent === undefined,
      }),
    );

const balance = (id: string) =>
  fc
    .record({ currency, amount: price, period: creditPeriod })
    .map(({ amount, period, currency: code }) =>
      sampleBalance({ id, currency: code, period, transactions: [credited("2024-01-01", amount)] }),
    );

/** An allowance of gigabytes, the unit of every sample aggregation. */
const grant = fc
  .record({ amount: fc.integer({ min: 1, max: 60 }), period: creditPeriod })
  .map((given) =>
    sampleBalance({
      id: "grant",
      currency: "GB",
      isGrant: true,
      period: given.period,
      transactions: [credited("2024-01-01", given.amount)],
    }),
  );

const terms: fc.Arbitrary<Partial<BillTerms>> = fc.record({
  conversions: fc.constant([{ from: "EUR", to: "USD", multiplier: decimal("1.0837") }]),
  accountPlans: fc.tuple(accountPlan("p"), accountPlan("q")),
  commitments: fc.oneof(
    fc.constant([]),
    fc.tuple(commitment("c1")),
    fc.tuple(commitment("c1"), commitment("c2")),
  ),
  balances: fc.oneof(
    fc.constant([]),
    fc.tuple(balance("b1")),
    fc.tuple(balance("b1"), balance("b2")),
    fc.tuple(balance("b1"), grant),
  ),
  charges: fc
    .array(fc.integer({ min: 0, max: 50 }), { maxLength: 2 })
    .map((amounts) =>
      amounts.map((amount, index) =>
        sampleCharge({ id: `charge${index}`, unitPrice: decimal(amount) }),
      ),
    ),
  counterAdjustments: fc
    .uniqueArray(fc.tuple(dayOfJune, fc.integer({ min: 0, max: 40 })), {
      maxLength: 3,
      selector: ([day]) => day,
    })
    .map((rows) => rows.map(([day, value]) => seats(june(day), value))),
});

const usage: fc.Arbitrary<readonly SampleUsage[]> = fc.array(
  fc
    .tuple(
      dayOfJune,
      fc.integer({ min: 1, max: 9000 }),
      fc.constantFrom(...aggregationIds),
      fc.boolean(),
    )
    .map(([day, value, aggregationId, isMay]) =>
      usageOn(isMay ? "2024-05-20" : june(day), `${value}e-2`, { aggregationId }),
    ),
  { maxLength: 8 },
);

const facts: fc.Arbitrary<BillFacts> = fc
  .record({ terms, usage })
  .map((given) => sampleFacts(given));

const rated = (given: BillFacts): RatedBill => {
  const bill = rateBill(given);
  if (bill.outcome === "failed") throw new Error(JSON.stringify(toJson(bill)));
  return bill;
};

/** As a currency prints it. */
const money = (given: BillFacts, amount: Decimal, code: string): Decimal | undefined => {
  const policy = given.currencies.find((one) => one.code === code);
  return roundMoney(amount, policy ?? { code, ...defaultCurrencyPolicy });
};

const forAll = <T>(arbitrary: fc.Arbitrary<T>, claim: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, claim), { numRuns });

const asText = (bill: RatedBill | FailedBill): string => JSON.stringify(toJson(bill));

const isOnGrid = (amount: Decimal, scale: number): boolean =>
  amount.round(scale, "UNNECESSARY") !== undefined;

const totalOf = (lines: readonly BillLine[]): Decimal =>
  sum(lines.map(({ convertedSubtotal }) => convertedSubtotal));

describe("any bill", () => {
  test("the total is the sum of the printed lines, each on its currency's grid", () => {
    forAll(facts, (given) => {
      const bill = rated(given);
      expect(bill.billTotal.eq(totalOf(bill.lines))).toBe(true);
      for (const line of bill.lines) {
        const scale = line.currency === "GB" ? 9 : scaleOf(given, line.currency);
        expect(isOnGrid(line.subtotal, scale)).toBe(true);
        expect(isOnGrid(line.convertedSubtotal, scaleOf(given, given.currency))).toBe(true);
      }
      const keys = bill.lines.map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
    });
  });

  test("recalculation is the identity, also from stored facts", () => {
    forAll(facts, (given) => {
      const text = asText(rateBill(given));
      expect(asText(rateBill(given))).toBe(text);
      expect(asText(rateBill(billFactsFromText(billFactsToText(given))))).toBe(text);
    });
  });

  test("never depends on the order of resources", () => {
    forAll(facts, (given) => {
      const shuffled: BillFacts = {
        ...given,
        accountPlans: given.accountPlans.toReversed().map((each) => ({
          ...each,
          plans: each.plans.toReversed().map((plain) => ({
            ...plain,
            pricings: plain.pricings.toReversed().map((priced) => ({
              ...priced,
              bands: priced.bands.toReversed(),
              overageBands: priced.overageBands.toReversed(),
            })),
          })),
        })),
        commitments: given.commitments.toReversed(),
        balances: given.balances.toReversed(),
        charges: given.charges.toReversed(),
        counterAdjustments: given.counterAdjustments.toReversed(),
        conversions: given.conversions.toReversed(),
        currencies: given.currencies.toReversed(),
      };
      expect(asText(rateBill(shuffled))).toBe(asText(rateBill(given)));
    });
  });

  test("every line can be computed again from its derivation alone, also after JSON", () => {
    forAll(facts, (given) => {
      for (const line of rated(given).lines) {
        const json = JSON.stringify(toJson(line.derivation));
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the text just written
        const exact = amountOf(fromJson(JSON.parse(json)) as Derivation);
        expect(exact.toString()).toBe(line.exact.toString());
        const inBilling = exact.times(line.conversionRate);
        const subtotal = line.printed?.subtotal ?? money(given, exact, line.currency);
        const converted =
          line.printed?.convertedSubtotal ?? money(given, inBilling, given.currency);
        expect(subtotal?.toString()).toBe(line.subtotal.toString());
        expect(converted?.toString()).toBe(line.convertedSubtotal.toString());
      }
    });
  });

  test("bands of a usage line add up to its units and its amount", () => {
    forAll(facts, (given) => {
      const usageLines = rated(given).lines.filter(
        ({ lineItemType, derivation }) =>
          lineItemType === "USAGE" &&
          derivation.how === "PRICED_QUANTITY" &&
          derivation.grantedUnits.isZero(),
      );
      for (const { bandUsage, units, quantity, exact } of usageLines) {
        expect(sum(bandUsage.map(({ bandUnits }) => bandUnits)).eq(units)).toBe(true);
        expect(sum(bandUsage.map(({ bandQuantity }) => bandQuantity)).eq(quantity)).toBe(true);
        expect(sum(bandUsage.map(({ bandSubtotal }) => bandSubtotal)).eq(exact)).toBe(true);
      }
    });
  });
});

describe("draw-downs", () => {
  const draws = (bill: RatedBill) => bill.lines.filter(({ drawDown }) => drawDown !== undefined);

  test("a commitment's spent and remaining add up to its amount; none falls below zero", () => {
    forAll(facts, (given) => {
      const bill = rated(given);
      for (const { id, amount, spentBefore } of given.commitments) {
        const taken = draws(bill).filter(({ commitmentId }) => commitmentId === id);
        const spent = spentBefore.minus(sum(taken.map(({ subtotal }) => subtotal)));
        const afters = taken.map(({ drawDown }) => drawDown?.after ?? zero);
        const remaining = afters.reduce(
          (least, after) => (after.lt(least) ? after : least),
          amount.minus(spentBefore),
        );
        expect(spent.plus(remaining).eq(amount)).toBe(true);
        expect(remaining.isNegative()).toBe(false);
      }
    });
  });

  test("never exceed the line", () => {
    forAll(facts, (given) => {
      const bill = rated(given);
      const byLine = Map.groupBy(draws(bill), ({ drawDown }) => drawDown?.lineKey ?? "");
      for (const [lineKey, consumptions] of byLine) {
        const line = bill.lines.find(({ key }) => key === lineKey);
        const covered = totalOf(consumptions).neg();
        expect(covered.lte(line?.convertedSubtotal ?? zero)).toBe(true);
        expect(covered.isNegative()).toBe(false);
      }
    });
  });

  test("credits and draw-downs never make a bill negative", () => {
    forAll(facts, (given) => {
      const { lines, billTotal } = rated(given);
      // What the customer gets back for seats is theirs, whatever else is on the bill.
      const returned = lines.filter(
        ({ lineItemType }) => lineItemType === "COUNTER_ADJUSTMENT_CREDIT",
      );
      expect(billTotal.minus(totalOf(returned)).isNegative()).toBe(false);
    });
  });

  test("one commitment over everything takes the lesser of what is owed and what it holds", () => {
    const plain = fc.record({
      usage,
      amount: fc.integer({ min: 1, max: 20_000 }),
      standing: fc.integer({ min: 1, max: 50 }),
      rows: bandRows,
    });
    forAll(plain, (given) => {
      const plans = [
        samplePlan({
          pricings: aggregationIds.map((id) =>
            samplePricing({ id, bands: given.rows, aggregation: { ...sampleAggregation, id } }),
          ),
          standingCharge: standingCharge(given.standing),
        }),
      ];
      const accountPlans = [sampleAccountPlan({ plans })];
      const amount = decimal(given.amount).div(decimal(100));
      const owed = rated(sampleFacts({ terms: { accountPlans }, usage: given.usage })).billTotal;
      const commitments = [sampleCommitment({ amount })];
      const bill = rated(sampleFacts({ terms: { accountPlans, commitments }, usage: given.usage }));
      const left = owed.minus(amount);
      expect(bill.billTotal.eq(left.isNegative() ? zero : left)).toBe(true);
    });
  });
});

describe("corrections", () => {
  const pair = fc.record({ terms, before: usage, after: usage });

  test("the old bill and its corrections are the re-rated bill, in all and by type", () => {
    forAll(pair, ({ terms: shared, before, after }) => {
      const was = rated(sampleFacts({ terms: shared, usage: before }));
      const is = rated(sampleFacts({ terms: shared, usage: after }));
      const corrections = correctionsOf({
        billId: "old",
        billingCurrency: was.currency,
        billed: was.lines.map((line) => ({ lineItemId: line.key, line })),
        corrected: [],
        rerated: is.lines,
      });
      const carrier = rated(sampleFacts({ terms: { accountPlans: [], corrections } }));
      expect(was.billTotal.plus(carrier.billTotal).eq(is.billTotal)).toBe(true);
      for (const type of new Set(is.lines.map(({ lineItemType }) => lineItemType))) {
        const ofType = ({ lines }: RatedBill) =>
          totalOf(lines.filter(({ lineItemType }) => lineItemType === type));
        expect(ofType(was).plus(ofType(carrier)).eq(ofType(is))).toBe(true);
      }
    });
  });
});
