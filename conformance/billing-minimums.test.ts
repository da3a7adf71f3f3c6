import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";

/** What falls due whatever is used: minimum spends at three levels, standing charges (m3ter semantics 11, 12). */
const scenario = billingScenario();
const { sell, use, agree, expectLines } = scenario;

describe.concurrent("minimum spend in arrears (12)", () => {
  test("tops usage up, and asks nothing of who used more", async () => {
    // 250 − 180 = 70; 400 is above.
    const sold = await sell({
      template: { minimumSpend: 250 },
      bands: [[0, 1]],
      usage: [
        ["2024-01-05", 180],
        ["2024-02-05", 400],
      ],
    });
    const bill = await expectLines(sold.account, "2024-02-01", [
      "USAGE 180",
      "MINIMUM_SPEND 70",
      "TOTAL 250",
    ]);
    const product = await scenario.world.get(`products/${sold.productId}`);
    expect(bill.lineItems.map(({ description }) => description)).toContain(
      `${String(product["name"])} Minimum Spend Adjustment`,
    );
    await expectLines(sold.account, "2024-03-01", ["USAGE 400", "TOTAL 400"]);
    // Without any usage all of it is due.
    await expectLines(sold.account, "2024-04-01", ["MINIMUM_SPEND 250", "TOTAL 250"]);
  });

  test("of a pricing counts toward its plan's", async () => {
    // Usage 30; the pricing wants 50: + 20. 50 count toward the plan's 80: + 30.
    const { account } = await sell({
      template: { minimumSpend: 80 },
      bands: [[0, 1]],
      price: { minimumSpend: 50, minimumSpendDescription: "At least 50" },
      usage: [["2024-01-05", 30]],
    });
    const bill = await expectLines(account, "2024-02-01", [
      "USAGE 30",
      "MINIMUM_SPEND 20",
      "MINIMUM_SPEND 30",
      "TOTAL 80",
    ]);
    const ofPricing = bill.lineItems.find(({ convertedSubtotal }) => convertedSubtotal === 20);
    expect(ofPricing?.description).toBe("At least 50");
  });

  test("standing charges do not count", async () => {
    const { account } = await sell({
      template: { minimumSpend: 100, standingCharge: 60 },
      bands: [[0, 1]],
      usage: [["2024-01-05", 70]],
    });
    const lines = ["USAGE 70", "STANDING_CHARGE 60", "MINIMUM_SPEND 30", "TOTAL 160"];
    await expectLines(account, "2024-02-01", lines);
  });

  test("of half a month is half of it", async () => {
    // From June 16: 15/30 × 250 = 125; of which 25 are used.
    const { account } = await sell({
      template: { minimumSpend: 250 },
      bands: [[0, 1]],
      accountPlan: { startDate: "2024-06-16T00:00:00Z" },
      usage: [["2024-06-20", 25]],
    });
    const lines = ["USAGE 25", "MINIMUM_SPEND 100", "TOTAL 125"];
    await expectLines(account, "2024-07-01", lines);
  });

  test("of a plan goes before its template's", async () => {
    const { account } = await sell({
      template: { minimumSpend: 250 },
      plan: { minimumSpend: 40 },
      bands: [[0, 1]],
      usage: [["2024-01-05", 30]],
    });
    await expectLines(account, "2024-02-01", ["USAGE 30", "MINIMUM_SPEND 10", "TOTAL 40"]);
  });
});

describe.concurrent("minimum spend in advance (12)", () => {
  const advance = { minimumSpend: 1000, minimumSpendBillInAdvance: true };

  test("is billed at the start, given back as far as it was used: two bills net to 1,000", async () => {
    // Start: 1,000. February 1: usage 800, refund −800, February's minimum 1,000. March 1: usage 1,300, −1,000, 1,000.
    const sold = await sell({
      template: advance,
      bands: [[0, 1]],
      usage: [
        ["2024-01-05", 800],
        ["2024-02-05", 1300],
      ],
    });
    await expectLines(sold.account, "2024-01-01", ["MINIMUM_SPEND 1000", "TOTAL 1000"]);
    await expectLines(sold.account, "2024-02-01", [
      "USAGE 800",
      "MINIMUM_SPEND_REFUND -800",
      "MINIMUM_SPEND 1000",
      "TOTAL 1000",
    ]);
    await expectLines(sold.account, "2024-03-01", [
      "USAGE 1300",
      "MINIMUM_SPEND_REFUND -1000",
      "MINIMUM_SPEND 1000",
      "TOTAL 1300",
    ]);
    // Run again, the bill before has not changed, nor has this one.
    await expectLines(sold.account, "2024-02-01", [
      "USAGE 800",
      "MINIMUM_SPEND_REFUND -800",
      "MINIMUM_SPEND 1000",
      "TOTAL 1000",
    ]);
  });

  test("that no bill charged in advance is topped up in arrears", async () => {
    // The first run is that of February: nothing was billed on January 1, so that 1,000 − 800 are owed.
    const { account } = await sell({
      template: advance,
      bands: [[0, 1]],
      usage: [["2024-01-05", 800]],
    });
    await expectLines(account, "2024-02-01", [
      "USAGE 800",
      "MINIMUM_SPEND 200",
      "MINIMUM_SPEND 1000",
      "TOTAL 2000",
    ]);
  });

  test("of a pricing, with the pricing's own flag", async () => {
    // 60 at the start; usage 25 gives back 25.
    const { account } = await sell({
      bands: [[0, 1]],
      price: { minimumSpend: 60, minimumSpendBillInAdvance: true },
      accountPlan: { endDate: "2024-02-01T00:00:00Z" },
      usage: [["2024-01-05", 25]],
    });
    await expectLines(account, "2024-01-01", ["MINIMUM_SPEND 60", "TOTAL 60"]);
    await expectLines(account, "2024-02-01", ["USAGE 25", "MINIMUM_SPEND_REFUND -25", "TOTAL 0"]);
  });
});

