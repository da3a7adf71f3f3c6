import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BillingWorld, rowsOf } from "./billing-world.ts";

/** What accounts agree on and how their bills depend on one another, month by month. */
describe("bills of accounts", () => {
  let world: BillingWorld;
  beforeAll(async () => {
    world = await BillingWorld.open();
  });
  afterAll(() => world.close());

  /** A product with a summed aggregation and a monthly plan at 1 per unit. */
  const shop = async (template = {}, bands: [number, number][] = [[0, 1]]) => {
    const productId = await world.product();
    const meter = await world.meter(productId);
    const aggregationId = await world.aggregation(meter.id);
    const plan = await world.plan(productId, template);
    await world.price({ planId: plan.id, aggregationId }, bands);
    return { productId, meter, aggregationId, plan };
  };

  const topUp = async (accountId: string, amount: number, changes = {}) => {
    const balanceId = await world.create("balances", {
      accountId,
      name: "Wallet",
      code: world.fresh("balance"),
      currency: "USD",
      startDate: "2024-01-01T00:00:00Z",
      endDate: "2025-01-01T00:00:00Z",
      ...changes,
    });
    await world.create(`balances/${balanceId}/transactions`, {
      amount,
      appliedDate: "2024-01-01T00:00:00Z",
    });
    return balanceId;
  };

  test("a balance active for a part of the month pays for that part", async () => {
    // m3ter semantics 16.3: 100 from June 10 to 30 exclusive, $8 a day: 20 days = 160 are covered, 100 are drawn.
    const { meter, plan } = await shop();
    const account = await world.account();
    await world.attach(account.id, plan.id);
    const balanceId = await topUp(account.id, 100, {
      startDate: "2024-06-10T00:00:00Z",
      endDate: "2024-06-30T00:00:00Z",
    });
    const days = Array.from({ length: 30 }, (_, day) => String(day + 1).padStart(2, "0"));
    await world.use(
      meter.code,
      account.code,
      days.map((day) => [`2024-06-${day}`, 8] as const),
    );
    const expected = ["USAGE 240", "BALANCE_CONSUMED -100", "TOTAL 140"];
    expect(await world.lines(account.id, "2024-07-01")).toEqual(expected);
    expect(await world.lines(account.id, "2024-07-01")).toEqual(expected);
    const entries = await world.list(`balances/${balanceId}/transactions?entityType=BILL`);
    expect(entries.map(({ amount }) => amount)).toEqual([-100]);
    expect(await world.get(`balances/${balanceId}`)).toMatchObject({ amount: 0 });
  });

  test("what a month leaves in a balance rolls over, and overage costs more", async () => {
    // 100 until February, of which 30 roll over to March: January 60 draws 60, February 50 draws 30 of the 40 left.
    const { meter, plan } = await shop();
    const account = await world.account();
    await world.attach(account.id, plan.id);
    await topUp(account.id, 100, {
      endDate: "2024-02-01T00:00:00Z",
      rolloverEndDate: "2024-03-01T00:00:00Z",
      rolloverAmount: 30,
      overageSurchargePercent: 10,
    });
    await world.use(meter.code, account.code, [
      ["2024-01-10", 60],
      ["2024-02-10", 50],
    ]);
    await world.bill(account.id, "2024-02-01");
    // 50 − 30 = 20 remain; 10 % of 20 = 2.
    expect(await world.lines(account.id, "2024-03-01")).toEqual([
      "USAGE 50",
      "BALANCE_CONSUMED -30",
      "OVERAGE_SURCHARGE 2",
      "TOTAL 22",
    ]);
  });

  test("a grant of units comes off before pricing", async () => {
    // 16.4: 1,000 free, 1,300 used at 0.15: 300 × 0.15 = 45.
    const productId = await world.product();
    const meter = await world.meter(productId);
    const unit = world.fresh("GIB");
    await world.create("picklists/currency", { name: unit, code: unit });
    const aggregationId = await world.aggregation(meter.id, { unit });
    const plan = await world.plan(productId);
    await world.price({ planId: plan.id, aggregationId }, [[0, 0.15]]);
    const account = await world.account();
    await world.attach(account.id, plan.id);
    await topUp(account.id, 1000, { currency: unit });
    await world.use(meter.code, account.code, [["2024-01-10", 1300]]);
    expect(await world.lines(account.id, "2024-02-01")).toEqual([
      "USAGE 45",
      "BALANCE_CONSUMED 0",
      "TOTAL 45",
    ]);
  });

  test("contracts: filtered usage, and an exclusive key makes a bill of its own", async () => {
    const [open, own] = [await shop(), await shop()];
    const account = await world.account();
    const billGroupingKeyId = await world.create("picklists/billgroupingkeys", {
      name: world.fresh("key"),
      exclusive: true,
    });
    const contractId = await world.create("contracts", {
      accountId: account.id,
      name: "UK only",
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      billGroupingKeyId,
      usageFilters: [{ dimensionCode: "region", value: "UK", mode: "INCLUDE" }],
    });
    await world.attach(account.id, open.plan.id);
    await world.attach(account.id, own.plan.id, { contractId });
    for (const { meter } of [open, own]) {
      await world.use(meter.code, account.code, [
        ["2024-01-10", 3, "UK"],
        ["2024-01-11", 4, "FR"],
      ]);
    }
    const bills = await world.bill(account.id, "2024-02-01");
    expect(bills.map(({ billTotal }) => String(billTotal)).toSorted()).toEqual(["3", "7"]);
    // Run again: the same two bills.
    const again = await world.bill(account.id, "2024-02-01");
    expect(again.map(({ id }) => id)).toEqual(bills.map(({ id }) => id));
  });

  describe("a parent with two children (m3ter semantics 14.2)", () => {
    // Tiers of 1 to 100 and 0.5 above; parent 30, A 60, B 60.
    const family = async (childBillingMode: string) => {
      const { meter, plan } = await shop({}, [
        [0, 1],
        [100, 0.5],
      ]);
      const parent = await world.account();
      const children = [
        await world.account({ parentAccountId: parent.id }),
        await world.account({ parentAccountId: parent.id }),
      ];
      await world.attach(parent.id, plan.id, { childBillingMode });
      for (const [index, account] of [parent, ...children].entries()) {
        await world.use(meter.code, account.code, [["2024-01-10", index === 0 ? 30 : 60]]);
      }
      return { plan, parent, children };
    };

    test("rated as a block: one line for all, or one for each", async () => {
      // 150 together: 100 + 25 = 125; broken down 25 / 50 / 50.
      const summary = await family("PARENT_SUMMARY");
      expect(await world.lines(summary.parent.id, "2024-02-01")).toEqual([
        "USAGE 125",
        "TOTAL 125",
      ]);
      const { parent, children } = await family("PARENT_BREAKDOWN");
      expect((await world.lines(parent.id, "2024-02-01")).toSorted()).toEqual(
        ["TOTAL 125", "USAGE 25", ...children.map(({ code }) => `USAGE ${code} 50`)].toSorted(),
      );
    });

    test("rated as a block, each billed for its share", async () => {
      const { parent, children } = await family("CHILD");
      expect(await world.lines(parent.id, "2024-02-01")).toEqual(["USAGE 25", "TOTAL 25"]);
      for (const { id } of children) {
        expect(await world.lines(id, "2024-02-01")).toEqual(["USAGE 50", "TOTAL 50"]);
      }
    });

    test("a child with a plan of its own stands on the parent's bill, rated alone", async () => {
      // Parent and B together 90; A alone 60: 150.
      const { plan, parent, children } = await family("PARENT_BREAKDOWN");
      const [a, b] = children;
      await world.attach(a?.id ?? "", plan.id);
      expect((await world.lines(parent.id, "2024-02-01")).toSorted()).toEqual(
        ["TOTAL 150", "USAGE 30", `USAGE ${a?.code} 60`, `USAGE ${b?.code} 60`].toSorted(),
      );
      expect(await world.bills(a?.id ?? "", "2024-02-01")).toEqual([]);
    });
  });

  test("charges: on the bill of their date, or on one of their own; billed once", async () => {
    const { meter, plan } = await shop();
    const account = await world.account();
    await world.attach(account.id, plan.id);
    await world.use(meter.code, account.code, [["2024-01-10", 10]]);
    const charge = (changes: object) =>
      world.create("charges", {
        name: "Onboarding",
        code: world.fresh("charge"),
        accountId: account.id,
        currency: "USD",
        entityType: "AD_HOC",
        lineItemType: "AD_HOC",
        servicePeriodStartDate: "2024-01-01T00:00:00Z",
        servicePeriodEndDate: "2024-02-01T00:00:00Z",
        ...changes,
      });
    const dated = await charge({ amount: 500, billDate: "2024-02-01" });
    await charge({ units: 3, unitPrice: 7, billDate: "2024-01-15" });
    const next = await charge({ amount: -5 });
    expect(await world.lines(account.id, "2024-02-01")).toEqual([
      "USAGE 10",
      "AD_HOC 500",
      "AD_HOC -5",
      "TOTAL 505",
    ]);
    const [first] = await world.bills(account.id, "2024-02-01");
    for (const id of [dated, next]) {
      expect(await world.get(`charges/${id}`)).toMatchObject({ billId: first?.id });
    }
    const [own] = await world.bill(account.id, "2024-01-15");
    expect(own && [own.billingFrequency, ...rowsOf(own)]).toEqual([
      "AD_HOC",
      "AD_HOC 21",
      "TOTAL 21",
    ]);
    expect(await world.lines(account.id, "2024-03-01")).toEqual(["TOTAL 0"]);
  });

  test("commitment fees: by schedule without any plan, and on a plan's cadence", async () => {
    // 15.8: 15,000 over twelve monthly bills: 1,250 each.
    const { plan } = await shop();
    const scheduled = await world.account();
    const commitment = {
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      currency: "USD",
      amount: 15_000,
    };
    await world.create("commitments", {
      ...commitment,
      accountId: scheduled.id,
      feeDates: [
        {
          date: "2024-03-05",
          amount: 9000,
          servicePeriodStartDate: "2024-01-01T00:00:00Z",
          servicePeriodEndDate: "2024-07-01T00:00:00Z",
        },
      ],
    });
    expect(await world.lines(scheduled.id, "2024-03-05")).toEqual([
      "COMMITMENT_FEE 9000",
      "TOTAL 9000",
    ]);
    const account = await world.account();
    await world.attach(account.id, plan.id);
    await world.create("commitments", {
      ...commitment,
      accountId: account.id,
      billingPlanId: plan.id,
      billingInterval: 1,
      billingOffset: 0,
    });
    expect(await world.lines(account.id, "2024-02-01")).toEqual([
      "COMMITMENT_FEE 1250",
      "TOTAL 1250",
    ]);
  });

  describe("corrections of approved bills", () => {
    test("late usage lands in the tiers where it belongs, once", async () => {
      // 1 to 100, then 0.5. January 90 → 90. Approved; then 30 more arrive: 120 → 110, 20 more.
      const { meter, plan } = await shop({}, [
        [0, 1],
        [100, 0.5],
      ]);
      const account = await world.account();
      await world.attach(account.id, plan.id);
      await world.use(meter.code, account.code, [
        ["2024-01-10", 90],
        ["2024-02-10", 10],
      ]);
      const [january] = await world.bill(account.id, "2024-02-01");
      await world.approve(january?.id ?? "");
      await world.use(meter.code, account.code, [["2024-01-20", 30]]);
      const february = ["USAGE 20", "USAGE 10", "TOTAL 30"];
      expect((await world.lines(account.id, "2024-03-01")).toSorted()).toEqual(february.toSorted());
      const [corrected] = await world.bills(account.id, "2024-03-01");
      expect(
        corrected?.lineItems.find(({ convertedSubtotal }) => convertedSubtotal === 20),
      ).toMatchObject({
        description: "Correction: Usage",
        referencedBillId: january?.id,
        referencedLineItemId: january?.lineItems[0]?.["id"],
      });
      // Run again: the same lines. And the month after has nothing to put right.
      expect((await world.lines(account.id, "2024-03-01")).toSorted()).toEqual(february.toSorted());
      expect(await world.lines(account.id, "2024-04-01")).toEqual(["TOTAL 0"]);
      expect((await world.bills(account.id, "2024-02-01"))[0]).toMatchObject({ billTotal: 90 });
    });

    test("what a commitment would have paid is put right with it", async () => {
      // Commitment 100, usage at 1. January 60 draws 60. Then 50 more: 110, of which 100 are covered.
      const { meter, plan } = await shop();
      const account = await world.account();
      await world.attach(account.id, plan.id);
      await world.create("commitments", {
        accountId: account.id,
        startDate: "2024-01-01",
        endDate: "2025-01-01",
        currency: "USD",
        amount: 100,
      });
      await world.use(meter.code, account.code, [
        ["2024-01-10", 60],
        ["2024-02-10", 25],
      ]);
      const [january] = await world.bill(account.id, "2024-02-01");
      await world.approve(january?.id ?? "");
      await world.use(meter.code, account.code, [["2024-01-20", 50]]);
      // Corrections: usage +50, consumed −40. February: 25, and nothing is left to draw. Together 35.
      const rows = await world.lines(account.id, "2024-03-01");
      expect(rows.toSorted()).toEqual(
        ["USAGE 25", "USAGE 50", "COMMITMENT_CONSUMED -40", "TOTAL 35"].toSorted(),
      );
      expect(await world.list(`commitments?accountId=${account.id}`)).toMatchObject([
        { amountSpent: 100 },
      ]);
    });
  });

  test("corrections over several approved months settle once and stay settled", async () => {
    // Commitment 100, usage at 1: January 60 and February 30 are covered, 10 are left. Both approved. 20 more arrive for
    // January: 80 of January and 20 of February would be covered. March's bill: usage +20, consumed −20; February's
    // consumption +10; its own 5 find nothing left. Together 20 − 20 + 10 + 5 = 15.
    const { meter, plan } = await shop();
    const account = await world.account();
    await world.attach(account.id, plan.id);
    await world.create("commitments", {
      accountId: account.id,
      startDate: "2024-01-01",
      endDate: "2025-01-01",
      currency: "USD",
      amount: 100,
    });
    await world.use(meter.code, account.code, [
      ["2024-01-10", 60],
      ["2024-02-10", 30],
      ["2024-03-10", 5],
    ]);
    for (const billDate of ["2024-02-01", "2024-03-01"]) {
      const [approved] = await world.bill(account.id, billDate);
      await world.approve(approved?.id ?? "");
    }
    await world.use(meter.code, account.code, [["2024-01-20", 20]]);
    const march = [
      "USAGE 20",
      "USAGE 5",
      "COMMITMENT_CONSUMED -20",
      "COMMITMENT_CONSUMED 10",
      "TOTAL 15",
    ];
    expect((await world.lines(account.id, "2024-04-01")).toSorted()).toEqual(march.toSorted());
    expect(await world.list(`commitments?accountId=${account.id}`)).toMatchObject([
      { amountSpent: 100 },
    ]);
    const [carrier] = await world.bills(account.id, "2024-04-01");
    await world.approve(carrier?.id ?? "");
    // Nothing is corrected back.
    expect(await world.lines(account.id, "2024-05-01")).toEqual(["TOTAL 0"]);
  });

  test("a deleted bill gives back what it drew, and its charge", async () => {
    const { meter, plan } = await shop();
    const account = await world.account();
    await world.attach(account.id, plan.id);
    const balanceId = await topUp(account.id, 100);
    const chargeId = await world.create("charges", {
      name: "Onboarding",
      code: world.fresh("charge"),
      accountId: account.id,
      currency: "USD",
      entityType: "AD_HOC",
      lineItemType: "AD_HOC",
      amount: 10,
      billDate: "2024-02-01",
      servicePeriodStartDate: "2024-01-01T00:00:00Z",
      servicePeriodEndDate: "2024-02-01T00:00:00Z",
    });
    await world.use(meter.code, account.code, [["2024-01-10", 40]]);
    // 40 of usage and 10 of the charge come from the balance.
    const [bill] = await world.bill(account.id, "2024-02-01");
    expect(bill?.billTotal).toBe(0);
    expect(await world.get(`balances/${balanceId}`)).toMatchObject({ amount: 50 });
    await world.api.call("DELETE", `bills/${bill?.id}`);
    expect(await world.get(`balances/${balanceId}`)).toMatchObject({ amount: 100 });
    expect(await world.get(`charges/${chargeId}`)).not.toHaveProperty("billId");
  });

  test("different frequencies: bills of their own, or one for the date", async () => {
    const [monthly, daily] = [
      await shop({ standingCharge: 31 }),
      await shop({ standingCharge: 1, billFrequency: "DAILY" }),
    ];
    const account = await world.account();
    await world.attach(account.id, monthly.plan.id);
    await world.attach(account.id, daily.plan.id);
    const totals = async (billDate: string, request = {}) =>
      (await world.bill(account.id, billDate, request))
        .map(({ billingFrequency, billTotal }) => `${billingFrequency} ${billTotal}`)
        .toSorted();
    expect(await totals("2024-02-01")).toEqual(["DAILY 1", "MONTHLY 31"]);
    await world.configure({ consolidateBills: true });
    // Switching over does not bill February 1 again.
    expect(await totals("2024-02-01")).toEqual(["DAILY 1", "MONTHLY 31"]);
    expect(await totals("2024-03-01")).toEqual(["MIXED 32"]);
    // Asking for one frequency keeps the others on the bill.
    expect(await totals("2024-03-01", { billingFrequency: "DAILY" })).toEqual(["MIXED 32"]);
    await world.configure({ consolidateBills: false });
  });
});
