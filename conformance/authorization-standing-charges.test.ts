import { describe, expect, test } from "vitest";
import { changingCatalog, june } from "./catalog-changes.ts";

/** Of what a wallet has paid, what a bill of other plans leaves alone; and who gives back where no plan is left. */

const { world, sell, open, change, remove } = changingCatalog();

/** What an account bought, which is no more: 30 units at a dollar each, and the bill's run that finds it gone. */
const openWithdrawn = async () => {
  const sold = await sell();
  const payer = await open();
  const attached = await payer.attach(sold.planId);
  await payer.use(sold.meter, 30);
  return { ...sold, payer, attached };
};

describe("what another bill claims stays", () => {
  test("that of a plan by another cadence, in a period that has ended or not", async () => {
    const { pricingId, payer } = await openWithdrawn();
    const [weekly, annual] = [
      await sell({ billFrequency: "WEEKLY" }),
      await sell({ billFrequency: "ANNUALLY", minimumSpend: 100 }),
    ];
    for (const { planId } of [weekly, annual]) await payer.attach(planId);
    await payer.use(weekly.meter, 7);
    await payer.use(annual.meter, 9);
    await remove(`pricings/${pricingId}`);
    expect(await payer.lines()).toEqual(["TOTAL 0"]);
    // 1000 less 7 and 9: the 30 are back.
    expect(await payer.balance()).toBe("984");
  });

  test("that of the parent's plan, on a bill of the child's own, and the other way", async () => {
    const parent = await open();
    const child = await open(parent.code);
    const shared = await sell();
    await parent.attach(shared.planId);
    const own = await sell();
    await child.attach(own.planId, { childBillingMode: "CHILD" });
    await child.use(shared.meter, 3);
    await child.use(own.meter, 5);
    expect(await child.lines()).toEqual(["BALANCE_CONSUMED -5", "TOTAL 0", "USAGE 5"]);
    expect(await child.balance()).toBe("992");
    await world().bill(parent.id, june);
    expect(await child.balance()).toBe("992");
  });

  test("a child's share, where each is billed for its own", async () => {
    const parent = await open();
    const [one, other] = [await open(parent.code), await open(parent.code)];
    const shared = await sell();
    await parent.attach(shared.planId, { childBillingMode: "CHILD" });
    await one.use(shared.meter, 3);
    await other.use(shared.meter, 4);
    expect(await one.lines()).toEqual(["BALANCE_CONSUMED -3", "TOTAL 0", "USAGE 3"]);
    await world().bill(parent.id, june);
    expect(await other.lines()).toEqual(["BALANCE_CONSUMED -4", "TOTAL 0", "USAGE 4"]);
    expect([await one.balance(), await other.balance()]).toEqual(["997", "996"]);
    // Nobody charges it any more, but the other's bill stands until it is made again.
    await remove(`pricings/${shared.pricingId}`);
    await world().bill(one.id, june);
    expect([await one.balance(), await other.balance()]).toEqual(["1000", "996"]);
    await world().bill(other.id, june);
    expect(await other.balance()).toBe("1000");
  });

  test("that of a parent whose child it is no more, as long as that bill stands", async () => {
    const parent = await open();
    const child = await open(parent.code);
    const shared = await sell();
    const monthly = await sell();
    await parent.attach(shared.planId);
    await child.attach(monthly.planId, { childBillingMode: "CHILD" });
    await child.use(shared.meter, 3);
    const [bill] = await world().bill(parent.id, june);
    await world().approve(bill?.id ?? "");
    await change(`accounts/${child.id}`, { parentAccountId: undefined });
    await world().bill(child.id, june);
    expect(await child.balance()).toBe("997");
  });

  test("that of a bill that is approved", async () => {
    const { meter, pricingId, payer } = await openWithdrawn();
    const [may] = await world().bill(payer.id, june);
    await world().approve(may?.id ?? "");
    await payer.use(meter, 2, { ts: "2024-06-20T12:00:00Z" });
    await remove(`pricings/${pricingId}`);
    expect(await payer.lines("2024-07-01")).toEqual(["TOTAL 0"]);
    // The 2 of June are back.
    expect(await payer.balance()).toBe("970");
  });
});

/**
 * A formula counts two meters until the middle of May, and another plan prices one of them all month: they are settled
 * together, and what is missing may be paid for a meter that nothing prices any more at the end of the month.
 */
