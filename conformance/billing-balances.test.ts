import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";

/** Balances: what they pay for, roll over and lose, and charges for them (m3ter semantics 16, 17). */
const scenario = billingScenario();
const { sell, use, fund, charge, agree, expectLines } = scenario;

const credit = (balanceId: string, amount: number, appliedDate: string) =>
  scenario.world.create(`balances/${balanceId}/transactions`, { amount, appliedDate });
const held = async (balanceId: string): Promise<unknown> =>
  (await scenario.world.get(`balances/${balanceId}`))["amount"];

describe.concurrent("what a balance pays for (16.3)", () => {
  test("everything that is due, charges, too; not the fee for itself", async () => {
    // 10 + 5 + 20 of 100; the fee of 7 is paid.
    const { account } = await sell({
      template: { standingCharge: 5 },
      bands: [[0, 1]],
      usage: [["2024-01-10", 10]],
    });
    const balanceId = await fund(account, 100);
    await charge(account, { amount: 20 });
    await charge(account, {
      amount: 7,
      entityType: "BALANCE",
      lineItemType: "BALANCE_FEE",
      entityId: balanceId,
    });
    const bill = await expectLines(account, "2024-02-01", [
      "USAGE 10",
      "STANDING_CHARGE 5",
      "AD_HOC 20",
      "BALANCE_CONSUMED -10",
      "BALANCE_CONSUMED -5",
      "BALANCE_CONSUMED -20",
      "BALANCE_FEE 7",
      "TOTAL 7",
    ]);
    expect(await held(balanceId)).toBe(65);
    const path = `balances/${balanceId}/transactions?entityType=BILL`;
    const drawn = await scenario.world.list(path);
    expect(new Set(drawn.map(({ entityId }) => entityId))).toEqual(new Set([bill.id]));
  });

  test("only its line types, products and contract", async () => {
    const first = await sell({
      template: { standingCharge: 5 },
      bands: [[0, 1]],
      usage: [["2024-01-10", 10]],
    });
    const { account, productId } = first;
    await charge(account, { amount: 3 });
    const contractId = await agree(account);
    const accountPlan = { contractId };
    await sell({ to: account, accountPlan, bands: [[0, 1]], usage: [["2024-01-10", 40]] });
    await fund(account, 100, { lineItemTypes: ["AD_HOC"] });
    await fund(account, 100, { lineItemTypes: ["STANDING_CHARGE"], productIds: [productId] });
    await fund(account, 25, { contractId });
    // The first pays 3, the second 5, the third 25 of the 40 under its contract.
    await expectLines(account, "2024-02-01", [
      "USAGE 10",
      "USAGE 40",
      "STANDING_CHARGE 5",
      "AD_HOC 3",
      "BALANCE_CONSUMED -3",
      "BALANCE_CONSUMED -5",
      "BALANCE_CONSUMED -25",
      "TOTAL 25",
    ]);
  });

  test("of several the one whose money expires first", async () => {
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 70]] });
    const late = await fund(account, 100);
    const early = await fund(account, 50, { endDate: "2024-07-01T00:00:00Z" });
    await expectLines(account, "2024-02-01", [
      "USAGE 70",
      "BALANCE_CONSUMED -50",
      "BALANCE_CONSUMED -20",
      "TOTAL 0",
    ]);
    expect([await held(early), await held(late)]).toEqual([0, 80]);
  });

  test("a charge for time by the days that it covers: June 10 to 30 exclusive, 20 of 30", async () => {
    const { account } = await sell({ template: { standingCharge: 30 } });
    await fund(account, 100, {
      startDate: "2024-06-10T00:00:00Z",
      endDate: "2024-06-30T00:00:00Z",
    });
    await expectLines(account, "2024-07-01", [
      "STANDING_CHARGE 30",
      "BALANCE_CONSUMED -20",
      "TOTAL 10",
    ]);
  });

  test("the worked case: 100 from June 10 to 30 exclusive, $8 a day", async () => {
    // 20 days = 160 are covered, 100 are drawn; run again, no more.
    const days = Array.from({ length: 30 }, (_, day) => String(day + 1).padStart(2, "0"));
    const { account } = await sell({
      bands: [[0, 1]],
      usage: days.map((day) => [`2024-06-${day}`, 8] as const),
    });
    const balanceId = await fund(account, 100, {
      startDate: "2024-06-10T00:00:00Z",
      endDate: "2024-06-30T00:00:00Z",
    });
    for (let run = 0; run < 2; run += 1) {
      const lines = ["USAGE 240", "BALANCE_CONSUMED -100", "TOTAL 140"];
      await expectLines(account, "2024-07-01", lines);
    }
    const path = `balances/${balanceId}/transactions?entityType=BILL`;
    expect(await scenario.world.list(path)).toMatchObject([{ amount: -100 }]);
    expect(await held(balanceId)).toBe(0);
  });

  test("overage is what was used while the balance was there", async () => {
    // Of January 15's 40 the 30 pay 30: 10 % of 10. January 5's 10 came before.
    const { account } = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-05", 10],
        ["2024-01-15", 40],
      ],
    });
    const startDate = "2024-01-10T00:00:00Z";
    await fund(account, 30, { startDate, overageSurchargePercent: 10 });
    await expectLines(account, "2024-02-01", [
      "USAGE 50",
      "BALANCE_CONSUMED -30",
      "OVERAGE_SURCHARGE 1",
      "TOTAL 21",
    ]);
  });

  test("the worked grant: 1,000 free, 1,300 used at 0.15", async () => {
    const unit = scenario.world.fresh("GIB");
    await scenario.world.create("picklists/currency", { name: unit, code: unit });
    const usage = [["2024-01-10", 1300]] as const;
    const { account } = await sell({ aggregation: { unit }, bands: [[0, 0.15]], usage });
    await fund(account, 1000, { currency: unit });
    await expectLines(account, "2024-02-01", ["USAGE 45", "BALANCE_CONSUMED 0", "TOTAL 45"]);
  });

  test("a grant of units only while it is active", async () => {
    // 300 of June 15 are free, the 100 of June 5 are not: 100 × 0.15; 700 are left.
    const unit = scenario.world.fresh("GB");
    await scenario.world.create("picklists/currency", { name: unit, code: unit });
    const { account } = await sell({
      aggregation: { unit },
      bands: [[0, 0.15]],
      usage: [
        ["2024-06-05", 100],
        ["2024-06-15", 300],
      ],
    });
    const balanceId = await fund(account, 1000, {
      currency: unit,
      startDate: "2024-06-10T00:00:00Z",
    });
    await expectLines(account, "2024-07-01", ["USAGE 15", "BALANCE_CONSUMED 0", "TOTAL 15"]);
    expect(await held(balanceId)).toBe(1000 - 300);
  });
});

