import { expect, test } from "vitest";
import { inspect, waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { diceOf, type Family, openFamily } from "./random-family.ts";
import { billDates, billsOf, fullText, pendingBills, takeStep, use } from "./random-steps.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * Whatever a family buys, uses, takes back and changes: once its bills are made, in any order, they draw what its wallets
 * spent, ask for nothing where there is enough money, and stay as they are when they are made again.
 */

/** Families: a few show that it works; hundreds find what nobody thought of, at some seconds each. */
const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 3);
const firstSeed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const seeds = Array.from({ length: runs }, (_, nth) => firstSeed + nth);

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

test.each(seeds)(
  "the bills of a random family draw what its wallets spent: TURNPIKE_SEED=%i TURNPIKE_PROPERTY_RUNS=1",
  async (seed) => {
    const log: string[] = [];
    const say = (text: string) => void log.push(text);
    try {
      await billRandomly({ world: world(), wallets: wallets(), dice: diceOf(seed), say });
    } catch (error) {
      throw new Error(log.join("\n"), { cause: error });
    }
  },
  60_000,
);

const billRandomly = async (opened: Parameters<typeof openFamily>[0]): Promise<void> => {
  const family = await openFamily(opened, url());
  const { dice } = family;
  for (let uses = 5 + dice.below(4); uses > 0; uses -= 1) await use(family);
  expect(await faultsAfterBilling(family)).toEqual([]);
  for (let round = 0; round < 2; round += 1) {
    for (let count = 1 + dice.below(3); count > 0; count -= 1) await takeStep(family);
    expect(await faultsAfterBilling(family)).toEqual([]);
  }
};

const faultsAfterBilling = async (family: Family): Promise<string[]> => {
  await waitForRelay(url());
  await waitForVoids(url());
  await billAll(family);
  const faults = await faultsOf(family);
  if (faults.length > 0) return faults;
  const before = await movesOf(family);
  await billAll(family);
  const moved = (await movesOf(family)) - before;
  const moves = moved === 0 ? [] : [`money moved ${moved} times though nothing had changed`];
  return [...moves, ...(await faultsOf(family))];
};

/** Every date in any order, for all together or one after the other; then everything that is open again. */
const billAll = async (family: Family): Promise<void> => {
  const { dice, members, say } = family;
  const dates = dice.once(2) ? billDates : dice.shuffled(billDates);
  const ids = members.map(({ id }) => id);
  const parts = dice.once(2) ? dice.shuffled(ids).map((id) => [id]) : [ids];
  for (const billDate of dates)
    for (const accountIds of parts) await runJob(world(), "billjobs", { billDate, accountIds });
  const billIds = (await pendingBills(family)).map(({ id }) => id);
  if (billIds.length > 0) await runJob(world(), "billjobs/recalculate", { billIds });
  say(`bill ${dates.join(" ")}, ${parts.length === 1 ? "together" : "apart"}`);
};

const runJob = async (own: Family["world"], path: string, body: object): Promise<void> => {
  const { failures = [] } = await own.finish(await own.create(path, { ...body }));
  expect(failures).toEqual([]);
};

/** Of what wallets spent, and bills say of it. */
const faultsOf = async (family: Family): Promise<string[]> => {
  const { members, isAmple, say } = family;
  const bills = await billsOf(family);
  const drawn = sumOf(
    bills
      .flatMap(({ lineItems }) => lineItems)
      .filter(({ lineItemType }) => lineItemType === "BALANCE_CONSUMED")
      .map(({ subtotal }) => -subtotal),
  );
  const due = sumOf(bills.map(({ billTotal }) => billTotal));
  const left = await Promise.all(members.map(({ code }) => wallets().wallet(code)));
  const spent =
    sumOf(members.map(({ funds }) => funds)) - sumOf(left.map(({ balance }) => Number(balance)));
  const faults = [
    ...(isSame(spent, drawn) ? [] : [`wallets spent ${spent}, bills drew ${drawn}`]),
    ...(!isAmple || isSame(due, 0) ? [] : [`${due} is due though there is enough money`]),
  ];
  if (faults.length > 0) for (const bill of bills) say(fullText(family, bill));
  return faults;
};

const sumOf = (amounts: readonly number[]): number => amounts.reduce((sum, one) => sum + one, 0);

/** Everything costs whole dollars. */
const isSame = (one: number, other: number): boolean => Math.abs(one - other) < 0.005;

const movesOf = ({ members }: Family): Promise<number> =>
  inspect(url(), async (pool) => {
    const codes = members.map(({ code }) => code);
    const { rows } = await pool.query("SELECT FROM posting WHERE account = ANY($1)", [codes]);
    return rows.length;
  });
