import { describe, expect, test } from "vitest";
import { waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * What a wallet paid stands on the bill of what it paid for, and of nothing else: a bill that is paid is zero. A unit costs one
 * dollar; all is used in May 2024 and billed on June 1.
 */

const june = "2024-06-01";

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

interface Payer {
  readonly id: string;
  readonly code: string;
}

/** A product with a meter that a plan prices. */
const sell = async (template = {}) => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const { id: planId } = await world().plan(productId, template);
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId, aggregationId }, [[0, 1]]);
  return { productId, meter: meter.code, planId, aggregationId };
};

const open = async (parent?: Payer): Promise<Payer> => {
  const code = world().fresh("wallet");
  const id = await wallets().account(code, parent?.code);
  await wallets().grant(code, "1000");
  return { id, code };
};

const use = ({ code: account }: Payer, meter: string, date: string, amount: number) =>
  wallets().authorize({
    uid: world().fresh("call"),
    account,
    meter,
    ts: `2024-${date}T12:00:00Z`,
    measure: { amount },
  });

const balanceOf = async ({ code }: Payer): Promise<string> =>
  (await wallets().wallet(code)).balance;

test("parent and child that are billed themselves each draw what they paid, whoever is first", async () => {
  const { meter, planId } = await sell();
  const parent = await open();
  const child = await open(parent);
  await world().attach(parent.id, planId, { childBillingMode: "CHILD" });
  await use(parent, meter, "05-15", 14);
  await use(child, meter, "05-15", 11);
  const family = [parent, child];
  const together = { billDate: june, accountIds: family.map(({ id }) => id) };
  await world().finish(await world().startJob(together));
  for (const { id } of [...family, ...family.toReversed()]) {
    expect(await world().bills(id, june)).toMatchObject([{ billTotal: 0 }]);
    expect((await world().lines(id, june)).at(-1)).toBe("TOTAL 0");
  }
  expect(await Promise.all(family.map(balanceOf))).toEqual(["986", "989"]);
});

test("each wallet of a family pays its own part of what the bill shows as one line for all", async () => {
  const { meter, planId } = await sell({ minimumSpend: 20 });
  const parent = await open();
  const child = await open(parent);
  const family = [parent, child];
  const attached = { childBillingMode: "PARENT_SUMMARY" };
  for (const { id } of family) await world().attach(id, planId, attached);
  await use(parent, meter, "05-15", 14);
  await use(child, meter, "05-15", 11);
  for (let times = 0; times < 2; times += 1) {
    expect((await world().lines(parent.id, june)).toSorted()).toEqual([
      "BALANCE_CONSUMED -20",
      "BALANCE_CONSUMED -20",
      "MINIMUM_SPEND 15",
      "TOTAL 0",
      "USAGE 25",
    ]);
    expect(await Promise.all(family.map(balanceOf))).toEqual(["980", "980"]);
  }
  const [bill] = await world().bills(parent.id, june);
  await world().approve(bill?.id ?? "");
  // Approved, the bill is compared with what was paid, and nothing moves. June's minimums are the invoice's.
  expect((await world().lines(parent.id, "2024-07-01")).at(-1)).toBe("TOTAL 40");
  expect(await Promise.all(family.map(balanceOf))).toEqual(["980", "980"]);
});

test("a minimum spend is paid beside a plan of another product that begins inside the month", async () => {
  const minimal = await sell({ minimumSpend: 62 });
  const other = await sell();
  const payer = await open();
  await world().attach(payer.id, minimal.planId);
  await world().attach(payer.id, other.planId, { startDate: "2024-05-15T00:00:00Z" });
  await use(payer, minimal.meter, "05-10", 18);
  await use(payer, other.meter, "05-20", 30);
  expect((await world().lines(payer.id, june)).toSorted()).toEqual([
    "BALANCE_CONSUMED -18",
    "BALANCE_CONSUMED -30",
    "BALANCE_CONSUMED -44",
    "MINIMUM_SPEND 44",
    "TOTAL 0",
    "USAGE 18",
    "USAGE 30",
  ]);
  expect(await balanceOf(payer)).toBe("908");
});

test("a minimum spend is paid of a plan that another one has followed", async () => {
  const { meter, planId, aggregationId, productId } = await sell({ minimumSpend: 62 });
  const { id: next } = await world().plan(productId);
  await world().price({ planId: next, aggregationId }, [[0, 1]]);
  const payer = await open();
  const middle = "2024-05-15T00:00:00Z";
  await world().attach(payer.id, planId, { endDate: middle });
  await world().attach(payer.id, next, { startDate: middle });
  await use(payer, meter, "05-10", 18);
  await use(payer, meter, "05-20", 30);
  const lines = await world().lines(payer.id, june);
  // 62 × 14/31 are 28, of which 18 are used.
  expect(lines).toContain("MINIMUM_SPEND 10");
  expect(lines.at(-1)).toBe("TOTAL 0");
  expect(await balanceOf(payer)).toBe("942");
});