describe.concurrent("what a balance holds (16.2)", () => {
  test("credits count from the day they apply, debits take away", async () => {
    // 5 on January 1. 50 more on February 10, and 20 less.
    const { account } = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 20],
        ["2024-02-15", 40],
      ],
    });
    const balanceId = await fund(account, 5);
    await credit(balanceId, 50, "2024-02-10T00:00:00Z");
    await credit(balanceId, -20, "2024-02-11T00:00:00Z");
    await expectLines(account, "2024-02-01", ["USAGE 20", "BALANCE_CONSUMED -5", "TOTAL 15"]);
    await expectLines(account, "2024-03-01", ["USAGE 40", "BALANCE_CONSUMED -30", "TOTAL 10"]);
  });

  test("30 of what is left roll over, and usage beyond costs 10 % more", async () => {
    // January takes 60 of 100; 40 are left, 30 roll over; 20 of February's 50 stay: 2 on top.
    const { account } = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 60],
        ["2024-02-10", 50],
      ],
    });
    await fund(account, 100, {
      endDate: "2024-02-01T00:00:00Z",
      rolloverEndDate: "2024-03-01T00:00:00Z",
      rolloverAmount: 30,
      overageSurchargePercent: 10,
    });
    await expectLines(account, "2024-02-01", ["USAGE 60", "BALANCE_CONSUMED -60", "TOTAL 0"]);
    await expectLines(account, "2024-03-01", [
      "USAGE 50",
      "BALANCE_CONSUMED -30",
      "OVERAGE_SURCHARGE 2",
      "TOTAL 22",
    ]);
  });

  test("what was paid for it is only noted: 200 credited for 50 of another kind (documented)", async () => {
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 250]] });
    const balanceId = await fund(account, 0.01);
    await scenario.world.create(`balances/${balanceId}/transactions`, {
      amount: 200,
      paid: 50,
      currencyPaid: "XTS",
      appliedDate: "2024-01-01T00:00:00Z",
    });
    const lines = ["USAGE 250", "BALANCE_CONSUMED -200.01", "TOTAL 49.99"];
    await expectLines(account, "2024-02-01", lines);
  });

  test("without an amount all of the rest rolls over, and ends with the rollover", async () => {
    const { account } = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 60],
        ["2024-02-10", 50],
        ["2024-03-10", 5],
      ],
    });
    await fund(account, 115, {
      endDate: "2024-02-01T00:00:00Z",
      rolloverEndDate: "2024-03-01T00:00:00Z",
    });
    await expectLines(account, "2024-02-01", ["USAGE 60", "BALANCE_CONSUMED -60", "TOTAL 0"]);
    await expectLines(account, "2024-03-01", ["USAGE 50", "BALANCE_CONSUMED -50", "TOTAL 0"]);
    await expectLines(account, "2024-04-01", ["USAGE 5", "TOTAL 5"]);
  });

  test("$1,000 left at the end, 800 roll over: 200 expire (documented)", async () => {
    const { account } = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 50],
        ["2024-02-10", 300],
      ],
    });
    const balanceId = await fund(account, 1050, {
      endDate: "2024-02-01T00:00:00Z",
      rolloverEndDate: "2100-01-01T00:00:00Z",
      rolloverAmount: 800,
    });
    await expectLines(account, "2024-02-01", ["USAGE 50", "BALANCE_CONSUMED -50", "TOTAL 0"]);
    await expectLines(account, "2024-03-01", ["USAGE 300", "BALANCE_CONSUMED -300", "TOTAL 0"]);
    expect(await scenario.world.get(`balances/${balanceId}/transactions/summary`)).toMatchObject({
      totalCreditAmount: 1050,
      totalDebitAmount: 350,
      initialCreditAmount: 1050,
      expiredBalanceAmount: 200,
      rolloverConsumed: 300,
      balanceConsumed: 50,
    });
  });

  test("a rollover without its end is refused", async () => {
    const { account } = await sell({});
    await expect(fund(account, 1, { rolloverAmount: 1 })).rejects.toThrow(/: 400 /);
  });
});

