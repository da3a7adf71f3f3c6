import { expect, test } from "vitest";
import { changingCatalog, minimal } from "./catalog-changes.ts";

/** What a wallet has paid for what is taken out of the catalog before the bill is final: it comes back, and is not taken again. */

const { world, wallets, sell, open, change, remove, group, attachGroup, openMinimal } =
  changingCatalog();

test("a minimum is taken once where the plan is attached anew", async () => {
  const { sold, payer, attached } = await openMinimal();
  await remove(`accountplans/${attached}`);
  await payer.attach(sold.planId);
  expect(await payer.lines()).toEqual(minimal);
  expect(await payer.balance()).toBe("969");
});

test("a minimum is taken once where a plan group takes the plan's place", async () => {
  const { sold, payer, attached } = await openMinimal();
  const { id: planGroupId } = await group([sold.planId], 31);
  await remove(`accountplans/${attached}`);
  await attachGroup(payer.id, planGroupId);
  expect(await payer.lines()).toEqual(minimal);
  expect(await payer.balance()).toBe("969");
});

test("a minimum is taken once where the plan is said to have ended before the month", async () => {
  const { sold, payer, attached } = await openMinimal();
  const startDate = "2024-05-01T00:00:00Z";
  await change(`accountplans/${attached}`, { endDate: startDate });
  await payer.attach(sold.planId, { startDate });
  expect(await payer.lines()).toEqual(minimal);
  expect(await payer.balance()).toBe("969");
});

test("a minimum is taken once where the plan is said to begin after the month", async () => {
  const { sold, payer, attached } = await openMinimal();
  const endDate = "2024-06-01T00:00:00Z";
  await change(`accountplans/${attached}`, { startDate: endDate });
  await payer.attach(sold.planId, { endDate });
  expect(await payer.lines()).toEqual(minimal);
  expect(await payer.balance()).toBe("969");
});

test("a minimum that the plan has no more comes back", async () => {
  const { sold, payer } = await openMinimal();
  await change(`plantemplates/${sold.templateId}`, { minimumSpend: 0 });
  expect(await payer.lines()).toEqual(["BALANCE_CONSUMED -5", "TOTAL 0", "USAGE 5"]);
  expect(await payer.balance()).toBe("995");
});

test("a minimum that the plan group has no more comes back", async () => {
  const { meter, planId } = await sell();
  const { id: planGroupId } = await group([planId], 31);
  const payer = await open();
  await attachGroup(payer.id, planGroupId);
  await payer.use(meter, 5);
  expect(await payer.lines()).toEqual(minimal);
  await change(`plangroups/${planGroupId}`, { minimumSpend: undefined });
  expect(await payer.lines()).toEqual(["BALANCE_CONSUMED -5", "TOTAL 0", "USAGE 5"]);
  expect(await payer.balance()).toBe("995");
});

test("usage comes back whose plan leaves the group, as it does whose price ends", async () => {
  const [one, other] = [await sell(), await sell()];
  const { id: planGroupId, links } = await group([one.planId, other.planId], 100);
  const payer = await open();
  await attachGroup(payer.id, planGroupId);
  await payer.use(one.meter, 30);
  await payer.use(other.meter, 20);
  expect((await payer.lines()).at(-1)).toBe("USAGE 30");
  expect(await payer.balance()).toBe("900");
  await remove(`plangrouplinks/${links[1]}`);
  expect(await payer.lines()).toEqual([
    "BALANCE_CONSUMED -30",
    "BALANCE_CONSUMED -70",
    "MINIMUM_SPEND 70",
    "TOTAL 0",
    "USAGE 30",
  ]);
  // The group's minimum, and nothing above it.
  expect(await payer.balance()).toBe("900");
});

test.each(["ends", "is removed"])("usage comes back whose price %s", async (how) => {
  const { meter, planId, pricingId } = await sell();
  const payer = await open();
  await payer.attach(planId);
  await payer.use(meter, 30);
  const path = `pricings/${pricingId}`;
  if (how === "ends") await change(path, { endDate: "2024-05-15T00:00:00Z" });
  else await remove(path);
  expect(await payer.lines()).toEqual(["TOTAL 0"]);
  expect(await payer.balance()).toBe("1000");
});

test("what the close took for usage is taken once where an end is set afterwards", async () => {
  const { meter, planId } = await sell();
  const payer = await open();
  const attached = await payer.attach(planId);
  // An estimate: the close takes six more, and dates them the last moment of the month.
  await payer.use(meter, 10, { ts: "2024-05-05T12:00:00Z", amount: "4", asset: "USD" });
  const paid = ["BALANCE_CONSUMED -10", "TOTAL 0", "USAGE 10"];
  expect(await payer.lines()).toEqual(paid);
  expect(await payer.balance()).toBe("990");
  for (const endDate of ["2024-05-15T00:00:00Z", "2024-05-10T00:00:00Z", undefined]) {
    await change(`accountplans/${attached}`, { endDate });
    expect(await payer.lines()).toEqual(paid);
    expect(await payer.balance()).toBe("990");
  }
});

