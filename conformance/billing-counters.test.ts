import { describe, expect, test } from "vitest";
import { billingScenario, type Fields } from "./billing-scenario.ts";

/** Seats: $2 each to 20, $3 above; a plan from June 1, 2024, unless said otherwise (m3ter semantics 13). */
const scenario = billingScenario();
const { sell, count, expectLines } = scenario;

const seats = [
  [0, 2],
  [20, 3],
] as const;
const june = { startDate: "2024-06-01T00:00:00Z" };

/** A customer whose seats change on those days. */
const customer = async (
  values: readonly (readonly [string, number])[],
  { price = {}, accountPlan = june }: { price?: Fields; accountPlan?: Fields } = {},
) => {
  const sold = await sell({ accountPlan });
  const counterId = await count(sold, seats, { price, values });
  return { ...sold, counterId };
};

describe.concurrent("adjustments and running totals (13.3)", () => {
  test("the documented case, nothing by days: 30 + 6 + 36", async () => {
    const { account } = await customer([
      ["2024-06-01", 15],
      ["2024-06-15", 18],
    ]);
    await expectLines(account, "2024-07-01", [
      "COUNTER_ADJUSTMENT_DEBIT 30",
      "COUNTER_ADJUSTMENT_DEBIT 6",
      "COUNTER_RUNNING_TOTAL_CHARGE 36",
      "TOTAL 72",
    ]);
  });

  test("the documented case, with increases by days: 6 × 16/30 = 3.20", async () => {
    // 15 on the first day are 30 × 30/30; the 18 that July begins with are billed in advance.
    const { account } = await customer(
      [
        ["2024-06-01", 15],
        ["2024-06-15", 18],
      ],
      { price: { proRateAdjustmentDebit: true } },
    );
    const bill = await expectLines(account, "2024-07-01", [
      "COUNTER_ADJUSTMENT_DEBIT 30",
      "COUNTER_ADJUSTMENT_DEBIT 3.2",
      "COUNTER_RUNNING_TOTAL_CHARGE 36",
      "TOTAL 69.2",
    ]);
    // What moved, and what July carries.
    const quantities = bill.lineItems.map(({ quantity, subtotal }) => [subtotal, quantity]);
    expect(Object.fromEntries(quantities)).toEqual({ 30: 15, 3.2: 3, 36: 18 });
  });

  test("a running total in advance comes back for the time after the plan's end", async () => {
    const { account, accountPlanId } = await customer([["2024-06-01", 18]], {
      price: { proRateRunningTotal: true },
    });
    const first = ["COUNTER_ADJUSTMENT_DEBIT 36", "COUNTER_RUNNING_TOTAL_CHARGE 36", "TOTAL 72"];
    await expectLines(account, "2024-07-01", first);
    const path = `accountplans/${accountPlanId}`;
    const accountPlan = await scenario.world.get(path);
    const endDate = "2024-07-11T00:00:00Z";
    await scenario.world.api.call("PUT", path, { ...accountPlan, endDate });
    // 36 × 10/31 = 11.61 were due of July: 11.61 − 36.
    await expectLines(account, "2024-08-01", ["COUNTER_ADJUSTMENT_CREDIT -24.39", "TOTAL -24.39"]);
  });

  test("an increase across the tiers: 18 → 22 is 46 − 36 = 10", async () => {
    const { account } = await customer([
      ["2024-06-01", 18],
      ["2024-07-10", 22],
    ]);
    await expectLines(account, "2024-08-01", [
      "COUNTER_ADJUSTMENT_DEBIT 10",
      "COUNTER_RUNNING_TOTAL_CHARGE 46",
      "TOTAL 56",
    ]);
  });

  test("the same by volume: 22 × 3 − 18 × 2 = 30", async () => {
    const { account } = await customer(
      [
        ["2024-06-01", 18],
        ["2024-07-10", 22],
      ],
      { price: { cumulative: false } },
    );
    await expectLines(account, "2024-08-01", [
      "COUNTER_ADJUSTMENT_DEBIT 30",
      "COUNTER_RUNNING_TOTAL_CHARGE 66",
      "TOTAL 96",
    ]);
  });

  test.each([
    { proRateAdjustmentCredit: false, credit: -16, total: 4 },
    // From July 11 on: 21 of 31 days of −16.
    { proRateAdjustmentCredit: true, credit: -10.84, total: 9.16 },
  ])("seats given back: 18 → 10, $credit", async ({ credit, total, ...price }) => {
    const { account } = await customer(
      [
        ["2024-06-01", 18],
        ["2024-07-11", 10],
      ],
      { price },
    );
    await expectLines(account, "2024-08-01", [
      `COUNTER_ADJUSTMENT_CREDIT ${credit}`,
      "COUNTER_RUNNING_TOTAL_CHARGE 20",
      `TOTAL ${total}`,
    ]);
  });

  test("up and down in one month, each from its own day", async () => {
    // June 11: 10 × 20/30 of 20 = 13.33; June 21: −12 × 10/30 = −4; 4 are carried into July.
    const { account } = await customer(
      [
        ["2024-06-11", 10],
        ["2024-06-21", 4],
      ],
      { price: { proRateAdjustmentDebit: true, proRateAdjustmentCredit: true } },
    );
    await expectLines(account, "2024-07-01", [
      "COUNTER_ADJUSTMENT_DEBIT 13.33",
      "COUNTER_ADJUSTMENT_CREDIT -4",
      "COUNTER_RUNNING_TOTAL_CHARGE 8",
      "TOTAL 17.33",
    ]);
  });

  test("a counter that goes to 0 charges nothing afterwards", async () => {
    const { account } = await customer([
      ["2024-06-01", 5],
      ["2024-06-20", 0],
    ]);
    await expectLines(account, "2024-07-01", [
      "COUNTER_ADJUSTMENT_DEBIT 10",
      "COUNTER_ADJUSTMENT_CREDIT -10",
      "TOTAL 0",
    ]);
    await expectLines(account, "2024-08-01", ["TOTAL 0"]);
  });
});

