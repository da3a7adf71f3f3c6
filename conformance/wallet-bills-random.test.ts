import { expect, test } from "vitest";
import { inspect, waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { diceOf, type Family, openFamily, prepaidEach } from "./random-family.ts";
import { billsOf, datesOf, fullText, pendingBills, takeStep, use } from "./random-steps.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * Whatever a family buys, uses, takes back and changes: once its bills are made, in any order, they draw what its wallets
 * and balances spent, ask for nothing where there is enough money, and move nothing when they are made again.
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
  const { dice, say, kind } = family;
  const jobs = jobsOf(family);
  say(`bill ${jobs.map(({ billDate }) => billDate ?? "today").join(" ")}`);
  while (jobs.length > 0) {
    const next = jobs.splice(0, kind.isCrowded ? 1 + dice.below(4) : 1);
    const twice = kind.isCrowded && dice.once(3) ? next : [];
    await Promise.all([...next, ...twice].map((job) => runJob("billjobs", job)));
  }
  const billIds = (await pendingBills(family)).map(({ id }) => id);
  // A bill that stands claims what it did until it is made again, also where its plan has gone meanwhile.
  if (billIds.length > 0) await runJob("billjobs/recalculate", { billIds });
};

interface Job {
  readonly billDate?: string;
  readonly accountIds: readonly string[];
}

const jobsOf = (family: Family): Job[] => {
  const { dice, members, kind } = family;
  const dates = dice.once(2) ? datesOf(family) : dice.shuffled(datesOf(family));
  const ids = members.map(({ id }) => id);
  const parts = dice.once(2) ? dice.shuffled(ids).map((id) => [id]) : [ids];
  const jobs: Job[] = dates.flatMap((billDate) =>
    parts.map((accountIds) => ({ billDate, accountIds })),
  );
  for (let count = kind.isUndated ? 3 : 0; count > 0; count -= 1)
    jobs.splice(dice.below(jobs.length + 1), 0, { accountIds: ids });
  return jobs;
};

const runJob = async (path: string, body: object): Promise<void> => {
  const { failures = [] } = await world().finish(await world().create(path, { ...body }));
  expect(failures).toEqual([]);
};

/** In what bills say of what wallets and balances spent. */
const faultsOf = async (family: Family): Promise<string[]> => {
  const { say, kind } = family;
  const bills = await billsOf(family);
  const drawn = sumOf(
    bills
      .flatMap(({ lineItems }) => lineItems)
      .filter(({ lineItemType }) => lineItemType === "BALANCE_CONSUMED")
      .map(({ subtotal }) => -subtotal),
  );
  const due = sumOf(bills.map(({ billTotal }) => billTotal));
  const spent = (await spentOf(family)) + (await prepaidSpent(family));
  const isFree = kind.isAmple && !kind.isOneWallet;
  const faults = [
    ...(isSame(spent, drawn) ? [] : [`${spent} was spent, bills drew ${drawn}`]),
    ...(!isFree || isSame(due, 0) ? [] : [`${due} is due though there is enough money`]),
  ];
  if (faults.length > 0) for (const bill of bills) say(fullText(family, bill));
  return faults;
};

const spentOf = async ({ members }: Family): Promise<number> => {
  let spent = 0;
  for (const { code, funds } of members) {
    if (funds !== undefined) spent += funds - Number((await wallets().wallet(code)).balance);
  }
  return spent;
};

const prepaidSpent = async ({ balances }: Family): Promise<number> => {
  let spent = 0;
  for (const id of balances)
    spent += prepaidEach - Number((await world().get(`balances/${id}`))["amount"]);
  return spent;
};

const sumOf = (amounts: readonly number[]): number => amounts.reduce((sum, one) => sum + one, 0);

/** Of a part of a month or of a call, a bill charges whole cents. */
const isSame = (one: number, other: number): boolean => Math.abs(one - other) < 0.05;

const movesOf = ({ members }: Family): Promise<number> =>
  inspect(url(), async (pool) => {
    const codes = members.map(({ code }) => code);
    const { rows } = await pool.query("SELECT FROM posting WHERE account = ANY($1)", [codes]);
    return rows.length;
  });