describe.concurrent("standing charges in arrears (11)", () => {
  test("are due by days: from June 15, and to June 10 at noon", async () => {
    // 16/30 × 300 = 160; 9.5/30 × 300 = 95.
    const { account } = await sell({
      template: { standingCharge: 300 },
      accountPlan: { startDate: "2024-06-15T00:00:00Z" },
    });
    await expectLines(account, "2024-07-01", ["STANDING_CHARGE 160", "TOTAL 160"]);
    const ending = await sell({
      template: { standingCharge: 300 },
      accountPlan: { endDate: "2024-06-10T12:00:00Z" },
    });
    await expectLines(ending.account, "2024-07-01", ["STANDING_CHARGE 95", "TOTAL 95"]);
  });

  test("with interval 3 and offset 2: the third bill, the sixth, …, each for the three months that end with it", async () => {
    // Bills are counted from 0: number 2 is that of April 1, number 5 that of July 1.
    const { account } = await sell({
      template: { standingCharge: 90, standingChargeInterval: 3, standingChargeOffset: 2 },
    });
    await expectLines(account, "2024-02-01", ["TOTAL 0"]);
    await expectLines(account, "2024-03-01", ["TOTAL 0"]);
    const bill = await expectLines(account, "2024-04-01", ["STANDING_CHARGE 90", "TOTAL 90"]);
    expect(bill.lineItems).toMatchObject([
      {
        servicePeriodStartDate: "2024-01-01T00:00:00Z",
        servicePeriodEndDate: "2024-04-01T00:00:00Z",
      },
    ]);
    for (const billDate of ["2024-05-01", "2024-06-01"]) {
      await expectLines(account, billDate, ["TOTAL 0"]);
    }
    await expectLines(account, "2024-07-01", ["STANDING_CHARGE 90", "TOTAL 90"]);
  });

  test("of a contract that limits charges, only for its days", async () => {
    // June 6 to 21 exclusive: 15/30 × 300 = 150.
    const sold = await sell({
      template: { standingCharge: 300 },
      accountPlan: { endDate: "2024-01-02T00:00:00Z" },
    });
    const contractId = await agree(sold.account, {
      startDate: "2024-06-06",
      endDate: "2024-06-21",
      applyContractPeriodLimits: true,
    });
    await scenario.world.attach(sold.account.id, sold.plan.id, {
      startDate: "2024-06-01T00:00:00Z",
      contractId,
    });
    await expectLines(sold.account, "2024-07-01", ["STANDING_CHARGE 150", "TOTAL 150"]);
  });
});