describe.concurrent("schedules (16.5)", () => {
  const scheduleOf = (balanceId: string, kind: string, body: object): Promise<string> => {
    const code = scenario.world.fresh("schedule");
    return scenario.world.create(`balances/${balanceId}/${kind}`, { name: code, code, ...body });
  };
  const quarter = {
    currency: "USD",
    servicePeriodStartDate: "2024-01-01T00:00:00Z",
    servicePeriodEndDate: "2024-04-01T00:00:00Z",
    billFrequency: "MONTHLY",
    billFrequencyInterval: 1,
    chargeDescription: "Top-up plan",
  };

  test("a charge for each month in arrears: on the bills of February, March and April 1", async () => {
    const { account } = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 30]] });
    const balanceId = await fund(account, 100);
    const scheduleId = await scheduleOf(balanceId, "balancechargeschedules", {
      ...quarter,
      units: 4,
      unitPrice: 25,
      billInAdvance: false,
    });
    const charges = await scenario.world.list(`charges?scheduleId=${scheduleId}`);
    expect(charges.map(({ billDate }) => String(billDate)).toSorted()).toEqual([
      "2024-02-01",
      "2024-03-01",
      "2024-04-01",
    ]);
    const bill = await expectLines(account, "2024-02-01", [
      "USAGE 30",
      "BALANCE_CONSUMED -30",
      "BALANCE_FEE 100",
      "TOTAL 100",
    ]);
    expect(bill.lineItems.find(({ lineItemType }) => lineItemType === "BALANCE_FEE")).toMatchObject(
      {
        description: "Top-up plan",
        quantity: 4,
        servicePeriodStartDate: "2024-01-01T00:00:00Z",
        servicePeriodEndDate: "2024-02-01T00:00:00Z",
        balanceId,
      },
    );
    await expectLines(account, "2024-03-01", ["BALANCE_FEE 100", "TOTAL 100"]);
    await expectLines(account, "2024-04-01", ["BALANCE_FEE 100", "TOTAL 100"]);
    await expectLines(account, "2024-05-01", ["TOTAL 0"]);
  });

  test("in advance without any plan: on bills of their own, at each month's start", async () => {
    const account = await scenario.world.account();
    const balanceId = await fund(account, 0.01);
    const body = { ...quarter, amount: 50, billInAdvance: true };
    await scheduleOf(balanceId, "balancechargeschedules", body);
    for (const billDate of ["2024-01-01", "2024-02-01", "2024-03-01"]) {
      const bill = await expectLines(account, billDate, ["BALANCE_FEE 50", "TOTAL 50"]);
      expect(bill.billingFrequency).toBe("AD_HOC");
    }
    expect(await scenario.world.bill(account.id, "2024-04-01")).toEqual([]);
  });

  test("a credit at the start of each month pays for what is billed from then on", async () => {
    // 30 on January 1, February 1 and March 1, none on April 1, the end. The bill of February 1 finds 60 for 70.
    const { account } = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 70],
        ["2024-02-10", 20],
      ],
    });
    const { world } = scenario;
    const balanceId = await fund(account, 0.01);
    const name = world.fresh("credit");
    const transactionTypeId = await world.create("picklists/transactiontypes", {
      name,
      code: name,
    });
    const scheduleId = await scheduleOf(balanceId, "balancetransactionschedules", {
      amount: 30,
      transactionDescription: "Monthly credit",
      transactionTypeId,
      startDate: "2024-01-01T00:00:00Z",
      endDate: "2024-04-01T00:00:00Z",
      frequency: "MONTHLY",
      frequencyInterval: 1,
    });
    const path = `balances/${balanceId}/transactions?entityType=SCHEDULER`;
    const entries = await world.list(path);
    expect(entries).toHaveLength(3);
    for (const entry of entries) expect(entry).toMatchObject({ amount: 30, entityId: scheduleId });
    await expectLines(account, "2024-02-01", ["USAGE 70", "BALANCE_CONSUMED -60.01", "TOTAL 9.99"]);
    await expectLines(account, "2024-03-01", ["USAGE 20", "BALANCE_CONSUMED -20", "TOTAL 0"]);
    expect(await held(balanceId)).toBe(10);
  });

  test("what is made once is not made again when the schedule is changed or removed", async () => {
    const account = await scenario.world.account();
    const balanceId = await fund(account, 0.01);
    const { world } = scenario;
    const body = { ...quarter, amount: 50, billInAdvance: true };
    const id = await scheduleOf(balanceId, "balancechargeschedules", body);
    const path = `balances/${balanceId}/balancechargeschedules/${id}`;
    const schedule = await world.get(path);
    expect(schedule).toMatchObject({ version: 1, previousRun: "2024-03-01T00:00:00.000Z" });
    expect(schedule).not.toHaveProperty("nextRun");
    // Two months more, at another price: those that are made stay as they are.
    const servicePeriodEndDate = "2024-06-01T00:00:00Z";
    await world.api.call("PUT", path, { ...schedule, amount: 60, servicePeriodEndDate });
    const amounts = async (): Promise<number[]> =>
      (await world.list(`charges?scheduleId=${id}`))
        .map(({ amount }) => Number(amount))
        .toSorted((a, b) => a - b);
    expect(await amounts()).toEqual([50, 50, 50, 60, 60]);
    await world.api.call("DELETE", path);
    expect(await amounts()).toEqual([50, 50, 50, 60, 60]);
  });
});