test("a minimum spend is paid of one of two plans that price a meter together", async () => {
  const meter = await world().meter();
  const aggregationId = await world().aggregation(meter.id);
  const payer = await open();
  for (const template of [{}, { minimumSpend: 62 }, {}]) {
    const { id: planId } = await world().plan(await world().product(), template);
    await world().price({ planId, aggregationId }, [[0, 1]]);
    await world().attach(payer.id, planId);
  }
  await use(payer, meter.code, "05-10", 18);
  const lines = await world().lines(payer.id, june);
  expect(lines).toContain("MINIMUM_SPEND 44");
  expect(lines.at(-1)).toBe("TOTAL 0");
  // Three plans charge 18 each, one of them 44 more.
  expect(await balanceOf(payer)).toBe("902");
});

test("an approved bill stays paid when its minimum spend takes the place of usage", async () => {
  const { meter, planId } = await sell({ minimumSpend: 62 });
  const payer = await open();
  await world().attach(payer.id, planId);
  await use(payer, meter, "05-10", 18);
  const { uid } = await use(payer, meter, "05-20", 44);
  const [bill] = await world().bill(payer.id, june);
  await world().approve(bill?.id ?? "");
  await waitForRelay(url());
  await wallets().post(`measurements/${uid}/void`, { reason: "it was wrong" });
  await waitForVoids(url());
  // May costs 62 as before. June's 62 are the invoice's: the wallet was not opened yet and has paid nothing of it.
  expect((await world().lines(payer.id, "2024-07-01")).toSorted()).toEqual([
    "BALANCE_CONSUMED -44",
    "BALANCE_CONSUMED 44",
    "MINIMUM_SPEND 44",
    "MINIMUM_SPEND 62",
    "TOTAL 62",
    "USAGE -44",
  ]);
  expect(await balanceOf(payer)).toBe("938");
});

describe("a wallet that is filled after a month leaves the month to the invoice", () => {
  /** 18 units of May without a wallet, of a plan that costs 62 a month at least; then the wallet is there. */
  const filledLate = async (): Promise<Payer & { readonly meter: string }> => {
    const { meter, planId } = await sell({ minimumSpend: 62 });
    const code = world().fresh("late");
    const payer = { id: await wallets().account(code), code };
    await world().attach(payer.id, planId, { startDate: "2024-05-01T00:00:00Z" });
    await world().use(meter, code, [["2024-05-10", 18]]);
    await wallets().grant(code, "1000");
    return { ...payer, meter };
  };
  const invoiced = ["MINIMUM_SPEND 44", "TOTAL 62", "USAGE 18"];

  test("whenever May is billed", async () => {
    const payer = await filledLate();
    for (let times = 0; times < 2; times += 1) {
      expect((await world().lines(payer.id, june)).toSorted()).toEqual(invoiced);
      expect(await balanceOf(payer)).toBe("1000");
    }
    expect(await world().lines(payer.id, "2024-07-01")).toEqual(["MINIMUM_SPEND 62", "TOTAL 62"]);
    expect((await world().lines(payer.id, june)).toSorted()).toEqual(invoiced);
    expect(await balanceOf(payer)).toBe("1000");
  });

  test("until it pays for usage of May: then it pays for May, and what was invoiced is given back", async () => {
    const payer = await filledLate();
    const [bill] = await world().bill(payer.id, june);
    await world().approve(bill?.id ?? "");
    await use(payer, payer.meter, "05-20", 5);
    for (let times = 0; times < 2; times += 1) {
      // 62 of June, less the 62 that May's bill has asked for: 23 of usage and 39 of minimum are the wallet's now.
      expect((await world().lines(payer.id, "2024-07-01")).toSorted()).toEqual([
        "BALANCE_CONSUMED -23",
        "BALANCE_CONSUMED -39",
        "MINIMUM_SPEND -5",
        "MINIMUM_SPEND 62",
        "TOTAL 0",
        "USAGE 5",
      ]);
      expect(await balanceOf(payer)).toBe("938");
    }
  });
});