describe.concurrent("standing charges in advance (11)", () => {
  const advance = { standingCharge: 310, standingChargeBillInAdvance: true };

  test("begin on the plan's first day with what is left of the month", async () => {
    // From January 16: 16/31 × 310 = 160; then 310 for February.
    const { account } = await sell({
      template: advance,
      accountPlan: { startDate: "2024-01-16T00:00:00Z" },
    });
    await expectLines(account, "2024-01-16", ["STANDING_CHARGE 160", "TOTAL 160"]);
    const bill = await expectLines(account, "2024-02-01", ["STANDING_CHARGE 310", "TOTAL 310"]);
    expect(bill.lineItems).toMatchObject([
      {
        servicePeriodStartDate: "2024-02-01T00:00:00Z",
        servicePeriodEndDate: "2024-03-01T00:00:00Z",
      },
    ]);
  });

  test("come back for the days after an end that was not known", async () => {
    // 310 for March; then the plan ends on March 21: 11/31 × 310 = 110 come back on April 1.
    const sold = await sell({ template: advance });
    await expectLines(sold.account, "2024-03-01", ["STANDING_CHARGE 310", "TOTAL 310"]);
    const path = `accountplans/${sold.accountPlanId}`;
    const accountPlan = await scenario.world.get(path);
    const endDate = "2024-03-21T00:00:00Z";
    await scenario.world.api.call("PUT", path, { ...accountPlan, endDate });
    await expectLines(sold.account, "2024-04-01", ["STANDING_CHARGE -110", "TOTAL -110"]);
  });

  test("a plan that ends before an interval in arrears is complete pays for its part on its last bill", async () => {
    // 310 on every third bill, from the third on.
    const sold = await sell({
      template: {
        ...advance,
        standingChargeBillInAdvance: false,
        standingChargeInterval: 3,
        standingChargeOffset: 2,
      },
    });
    await expectLines(sold.account, "2024-04-01", ["STANDING_CHARGE 310", "TOTAL 310"]);
    const path = `accountplans/${sold.accountPlanId}`;
    const accountPlan = await scenario.world.get(path);
    const endDate = "2024-05-16T00:00:00Z";
    await scenario.world.api.call("PUT", path, { ...accountPlan, endDate });
    await expectLines(sold.account, "2024-05-01", ["TOTAL 0"]);
    // April 1 to May 16 is 45 of the 91 days to July 1: 310 × 45/91 = 153.30.
    await expectLines(sold.account, "2024-06-01", ["STANDING_CHARGE 153.3", "TOTAL 153.3"]);
    // The end is put off to June 11, 71 of the 91 days: 310 × 71/91 = 241.87, of which 153.30 is paid.
    const changed = await scenario.world.get(path);
    const [last] = await scenario.world.bills(sold.account.id, "2024-06-01");
    await scenario.world.approve(last?.id ?? "");
    await scenario.world.api.call("PUT", path, { ...changed, endDate: "2024-06-11T00:00:00Z" });
    await expectLines(sold.account, "2024-07-01", ["STANDING_CHARGE 88.57", "TOTAL 88.57"]);
  });

  test("every second quarter from the first: six months each (documented)", async () => {
    // Bills every 3 months; interval 2, offset 0: January 1 for January to June, then July 1.
    const { account } = await sell({
      template: { ...advance, billFrequencyInterval: 3, standingChargeInterval: 2 },
    });
    const bill = await expectLines(account, "2024-01-01", ["STANDING_CHARGE 310", "TOTAL 310"]);
    expect(bill.lineItems).toMatchObject([
      {
        servicePeriodStartDate: "2024-01-01T00:00:00Z",
        servicePeriodEndDate: "2024-07-01T00:00:00Z",
      },
    ]);
    await expectLines(account, "2024-04-01", ["TOTAL 0"]);
    await expectLines(account, "2024-07-01", ["STANDING_CHARGE 310", "TOTAL 310"]);
  });

  test("every second quarter from the second: the first is due after three months", async () => {
    const { account } = await sell({
      template: {
        ...advance,
        billFrequencyInterval: 3,
        standingChargeInterval: 2,
        standingChargeOffset: 1,
      },
    });
    await expectLines(account, "2024-01-01", ["TOTAL 0"]);
    await expectLines(account, "2024-04-01", ["STANDING_CHARGE 310", "TOTAL 310"]);
    await expectLines(account, "2024-07-01", ["TOTAL 0"]);
  });

  test("with the plan's own flag before its template's", async () => {
    const { account } = await sell({
      template: advance,
      plan: { standingCharge: 62, standingChargeBillInAdvance: false },
    });
    await expectLines(account, "2024-02-01", ["STANDING_CHARGE 62", "TOTAL 62"]);
  });
});

describe("the organization's flags stand behind all others (9.2)", () => {
  test("in advance unless plan, template or pricing says otherwise", async () => {
    const flags = { standingChargeBillInAdvance: true, minimumSpendBillInAdvance: true };
    await scenario.world.configure(flags);
    const sold = await sell({
      template: { standingCharge: 20, minimumSpend: 50 },
      bands: [[0, 1]],
      accountPlan: { endDate: "2024-02-01T00:00:00Z" },
    });
    await use(sold, [["2024-01-05", 10]]);
    await expectLines(sold.account, "2024-01-01", [
      "STANDING_CHARGE 20",
      "MINIMUM_SPEND 50",
      "TOTAL 70",
    ]);
    await expectLines(sold.account, "2024-02-01", [
      "USAGE 10",
      "MINIMUM_SPEND_REFUND -10",
      "TOTAL 0",
    ]);
    await scenario.world.configure({
      standingChargeBillInAdvance: false,
      minimumSpendBillInAdvance: false,
    });
  });
});
