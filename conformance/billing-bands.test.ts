import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";
import { bandsOf } from "./billing-world.ts";

/** How a quantity becomes units, and units money: bands of every kind, spans and credits (m3ter semantics 6, 10). */
const scenario = billingScenario();
const { sell, use, commit, fund, expectLines, expectTable } = scenario;

describe.concurrent("the five kinds of price (10.2, 10.3)", () => {
  const storage = [
    [0, 0.15],
    [500, 0.1],
  ] as const;
  const stairs = [
    [0, 0, 12],
    [4, 0, 25],
    [6, 0, 50],
  ] as const;
  const custom = [
    [0, 1, 10],
    [100, 0.8, 5],
  ] as const;
  const kinds = {
    tiered: { bands: storage, price: { cumulative: true } },
    volume: { bands: storage, price: { cumulative: false } },
    stairstep: { bands: stairs, price: { cumulative: false } },
    "custom tiered": { bands: custom, price: { cumulative: true } },
    "custom volume": { bands: custom, price: { cumulative: false } },
  };

  test("of a month's usage", async () => {
    const table = [
      // 500 × 0.15 + 300 × 0.10
      ["tiered", 800, 105],
      // A limit belongs to the band below: 500 × 0.15
      ["tiered", 500, 75],
      // 800 × 0.10
      ["volume", 800, 80],
      // 500 × 0.15, and one more makes all of them cheaper: 501 × 0.10
      ["volume", 500, 75],
      ["volume", 501, 50.1],
      ["stairstep", 4, 12],
      ["stairstep", 4.2, 25],
      ["stairstep", 6, 25],
      ["stairstep", 7.5, 50],
      // Measured, but nothing: the entry fee.
      ["stairstep", 0, 12],
      // 10 + 100 × 1 + 5 + 50 × 0.80
      ["custom tiered", 150, 155],
      // 5 + 150 × 0.80
      ["custom volume", 150, 125],
      // Usage that was taken back costs the first price, without the fixed one.
      ["custom tiered", -5, -5],
    ] as const;
    await expectTable(
      "2024-02-01",
      table.map(([kind, used, price]) => ({
        name: `${kind} of ${used}`,
        sale: { ...kinds[kind], usage: [["2024-01-10", used]] },
        lines: [`USAGE ${price}`, `TOTAL ${price}`],
      })),
    );
  });

  test("without usage there is no line, not even an entry fee", async () => {
    const { account } = await sell(kinds.stairstep);
    await expectLines(account, "2024-02-01", ["TOTAL 0"]);
  });
});

describe.concurrent("quantity to units (6.2, 6.3)", () => {
  test("by the unit and its rounding, at 0.25 each", async () => {
    const table = [
      // The documented sample: 48,900 / 500 = 97.8 → 98 × 0.25.
      [{ quantityPerUnit: 500, rounding: "UP" }, 48_900, 98, 24.5],
      [{ quantityPerUnit: 500, rounding: "DOWN" }, 48_900, 97, 24.25],
      [{ quantityPerUnit: 500, rounding: "NONE" }, 48_900, 97.8, 24.45],
      [{ rounding: "NEAREST" }, 5.1, 5, 1.25],
      [{ rounding: "NEAREST" }, 3.5, 4, 1],
    ] as const;
    const bills = await expectTable(
      "2024-02-01",
      table.map(([aggregation, used, , price]) => ({
        name: `${used} with ${JSON.stringify(aggregation)}`,
        sale: { aggregation, bands: [[0, 0.25]], usage: [["2024-01-10", used]] },
        lines: [`USAGE ${price}`, `TOTAL ${price}`],
      })),
    );
    const units = bills.map(({ lineItems }) =>
      lineItems.map((line) => [line.quantity, line.units]),
    );
    expect(units).toEqual(table.map(([, used, expected]) => [[used, expected]]));
  });

  test("by the method, of 12, 3 and 12", async () => {
    const table = [
      ["SUM", 27],
      ["MIN", 3],
      ["MAX", 12],
      ["COUNT", 3],
      ["LATEST", 12],
      ["MEAN", 9],
    ] as const;
    await expectTable(
      "2024-02-01",
      table.map(([aggregation, units]) => ({
        name: aggregation,
        sale: {
          aggregation: { aggregation },
          bands: [[0, 1]],
          usage: [
            ["2024-01-05", 12],
            ["2024-01-06", 3],
            ["2024-01-07", 12],
          ],
        },
        lines: [`USAGE ${units}`, `TOTAL ${units}`],
      })),
    );
  });

  test("UNIQUE counts the different values of a text", async () => {
    const aggregation = { aggregation: "UNIQUE", targetField: "region" };
    const usage = [
      ["2024-01-05", 1, "UK"],
      ["2024-01-06", 1, "FR"],
      ["2024-01-07", 1, "UK"],
    ] as const;
    const { account } = await sell({ aggregation, bands: [[0, 7]], usage });
    await expectLines(account, "2024-02-01", ["USAGE 14", "TOTAL 14"]);
  });

  test("a default stands in where nothing was measured", async () => {
    const { account } = await sell({ aggregation: { defaultValue: 3 }, bands: [[0, 2]] });
    await expectLines(account, "2024-02-01", ["USAGE 6", "TOTAL 6"]);
  });
});