describe("what the invoice gives back of usage goes back to the wallet that paid for it", () => {
  test("of a minimum spend that was billed in advance", async () => {
    const { meter, planId } = await sell({ minimumSpend: 62, minimumSpendBillInAdvance: true });
    const payer = await open();
    await world().attach(payer.id, planId, { startDate: "2024-05-01T00:00:00Z" });
    expect(await world().lines(payer.id, "2024-05-01")).toEqual(["MINIMUM_SPEND 62", "TOTAL 62"]);
    await use(payer, meter, "05-15", 10);
    // June's minimum; May's has paid for the usage.
    const covered = ["MINIMUM_SPEND 62", "MINIMUM_SPEND_REFUND -10", "TOTAL 62", "USAGE 10"];
    expect((await world().lines(payer.id, june)).toSorted()).toEqual(covered);
    expect(await balanceOf(payer)).toBe("1000");
    await use(payer, meter, "05-16", 60);
    const beyond = (await world().lines(payer.id, june)).toSorted();
    expect(beyond).toEqual([
      "BALANCE_CONSUMED -8",
      "MINIMUM_SPEND 62",
      "MINIMUM_SPEND_REFUND -62",
      "TOTAL 62",
      "USAGE 70",
    ]);
    expect(await balanceOf(payer)).toBe("992");
    expect((await world().lines(payer.id, june)).toSorted()).toEqual(beyond);
    expect(await balanceOf(payer)).toBe("992");
  });

  test("of a parent, before it lowers what its child pays on the same bill", async () => {
    const { meter, productId, planId, aggregationId } = await sell({
      minimumSpend: 62,
      minimumSpendBillInAdvance: true,
    });
    const { id: plain } = await world().plan(productId);
    await world().price({ planId: plain, aggregationId }, [[0, 1]]);
    const parent = await open();
    const child = await open(parent);
    const startDate = "2024-05-01T00:00:00Z";
    // The child's plan is the older one: its lines are drawn first.
    await world().attach(child.id, plain, { startDate });
    await world().attach(parent.id, planId, { startDate });
    await world().bill(parent.id, "2024-05-01");
    await use(child, meter, "05-15", 10);
    await use(parent, meter, "05-15", 10);
    const family = [parent, child];
    expect((await world().lines(parent.id, june)).toSorted()).toEqual([
      `BALANCE_CONSUMED ${child.code} -10`,
      "MINIMUM_SPEND 62",
      "MINIMUM_SPEND_REFUND -10",
      "TOTAL 62",
      "USAGE 10",
      `USAGE ${child.code} 10`,
    ]);
    expect(await Promise.all(family.map(balanceOf))).toEqual(["1000", "990"]);
  });

  test("of a standing charge that was billed in advance beyond the plan's end", async () => {
    const { meter, planId } = await sell({ standingCharge: 31, standingChargeBillInAdvance: true });
    const payer = await open();
    const attached = await world().attach(payer.id, planId, { startDate: "2024-05-01T00:00:00Z" });
    expect((await world().lines(payer.id, "2024-05-01")).at(-1)).toBe("TOTAL 31");
    const before = await world().get(`accountplans/${attached}`);
    const ended = { ...before, endDate: "2024-05-15T00:00:00Z" };
    await world().api.call("PUT", `accountplans/${attached}`, ended);
    await use(payer, meter, "05-10", 20);
    // 17 of 31 days were not used; they pay for usage before the wallet does.
    expect((await world().lines(payer.id, june)).toSorted()).toEqual([
      "BALANCE_CONSUMED -3",
      "STANDING_CHARGE -17",
      "TOTAL 0",
      "USAGE 20",
    ]);
    expect(await balanceOf(payer)).toBe("997");
  });

  test("of a meter of which more was taken back than used", async () => {
    const { meter, planId, productId } = await sell();
    const returned = await world().meter(productId);
    const aggregationId = await world().aggregation(returned.id);
    await world().price({ planId, aggregationId }, [[0, 1]]);
    const payer = await open();
    await world().attach(payer.id, planId);
    await use(payer, meter, "05-10", 20);
    await world().use(returned.code, payer.code, [["2024-05-12", -5]]);
    expect((await world().lines(payer.id, june)).toSorted()).toEqual([
      "BALANCE_CONSUMED -15",
      "TOTAL 0",
      "USAGE -5",
      "USAGE 20",
    ]);
    expect(await balanceOf(payer)).toBe("985");
  });

  test("of a credit for all products beside one for a product, which leaves it the others", async () => {
    const { meter, planId, productId } = await sell();
    const credit = async (type: string): Promise<string> => {
      const counted = await world().meter(productId);
      const aggregationId = await world().aggregation(counted.id);
      await world().price({ planId, aggregationId }, [[0, 1]], { type });
      return counted.code;
    };
    // The older price is the one that is printed first.
    const forAll = await credit("GLOBAL_CREDIT");
    const forProduct = await credit("PRODUCT_CREDIT");
    const other = await sell();
    const payer = await open();
    for (const id of [planId, other.planId]) await world().attach(payer.id, id);
    await use(payer, meter, "05-10", 60);
    await use(payer, other.meter, "05-10", 40);
    await world().use(forAll, payer.code, [["2024-05-12", 50]]);
    await world().use(forProduct, payer.code, [["2024-05-12", 80]]);
    expect((await world().lines(payer.id, june)).at(-1)).toBe("TOTAL 0");
    expect(await balanceOf(payer)).toBe("1000");
  });
});