test("an overdraft covers everything, if the organization allows any", async () => {
  const overdrawn = async () => {
    const sold = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 100]] });
    return { ...sold, balanceId: await fund(sold.account, 30, { allowOverdraft: true }) };
  };
  const refused = await overdrawn();
  const partly = ["USAGE 100", "BALANCE_CONSUMED -30", "TOTAL 70"];
  await expectLines(refused.account, "2024-02-01", partly);
  await scenario.world.configure({ allowNegativeBalances: true });
  const { account, balanceId } = await overdrawn();
  await expectLines(account, "2024-02-01", ["USAGE 100", "BALANCE_CONSUMED -100", "TOTAL 0"]);
  expect(await held(balanceId)).toBe(-70);
  await scenario.world.configure({ allowNegativeBalances: false });
});

describe.concurrent("usage that is put right", () => {
  test("voided after approval gives the money back to the balance", async () => {
    // 60 drawn; 20 of them void: usage −20, consumption +20 on February's bill, whose own 5 are drawn.
    const sold = await sell({ bands: [[0, 1]] });
    const { account } = sold;
    const balanceId = await fund(account, 100);
    await use(sold, [
      ["2024-01-10", 40],
      ["2024-02-10", 5],
    ]);
    const [uid] = await use(sold, [["2024-01-11", 20]]);
    const january = await expectLines(account, "2024-02-01", [
      "USAGE 60",
      "BALANCE_CONSUMED -60",
      "TOTAL 0",
    ]);
    await scenario.world.approve(january.id);
    await scenario.world.api.call("POST", `measurements/${uid}/void`, { reason: "a test call" });
    await expectLines(account, "2024-03-01", [
      "USAGE -20",
      "BALANCE_CONSUMED 20",
      "USAGE 5",
      "BALANCE_CONSUMED -5",
      "TOTAL 0",
    ]);
    expect(await held(balanceId)).toBe(55);
  });
});