describe.concurrent("tiers that span the plan (10.4)", () => {
  const months = [
    ["2024-01-05", 400],
    ["2024-02-05", 300],
    ["2024-03-05", 100],
  ] as const;

  test("graduated, with fixed prices once, in the month that enters their band", async () => {
    // 10 + 400 × 1 = 410; up to 700: 10 + 500 + 20 + 200 × 0.5 = 630, less 410 = 220; 100 × 0.5 = 50.
    const bands = [
      [0, 1, 10],
      [500, 0.5, 20],
    ] as const;
    const { account } = await sell({ bands, price: { tiersSpanPlan: true }, usage: months });
    await expectLines(account, "2024-02-01", ["USAGE 410", "TOTAL 410"]);
    await expectLines(account, "2024-03-01", ["USAGE 220", "TOTAL 220"]);
    await expectLines(account, "2024-04-01", ["USAGE 50", "TOTAL 50"]);
  });

  test("by volume: new units at the price that all reach; what is billed stays", async () => {
    // 400 × 1 + 10; 300 × 0.5 + 20, the second band being new; 100 × 0.5, the band being known.
    const bands = [
      [0, 1, 10],
      [500, 0.5, 20],
    ] as const;
    const price = { tiersSpanPlan: true, cumulative: false };
    const { account } = await sell({ bands, price, usage: months });
    await expectLines(account, "2024-02-01", ["USAGE 410", "TOTAL 410"]);
    await expectLines(account, "2024-03-01", ["USAGE 170", "TOTAL 170"]);
    await expectLines(account, "2024-04-01", ["USAGE 50", "TOTAL 50"]);
  });

  test("a maximum is the maximum so far: a lower month costs nothing more", async () => {
    // MAX 40 in January; 30 in February leaves it; 60 in March adds 20.
    const usage = [
      ["2024-01-05", 40],
      ["2024-02-05", 30],
      ["2024-03-05", 60],
    ] as const;
    const { account } = await sell({
      aggregation: { aggregation: "MAX" },
      bands: [[0, 2]],
      price: { tiersSpanPlan: true },
      usage,
    });
    await expectLines(account, "2024-02-01", ["USAGE 80", "TOTAL 80"]);
    await expectLines(account, "2024-03-01", ["TOTAL 0"]);
    await expectLines(account, "2024-04-01", ["USAGE 40", "TOTAL 40"]);
  });

  test("begin again with a new account plan", async () => {
    // 400 × 0.15 until February; then a new attachment of the same plan: 300 × 0.15, not 100 × 0.15 + 200 × 0.10.
    const sold = await sell({
      bands: [
        [0, 0.15],
        [500, 0.1],
      ],
      price: { tiersSpanPlan: true },
      accountPlan: { endDate: "2024-02-01T00:00:00Z" },
      usage: months,
    });
    await scenario.world.attach(sold.account.id, sold.plan.id, {
      startDate: "2024-02-01T00:00:00Z",
    });
    await expectLines(sold.account, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
    await expectLines(sold.account, "2024-03-01", ["USAGE 45", "TOTAL 45"]);
  });
});

describe.concurrent("pricings that give credit (10.5)", () => {
  /** Products A and B with 60 and 40 of usage on one account, and credit pricings on a second aggregation of A. */
  const credited = async (credits: { type: string; price: number }[], [a, b] = [60, 40]) => {
    const first = await sell({ bands: [[0, 1]], usage: [["2024-01-05", a]] });
    const { account, meter, plan } = first;
    await sell({ to: account, bands: [[0, 1]], usage: [["2024-01-05", b]] });
    for (const { type, price } of credits) {
      const aggregationId = await scenario.world.aggregation(meter.id, { aggregation: "COUNT" });
      await scenario.world.price({ planId: plan.id, aggregationId }, [[0, price]], { type });
    }
    return first;
  };

  test("the worked case: a product credit stops at its product, a global one at the bill", async () => {
    // 80 on A (60) → −60; 50 on what is left (40) → −40.
    const { account } = await credited([
      { type: "PRODUCT_CREDIT", price: 80 },
      { type: "GLOBAL_CREDIT", price: 50 },
    ]);
    const credits = ["USAGE_CREDIT -60", "USAGE_CREDIT -40"];
    await expectLines(account, "2024-02-01", ["USAGE 60", "USAGE 40", ...credits, "TOTAL 0"]);
  });

  test("below their caps they are given in full", async () => {
    const { account } = await credited([
      { type: "PRODUCT_CREDIT", price: 25 },
      { type: "GLOBAL_CREDIT", price: 30 },
    ]);
    const credits = ["USAGE_CREDIT -25", "USAGE_CREDIT -30"];
    await expectLines(account, "2024-02-01", ["USAGE 60", "USAGE 40", ...credits, "TOTAL 45"]);
  });

  test("come before prepaid money, which pays only what they leave", async () => {
    // 60 − 25 = 35 and 40: 75 of the 100 are drawn, though 100 are used.
    const { account } = await credited([{ type: "PRODUCT_CREDIT", price: 25 }]);
    await commit(account, 100);
    const drawn = ["COMMITMENT_CONSUMED -35", "COMMITMENT_CONSUMED -40"];
    const used = ["USAGE 60", "USAGE 40", "USAGE_CREDIT -25"];
    await expectLines(account, "2024-02-01", [...used, ...drawn, "TOTAL 0"]);
  });

  test("lower what counts toward a minimum", async () => {
    // Usage 100, credit 30: 70 count; the minimum of 90 is topped up by 20: 100 − 30 + 20 = 90.
    const sold = await sell({
      template: { minimumSpend: 90 },
      bands: [[0, 1]],
      usage: [["2024-01-05", 100]],
    });
    const goodwill = await scenario.world.aggregation(sold.meter.id, { aggregation: "COUNT" });
    await scenario.world.price({ planId: sold.plan.id, aggregationId: goodwill }, [[0, 30]], {
      type: "PRODUCT_CREDIT",
    });
    await expectLines(sold.account, "2024-02-01", [
      "USAGE 100",
      "MINIMUM_SPEND 20",
      "USAGE_CREDIT -30",
      "TOTAL 90",
    ]);
  });
});

describe.concurrent("overage bands (10.6, 15.6)", () => {
  const overage = { overagePricingBands: bandsOf([[0, 0.12]]) };

  test("what a commitment of 60 does not pay is rated by a list of its own", async () => {
    // 600 of 1,000 at 0.10 use up the 60; 400 × 0.12 = 48.
    const sold = await sell({ bands: [[0, 0.1]], price: overage, usage: [["2024-01-05", 1000]] });
    await commit(sold.account, 60);
    const bill = await expectLines(sold.account, "2024-02-01", [
      "USAGE 60",
      "OVERAGE_USAGE 48",
      "COMMITMENT_CONSUMED -60",
      "TOTAL 48",
    ]);
    expect(bill.lineItems.map(({ units }) => units)).toEqual(expect.arrayContaining([600, 400]));
    // Exhausted before: all of February is overage.
    await use(sold, [["2024-02-05", 50]]);
    await expectLines(sold.account, "2024-03-01", ["OVERAGE_USAGE 6", "TOTAL 6"]);
  });

  test("begin at 0 with the units beyond, above which tier these may stand", async () => {
    // 500 × 0.15 = 75 and 250 × 0.10 = 25 use up 100; 50 more: 20 × 0.30 + 30 × 0.20 = 12.
    const { account } = await sell({
      bands: [
        [0, 0.15],
        [500, 0.1],
      ],
      price: {
        overagePricingBands: bandsOf([
          [0, 0.3],
          [20, 0.2],
        ]),
      },
      usage: [["2024-01-05", 800]],
    });
    await fund(account, 100);
    await expectLines(account, "2024-02-01", [
      "USAGE 100",
      "OVERAGE_USAGE 12",
      "BALANCE_CONSUMED -100",
      "TOTAL 12",
    ]);
  });

  test("wait until the credit is used up, and without one never apply", async () => {
    const sold = await sell({ bands: [[0, 0.1]], price: overage, usage: [["2024-01-05", 100]] });
    await expectLines(sold.account, "2024-02-01", ["USAGE 10", "TOTAL 10"]);
    await fund(sold.account, 50, { startDate: "2024-02-01T00:00:00Z" });
    await use(sold, [["2024-02-05", 100]]);
    await expectLines(sold.account, "2024-03-01", ["USAGE 10", "BALANCE_CONSUMED -10", "TOTAL 0"]);
  });

  test("give way to a surcharge", async () => {
    // 40 of 100 uncovered at their ordinary price, and 25 % of them on top.
    const { account } = await sell({
      bands: [[0, 1]],
      price: overage,
      usage: [["2024-01-05", 100]],
    });
    await commit(account, 60, { overageSurchargePercent: 25 });
    await expectLines(account, "2024-02-01", [
      "USAGE 100",
      "COMMITMENT_CONSUMED -60",
      "OVERAGE_SURCHARGE 10",
      "TOTAL 50",
    ]);
  });

  test("are refused by volume and with tiers that span the plan", async () => {
    for (const price of [{ cumulative: false }, { tiersSpanPlan: true }]) {
      await expect(sell({ bands: [[0, 1]], price: { ...overage, ...price } })).rejects.toThrow(
        / 400 /,
      );
    }
  });
});