describe.concurrent("when the running total is billed", () => {
  const values = [["2024-06-01", 18]] as const;

  test("in arrears: July's on the bill of August", async () => {
    const { account } = await customer(values, { price: { runningTotalBillInAdvance: false } });
    await expectLines(account, "2024-07-01", ["COUNTER_ADJUSTMENT_DEBIT 36", "TOTAL 36"]);
    await expectLines(account, "2024-08-01", ["COUNTER_RUNNING_TOTAL_CHARGE 36", "TOTAL 36"]);
  });

  test.each([
    { proRateRunningTotal: true, charge: 18 },
    { proRateRunningTotal: false, charge: 36 },
  ])("of a plan from June 16, which carries 18 in: $charge", async ({ charge, ...price }) => {
    // 36 × 15/30.
    const accountPlan = { startDate: "2024-06-16T00:00:00Z" };
    const arrears = { ...price, runningTotalBillInAdvance: false };
    const { account } = await customer(values, { price: arrears, accountPlan });
    await expectLines(account, "2024-07-01", [
      `COUNTER_RUNNING_TOTAL_CHARGE ${charge}`,
      `TOTAL ${charge}`,
    ]);
  });

  test("in advance of a plan that begins in mid-month: on its first day", async () => {
    const accountPlan = { startDate: "2024-06-16T00:00:00Z" };
    const { account } = await customer(values, {
      price: { proRateRunningTotal: true },
      accountPlan,
    });
    await expectLines(account, "2024-06-16", ["COUNTER_RUNNING_TOTAL_CHARGE 18", "TOTAL 18"]);
    await expectLines(account, "2024-07-01", ["COUNTER_RUNNING_TOTAL_CHARGE 36", "TOTAL 36"]);
  });
});

test("one adjustment for each day, whole and not below zero", async () => {
  const { account, counterId } = await customer([["2024-06-01", 5]]);
  const adjustment = { accountId: account.id, counterId, date: "2024-06-02", value: 6 };
  for (const changes of [{ date: "2024-06-01" }, { value: -1 }, { value: 1.5 }]) {
    const refused = scenario.world.create("counteradjustments", { ...adjustment, ...changes });
    await expect(refused, JSON.stringify(changes)).rejects.toThrow(/: 4\d\d /);
  }
});
