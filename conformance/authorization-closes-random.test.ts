import { expect, test } from "vitest";
import { rowsOf } from "./billing-world.ts";
import { waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { type Dice, diceOf } from "./random-family.ts";
import { type Bands, ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * Whatever a meter counts and a price makes of it: in whatever order the bills of a plan that changes within a month are made,
 * approved and locked, with holds that outlive the month and refunds behind its close, the wallet has paid in the end what all
 * usage that stands comes to (I19), and the bills ask for that, paid.
 */

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 3);
const firstSeed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const seeds = Array.from({ length: runs }, (_, nth) => firstSeed + nth);

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

/** Prices by unit, and of stairs what the whole costs; no quantity is on a limit. */
interface Price {
  readonly isGraduated: boolean;
  readonly bands: Bands;
}

const prices: readonly Price[] = [
  { isGraduated: true, bands: [[0, 0.5]] },
  {
    isGraduated: true,
    bands: [
      [0, 0.1],
      [20.5, 0.4],
      [40.5, 0.2],
    ],
  },
  {
    isGraduated: false,
    bands: [
      [0, 0.5],
      [20.5, 0.2],
    ],
  },
  {
    isGraduated: false,
    bands: [
      [0, 0, 0],
      [2.5, 0, 4],
      [25.5, 0, 9],
    ],
  },
];

/** In dollars. */
const worth = ({ isGraduated, bands }: Price, units: number): number => {
  if (!isGraduated) {
    const [, unitPrice = 0, fixed = 0] = bands.findLast(([limit]) => limit < units) ?? [];
    return unitPrice * units + fixed;
  }
  return bands.reduce((sum, [limit, unitPrice], nth) => {
    const end = bands[nth + 1]?.[0] ?? Infinity;
    return sum + Math.max(0, Math.min(units, end) - limit) * unitPrice;
  }, 0);
};

interface Use {
  readonly uid: string;
  readonly ts: string;
  readonly units: number;
  readonly region: string;
}

const counted: Readonly<Record<string, (uses: readonly Use[]) => number>> = {
  SUM: (uses) => uses.reduce((sum, { units }) => sum + units, 0),
  COUNT: (uses) => uses.length,
  MAX: (uses) => Math.max(0, ...uses.map(({ units }) => units)),
  LATEST: (uses) => uses.toSorted((a, b) => (a.ts < b.ts ? -1 : 1)).at(-1)?.units ?? 0,
  UNIQUE: (uses) => new Set(uses.map(({ region }) => region)).size,
};

/** The second plan takes the first one's place in the middle of May. */
const change = "2024-05-16T00:00:00Z";
const pieces = ["2024-05-01", change, "2024-06-01", "2024-07-01"] as const;
const dates = ["2024-06-01", "2024-07-01"] as const;
const last = "2024-08-01";

const open = async (dice: Dice, name: string) => {
  const aggregation = dice.pick(["SUM", "SUM", "COUNT", "MAX", "LATEST", "UNIQUE"]);
  const productId = await world().product();
  const meter = await world().meter(productId);
  const targetField = aggregation === "UNIQUE" ? "region" : "amount";
  const aggregationId = await world().aggregation(meter.id, { aggregation, targetField });
  const code = world().fresh(name);
  const id = await wallets().account(code);
  const sold = [dice.pick(prices), dice.pick(prices)] as const;
  for (const [nth, { bands, isGraduated }] of sold.entries()) {
    const plan = await world().plan(productId);
    await world().price({ planId: plan.id, aggregationId }, bands, { cumulative: isGraduated });
    await world().attach(id, plan.id, nth === 0 ? { endDate: change } : { startDate: change });
  }
  // Spent before the others, and not for the close of anything else.
  const own = { priority: 1, purpose: "promotional", appliesTo: { products: [productId] } };
  await wallets().grant(code, `${dice.pick([1, 7, 30])}`, own);
  await wallets().grant(code, "1000");
  const { balance } = await wallets().wallet(code);
  return {
    dice,
    id,
    code,
    aggregation,
    meter: meter.code,
    sold,
    funds: Number(balance),
    uses: new Map<string, Use>(),
    held: new Map<string, Use>(),
    log: [`${aggregation} at ${JSON.stringify(sold)}`],
  };
};
type Opened = Awaited<ReturnType<typeof open>>;

/** What all that stands comes to: the first plan's half of May, and the second one's half and June. */
const due = ({ aggregation, sold: [first, second], uses }: Opened): number => {
  const count = counted[aggregation];
  if (count === undefined) throw new Error(aggregation);
  return [first, second, second].reduce((sum, price, nth) => {
    const [start = "", end = ""] = pieces.slice(nth);
    const within = [...uses.values()].filter(({ ts }) => ts >= start && ts < end);
    return sum + worth(price, count(within));
  }, 0);
};

const drawUse = ({ dice, uses, held, code }: Opened, nth: number): Use => {
  const day = dice.pick(["05-03", "05-15", "05-17", "05-31", "05-31", "06-01", "06-20"]);
  const minute = String(uses.size + held.size).padStart(2, "0");
  const second = String(nth).padStart(2, "0");
  const ts = `2024-${day}T12:${minute}:${second}Z`;
  return { uid: `${code}-${nth}`, ts, units: 1 + dice.below(20), region: dice.pick(["UK", "DE"]) };
};

const bodyOf = (opened: Opened, use: Use) => ({
  uid: use.uid,
  ts: use.ts,
  account: opened.code,
  meter: opened.meter,
  ...usageOf(opened, use),
});

const usageOf = ({ aggregation }: Opened, { units, region }: Use) => ({
  measure: { amount: units },
  what: { region, tier: "Basic" },
  // What does not add up has no price by the call.
  ...(["SUM", "COUNT"].includes(aggregation) ? {} : { amount: "2", asset: "USD" }),
});

type Step = (opened: Opened, nth: number) => Promise<void>;

const charge: Step = async (opened, nth) => {
  const use = drawUse(opened, nth);
  expect(await wallets().authorize(bodyOf(opened, use))).toMatchObject({ decision: "allow" });
  opened.uses.set(use.uid, use);
  opened.log.push(`charge ${JSON.stringify(use)}`);
};

const hold: Step = async (opened, nth) => {
  const use = drawUse(opened, nth);
  const body = { ...bodyOf(opened, use), mode: "hold" };
  expect(await wallets().authorize(body)).toMatchObject({ decision: "allow" });
  opened.held.set(use.uid, use);
  opened.log.push(`hold ${JSON.stringify(use)}`);
};

const endHold: Step = async (opened) => {
  const { dice, held, uses, log } = opened;
  if (held.size === 0) return;
  const use = dice.pick([...held.values()]);
  held.delete(use.uid);
  if (dice.once(4)) {
    await wallets().act(use.uid, "void", {});
    log.push(`void ${use.uid}`);
    return;
  }
  const units = 1 + dice.below(25);
  const part = { sequence: 1, final: true, ...usageOf(opened, { ...use, units }) };
  await wallets().act(use.uid, "settle", part);
  uses.set(use.uid, { ...use, units });
  log.push(`settle ${use.uid} with ${units}`);
};

const refund: Step = async ({ dice, uses, log }) => {
  if (uses.size === 0) return;
  const { uid } = dice.pick([...uses.values()]);
  // A close may have left nothing of its money: then its measurement is taken back.
  const how = dice.pick(["refund", "void"]);
  const asked =
    how === "void"
      ? await wallets().status(`measurements/${uid}/void`, { reason: "wrong" })
      : await wallets().status("refunds", { uid: world().fresh("back"), of: uid });
  log.push(`${how} ${uid}: ${asked}`);
  if (asked < 300) uses.delete(uid);
};

const bill: Step = async ({ dice, id, log }) => {
  await settleDown();
  const billDate = dice.pick(dates);
  const [made] = await world().bill(id, billDate);
  const then = dice.pick(["", "", "approved", "locked"]);
  if (made === undefined) return;
  log.push(`${billDate}: ${rowsOf(made).join(", ")} ${then}`);
  if (made.status !== "PENDING") return;
  if (then === "approved") await world().approve(made.id);
  if (then === "locked") await world().approveAndLock(made.id);
};

const settleDown = async (): Promise<void> => {
  await waitForRelay(url());
  await waitForVoids(url());
};

const steps = [charge, charge, charge, hold, hold, endHold, endHold, refund, bill, bill] as const;

test.each(seeds)(
  "wallets have paid in the end what bills of a random plan ask for: TURNPIKE_SEED=%i TURNPIKE_PROPERTY_RUNS=1",
  async (seed) => {
    const opened = await open(diceOf(seed), "closing");
    const { dice, id, code, log, funds } = opened;
    for (let nth = 0; nth < 16; nth += 1) await dice.pick(steps)(opened, nth);
    await settleDown();
    for (const billDate of [...dice.shuffled(dates), last]) await world().bill(id, billDate);
    const bills = (
      await Promise.all([...dates, last].map((date) => world().bills(id, date)))
    ).flat();
    for (const made of bills) log.push(`in the end ${made.billDate}: ${rowsOf(made).join(", ")}`);
    const sumOf = (type: string): number =>
      bills
        .flatMap(({ lineItems }) => lineItems.filter(({ lineItemType }) => lineItemType === type))
        .reduce((sum, { subtotal }) => sum + subtotal, 0);
    const spent = funds - Number((await wallets().wallet(code)).balance);
    const is = [spent, sumOf("USAGE"), -sumOf("BALANCE_CONSUMED")].map((one) => one.toFixed(2));
    const should = due(opened).toFixed(2);
    expect(is, log.join("\n")).toEqual([should, should, should]);
  },
  120_000,
);
