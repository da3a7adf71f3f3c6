import { describe, expect, test } from "vitest";
import type { BillFacts, BillTerms, StandingChargeTerms } from "../facts.ts";
import { rateBill } from "../rate-bill.ts";
import {
  at,
  on,
  sampleAccountPlan,
  sampleFacts,
  samplePlan,
  standingCharge,
} from "../sample-facts.ts";

const printed = (facts: BillFacts): readonly string[] => {
  const bill = rateBill(facts);
  if (bill.outcome === "failed") return bill.failures.map((failure) => JSON.stringify(failure));
  return bill.lines.map(
    ({ subtotal, servicePeriod: { start, end } }) =>
      `${subtotal.toFixed(2)} ${start.toString().slice(0, 10)} ${end.toString().slice(0, 10)}`,
  );
};

interface Case {
  readonly charge: StandingChargeTerms;
  readonly billDate: string;
  readonly start?: string;
  readonly end?: string;
  readonly interval?: number;
  readonly anchor?: string;
  readonly billed?: Readonly<Record<string, string>>;
}

const bill = (given: Case): readonly string[] => {
  const accountPlan = sampleAccountPlan({
    active: {
      start: at(given.start ?? "2024-01-01"),
      end: given.end === undefined ? undefined : at(given.end),
    },
    cadence: {
      anchor: on(given.anchor ?? "2022-01-01"),
      frequency: "MONTHLY",
      interval: given.interval ?? 1,
    },
    plans: [samplePlan({ pricings: [], standingCharge: given.charge })],
  });
  const terms: Partial<BillTerms> = { billDate: on(given.billDate), accountPlans: [accountPlan] };
  return printed(sampleFacts({ terms, billedInAdvance: given.billed ?? {} }));
};

describe("in arrears", () => {
  const charge = standingCharge(300);

  test("a whole month", () => {
    expect(bill({ charge, billDate: "2024-07-01" })).toEqual(["300.00 2024-06-01 2024-07-01"]);
  });

  test("a plan that starts on June 15 pays 16/30 × 300", () => {
    expect(bill({ charge, start: "2024-06-15", billDate: "2024-07-01" })).toEqual([
      "160.00 2024-06-15 2024-07-01",
    ]);
  });

  test("a plan that ends at noon of June 10 pays 9.5/30 × 300", () => {
    expect(bill({ charge, end: "2024-06-10T12:00:00Z", billDate: "2024-07-01" })).toEqual([
      "95.00 2024-06-01 2024-06-10",
    ]);
  });

  test("an epoch after the start: the ratios of both months add up", () => {
    // Jan 1 to Jan 15 is 14 of the 31 days of Dec 15 to Jan 15: 300 × 14/31 = 135.48…; plus 300.
    expect(
      bill({ charge, start: "2022-01-01", anchor: "2022-02-15", billDate: "2022-02-15" }),
    ).toEqual(["435.48 2022-01-01 2022-02-15"]);
  });
});

test("offset and interval: every second bill from the third on", () => {
  const charge = standingCharge(300, { interval: 2, offset: 2 });
  const dates = ["2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"];
  expect(dates.map((billDate) => bill({ charge, billDate }).length)).toEqual([0, 0, 1, 0, 1]);
});

test("an epoch after the start, every second bill from the second: nothing is lost", () => {
  // Active from Jan 1, billed on the 15th. The second bill covers Jan 15 to Mar 15, and of the two
  // months before (61 days) the 14 from Jan 1: 300 + 300 × 14/61 = 368.85.
  const charge = standingCharge(300, { interval: 2, offset: 1 });
  const late = { charge, start: "2022-01-01", anchor: "2022-02-15" };
  expect(bill({ ...late, billDate: "2022-02-15" })).toEqual([]);
  expect(bill({ ...late, billDate: "2022-03-15" })).toEqual(["368.85 2022-01-01 2022-03-15"]);
});

describe("in advance", () => {
  const charge = standingCharge(300, { billInAdvance: true });

  test("the first bill is dated at the plan's start and pays for the rest of the month", () => {
    expect(bill({ charge, start: "2024-06-15", billDate: "2024-06-15" })).toEqual([
      "160.00 2024-06-15 2024-07-01",
    ]);
    expect(bill({ charge, start: "2024-06-15", billDate: "2024-07-01" })).toEqual([
      "300.00 2024-07-01 2024-08-01",
    ]);
  });

  test("a plan that ends after it was charged gets the unused part back", () => {
    // June was charged in full; it ended on the 16th: 15/30 × 300 = 150 were due.
    const ended = { charge, end: "2024-06-16", billDate: "2024-07-01" };
    expect(bill({ ...ended, billed: { "STANDING_CHARGE/accountPlan/plan/5": "300" } })).toEqual([
      "-150.00 2024-06-01 2024-06-16",
    ]);
    // The end was known when June was charged: nothing comes back.
    expect(bill({ ...ended, billed: { "STANDING_CHARGE/accountPlan/plan/5": "150" } })).toEqual([]);
    expect(bill(ended)).toEqual([]);
  });

  test("a fraction of a cent does not come back", () => {
    // 300 × 20/31 = 193.548 was charged as 193.55.
    const charge31 = { charge, end: "2024-07-21", billDate: "2024-08-01" };
    const billed = { "STANDING_CHARGE/accountPlan/plan/6": "193.55" };
    expect(bill({ ...charge31, billed })).toEqual([]);
  });
});