test.each([0, 1])(
  "that of what is settled together, whichever meter it was paid for: %s",
  async (which) => {
    const productId = await world().product();
    const meters = [await world().meter(), await world().meter()];
    const codes = [world().fresh("sum"), world().fresh("sum")];
    const sums = [];
    for (const [nth, code] of codes.entries())
      sums.push(await world().aggregation(meters[nth]?.id ?? "", { code }));
    const formula = await world().plan(productId);
    const compoundAggregationId = await world().create("compoundaggregations", {
      name: "Both",
      code: world().fresh("formula"),
      productId,
      calculation: codes.map((code) => `aggregation.${code}`).join(" + "),
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "unit",
    });
    await world().price({ planId: formula.id, compoundAggregationId }, [[0, 1]]);
    const simple = await world().plan(await world().product());
    await world().price({ planId: simple.id, aggregationId: sums[which] }, [[0, 1]]);
    const payer = await open();
    await payer.attach(formula.id, { endDate: "2024-05-15T00:00:00Z" });
    await payer.attach(simple.id);
    const estimate = { ts: "2024-05-05T12:00:00Z", amount: "4", asset: "USD" };
    await payer.use(meters[which]?.code ?? "", 10, estimate);
    await payer.use(meters[1 - which]?.code ?? "", 1, estimate);
    await payer.lines();
    // 11 by the formula, 10 by the other.
    expect(await payer.balance()).toBe("979");
    const moves = await payer.moves();
    await payer.lines();
    expect(await payer.moves()).toBe(moves);
  },
);

describe("what the caller priced stays", () => {
  test("where the plan that never priced it has gone", async () => {
    const { meter, planId } = await sell();
    const payer = await open();
    const attached = await payer.attach(planId);
    const other = (await sell()).meter;
    await payer.use(other, 1, { amount: "8", asset: "USD" });
    // An estimate for what the plan does price: the close takes 6 more.
    await payer.use(meter, 10, { amount: "4", asset: "USD" });
    await payer.lines();
    expect(await payer.balance()).toBe("982");
    await change(`accountplans/${attached}`, { endDate: "2024-05-01T00:00:00Z" });
    const [bill] = await world().bills(payer.id, june);
    await world().finish(await world().create("billjobs/recalculate", { billIds: [bill?.id] }));
    expect(await payer.balance()).toBe("988");
  });
});

test("a period that has not ended gives nothing back", async () => {
  const { meter, planId, pricingId } = await sell();
  const payer = await open();
  await payer.attach(planId);
  await payer.use(meter, 30, { ts: new Date(Date.now() - 1000).toISOString() });
  await remove(`pricings/${pricingId}`);
  await world().finish(await world().startJob({ accountIds: [payer.id] }));
  expect(await payer.balance()).toBe("970");
});

describe("an account without a plan", () => {
  test("is given back by any run of the date, also by one for all accounts", async () => {
    const { payer, attached } = await openWithdrawn();
    await remove(`accountplans/${attached}`);
    expect(await world().bill(payer.id, "2024-05-01")).toEqual([]);
    expect(await payer.balance()).toBe("970");
    await world().finish(await world().startJob({ billDate: june }));
    expect(await world().bills(payer.id, june)).toEqual([]);
    expect(await payer.balance()).toBe("1000");
  });

  test.each([{}, { childBillingMode: "CHILD" }])(
    "is given back what it paid for its parent's, %j",
    async (mode) => {
      const [ofParent, ofChild] = [await open(), await open()];
      for (const head of [ofParent, ofChild]) {
        const child = await open(head.code);
        const { meter, planId } = await sell();
        const attached = await head.attach(planId, mode);
        await child.use(meter, 30);
        await remove(`accountplans/${attached}`);
        const { id } = head === ofParent ? head : child;
        expect(await world().bill(id, june)).toEqual([]);
        expect(await child.balance()).toBe("1000");
      }
    },
  );

  test("is given back by a run that names it, where the plan is no longer billed by itself", async () => {
    const { templateId, payer } = await openWithdrawn();
    await change(`plantemplates/${templateId}`, { billFrequency: "AD_HOC" });
    expect(await world().bill(payer.id, june)).toEqual([]);
    expect(await payer.balance()).toBe("1000");
  });

  test("is given back by its bill when that is calculated again, and not before", async () => {
    const { payer, attached } = await openWithdrawn();
    const paid = ["BALANCE_CONSUMED -30", "TOTAL 0", "USAGE 30"];
    expect(await payer.lines()).toEqual(paid);
    await remove(`accountplans/${attached}`);
    // Nothing asks for the bill any more: it stands, and says what the wallet has paid.
    expect(await payer.lines()).toEqual(paid);
    expect(await payer.balance()).toBe("970");
    const [bill] = await world().bills(payer.id, june);
    const again = { billIds: [bill?.id] };
    for (const _ of ["once", "again"]) {
      await world().finish(await world().create("billjobs/recalculate", again));
      expect(await payer.balance()).toBe("1000");
    }
    expect(await world().bills(payer.id, june)).toMatchObject([{ lineItems: [], billTotal: 0 }]);
  });
});