test("what the close took for usage is taken once where the epoch of the bills is moved afterwards", async () => {
  const { meter, planId } = await sell();
  const payer = await open();
  const attached = await payer.attach(planId);
  await payer.use(meter, 10, { ts: "2024-05-05T12:00:00Z", amount: "4", asset: "USD" });
  expect(await payer.lines()).toEqual(["BALANCE_CONSUMED -10", "TOTAL 0", "USAGE 10"]);
  await change(`accountplans/${attached}`, { billEpoch: "2024-01-15" });
  for (const billDate of ["2024-05-15", "2024-06-15"]) await world().bill(payer.id, billDate);
  expect(await payer.balance()).toBe("990");
});

test("what the close took for a meter is taken once where another is counted with it", async () => {
  const [one, other] = [await sell(), await sell()];
  const payer = await open();
  const attached = await payer.attach(one.planId);
  await payer.use(one.meter, 10, { ts: "2024-05-05T12:00:00Z", amount: "4", asset: "USD" });
  expect(await payer.lines()).toEqual(["BALANCE_CONSUMED -10", "TOTAL 0", "USAGE 10"]);
  await remove(`accountplans/${attached}`);
  for (const { planId } of [one, other]) await payer.attach(planId);
  expect(await payer.lines()).toEqual(["BALANCE_CONSUMED -10", "TOTAL 0", "USAGE 10"]);
  expect(await payer.balance()).toBe("990");
});

test.each([
  ["usage", {}],
  // The plan charges it all the same, so that this was its estimate.
  ["an estimate", { amount: "30", asset: "USD" }],
])("%s comes back whose plan's currency becomes another", async (_, price) => {
  const { meter, planId, templateId } = await sell();
  const payer = await open();
  await payer.attach(planId);
  await payer.use(meter, 30, price);
  expect(await payer.lines()).toEqual(["BALANCE_CONSUMED -30", "TOTAL 0", "USAGE 30"]);
  await world().configure({ currencyConversions: [{ from: "EUR", to: "USD", multiplier: 2 }] });
  await change(`plantemplates/${templateId}`, { currency: "EUR" });
  // 30 euros on the invoice: the 30 dollars have paid for nothing.
  expect(await payer.lines()).toEqual(["TOTAL 60", "USAGE 60"]);
  expect(await payer.balance()).toBe("1000");
});

const weekly = { startDate: "2024-06-24T00:00:00Z", billEpoch: "2024-06-24" };

/** Two plans with a minimum, one billed by the week, that are both attached anew: on July 1 a week and June end. */
const openBoth = async () => {
  const monthly = await sell({ minimumSpend: 30 });
  const week = await sell({ minimumSpend: 7, billFrequency: "WEEKLY" });
  const payer = await open();
  const attached = [await payer.attach(monthly.planId), await payer.attach(week.planId, weekly)];
  await payer.use(monthly.meter, 5, { ts: "2024-06-10T12:00:00Z" });
  await payer.use(week.meter, 2, { ts: "2024-06-26T12:00:00Z" });
  const july = "2024-07-01";
  expect(await world().bill(payer.id, july)).toHaveLength(2);
  expect(await payer.balance()).toBe("963");
  for (const id of attached) await remove(`accountplans/${id}`);
  await payer.attach(monthly.planId);
  await payer.attach(week.planId, weekly);
  return { payer, july };
};

test("two bills of one run give back each what is theirs, once", async () => {
  const { payer, july } = await openBoth();
  expect(await world().bill(payer.id, july)).toHaveLength(2);
  expect(await payer.balance()).toBe("963");
  const moves = await payer.moves();
  expect(await world().bill(payer.id, july)).toHaveLength(2);
  expect(await payer.moves()).toBe(moves);
});

test("runs at the same time give it back once", async () => {
  const { payer, july } = await openBoth();
  const order = { billDate: july, accountIds: [payer.id] };
  const jobs = await Promise.all([1, 2, 3].map(() => world().startJob(order)));
  await Promise.all(jobs.map((job) => world().finish(job)));
  expect(await payer.balance()).toBe("963");
});

test("a call whose money came back has none left to refund", async () => {
  const { meter, planId, pricingId } = await sell();
  const payer = await open();
  await payer.attach(planId);
  const uid = world().fresh("call");
  await payer.use(meter, 30, { uid });
  await remove(`pricings/${pricingId}`);
  await payer.lines();
  expect(await wallets().status("refunds", { uid: world().fresh("refund"), of: uid })).toBe(409);
  expect(await payer.balance()).toBe("1000");
});

test("where the price is there again the wallet pays again", async () => {
  const [one, other] = [await sell(), await sell()];
  const payer = await open();
  const attached = await payer.attach(one.planId);
  await payer.attach(other.planId);
  await payer.use(one.meter, 30);
  await payer.use(other.meter, 4);
  await change(`accountplans/${attached}`, { endDate: "2024-05-01T00:00:00Z" });
  expect(await payer.lines()).toEqual(["BALANCE_CONSUMED -4", "TOTAL 0", "USAGE 4"]);
  expect(await payer.balance()).toBe("996");
  await change(`accountplans/${attached}`, { endDate: undefined });
  expect((await payer.lines()).slice(2)).toEqual(["TOTAL 0", "USAGE 30", "USAGE 4"]);
  expect(await payer.balance()).toBe("966");
});