describe("every second quarterly bill (documented: every six months)", () => {
  const quarterly = { interval: 3, start: "2024-01-01" };

  test.each([
    // Offset 0: the first bill. It covers the six months before April, of which the plan was
    // active for 91 of 183 days: 600 × 91/183 = 298.36.
    [0, "2024-04-01", ["298.36 2024-01-01 2024-04-01"]],
    [0, "2024-07-01", []],
    [0, "2024-10-01", ["600.00 2024-04-01 2024-10-01"]],
    // Offset 1: the second bill, after six months.
    [1, "2024-04-01", []],
    [1, "2024-07-01", ["600.00 2024-01-01 2024-07-01"]],
  ] as const)("offset %i, bill of %s", (offset, billDate, expected) => {
    const charge = standingCharge(600, { interval: 2, offset });
    expect(bill({ ...quarterly, charge, billDate })).toEqual(expected);
  });

  test.each([
    // Charged on July 1; of the six months from then (184 days) the quarter to October 1 has 92: 600 × 92/184.
    ["2024-10-01", "2024-10-01", ["300.00 2024-07-01 2024-10-01"]],
    // To November 11 it is 92 + 41 days, on the bill that closes the second quarter as ever: 600 × 133/184 = 433.70.
    ["2024-11-11", "2024-10-01", []],
    ["2024-11-11", "2025-01-01", ["433.70 2024-07-01 2024-11-11"]],
    // In the middle of the first of the two: 41 of the 184 days, 600 × 41/184 = 133.70.
    ["2024-08-11", "2024-10-01", ["133.70 2024-07-01 2024-08-11"]],
    // Before the first charge fell due: 40 of the 182 days to July, 600 × 40/182 = 131.87.
    ["2024-02-10", "2024-04-01", ["131.87 2024-01-01 2024-02-10"]],
  ] as const)("a plan that ends on %s pays for what it used on %s", (end, billDate, expected) => {
    const charge = standingCharge(600, { interval: 2, offset: 1 });
    expect(bill({ ...quarterly, charge, end, billDate })).toEqual(expected);
  });

  test("a plan that ends before the periods that the first charge covers pays nothing", () => {
    // The first charge is on the fourth bill, for the third and fourth quarter.
    const charge = standingCharge(600, { interval: 2, offset: 3 });
    expect(bill({ ...quarterly, charge, end: "2024-06-10", billDate: "2024-07-01" })).toEqual([]);
  });

  test("what the last bill charged is taken off when the plan's end is put off", () => {
    // The end was September 1 when October's bill was made, 600 × 62/184 = 202.17, and is open now: 600 − 202.17.
    const charge = standingCharge(600, { interval: 2, offset: 1 });
    const billed = { "STANDING_CHARGE/accountPlan/plan/3": "202.17" };
    const lasting = { ...quarterly, charge, billed };
    expect(bill({ ...lasting, billDate: "2025-01-01" })).toEqual(["397.83 2024-07-01 2025-01-01"]);
    // The new end is September 1 again: nothing is left to pay.
    expect(bill({ ...lasting, end: "2024-09-01", billDate: "2024-10-01" })).toEqual([]);
  });

  test("in advance it covers the two quarters that start with the bill", () => {
    const charge = standingCharge(600, { interval: 2, billInAdvance: true });
    expect(bill({ ...quarterly, charge, billDate: "2024-01-01" })).toEqual([
      "600.00 2024-01-01 2024-07-01",
    ]);
    expect(bill({ ...quarterly, charge, billDate: "2024-04-01" })).toEqual([]);
  });

  test("in advance, the second quarter comes back when the plan ends with the first", () => {
    // 91 of the 182 days to July were used.
    const charge = standingCharge(600, { interval: 2, billInAdvance: true });
    const billed = { "STANDING_CHARGE/accountPlan/plan/0": "600" };
    const ended = { ...quarterly, charge, end: "2024-04-01", billed };
    expect(bill({ ...ended, billDate: "2024-04-01" })).toEqual(["-300.00 2024-01-01 2024-04-01"]);
  });
});

test("a plan group charges for itself beside its plans", () => {
  const accountPlan = sampleAccountPlan({
    plans: [samplePlan({ pricings: [], standingCharge: standingCharge(20) })],
    planGroup: {
      id: "group",
      name: "Professional",
      currency: "USD",
      standingCharge: standingCharge(250, { description: "Professional" }),
    },
  });
  expect(printed(sampleFacts({ terms: { accountPlans: [accountPlan] } }))).toEqual([
    "250.00 2024-06-01 2024-07-01",
    "20.00 2024-06-01 2024-07-01",
  ]);
});

test("a contract that limits charges limits the standing charge: 10 of 30 days", () => {
  const contract = {
    id: "contract",
    active: { start: at("2024-06-11"), end: at("2024-06-21") },
    applyContractPeriodLimits: true,
    usageFilters: [],
  };
  const accountPlan = sampleAccountPlan({
    contractId: "contract",
    plans: [samplePlan({ pricings: [], standingCharge: standingCharge(300) })],
  });
  const facts = sampleFacts({ terms: { accountPlans: [accountPlan], contracts: [contract] } });
  expect(printed(facts)).toEqual(["100.00 2024-06-11 2024-06-21"]);
});
