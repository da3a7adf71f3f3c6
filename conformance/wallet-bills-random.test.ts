import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { inspect, waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { type Dice, diceOf, type Family, openFamily, prepaidEach } from "./random-family.ts";
import { homelessPeriods, horizonOf, moveParent, paidAhead } from "./random-homes.ts";
import {
  approveUpToSomeDay,
  billsOf,
  datesOf,
  fullText,
  pendingBills,
  takeStep,
  use,
} from "./random-steps.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * Whatever a family buys, uses, takes back and changes: once its bills are made, in any order, they draw what its wallets
 * and balances spent, ask for nothing where there is enough money, and move nothing when they are made again.
 * What a kill of the server interrupts comes out as it does without.
 */

/** Families: a few show that it works; hundreds find what nobody thought of, at some seconds each. */
const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 3);
const firstSeed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const seeds = Array.from({ length: runs }, (_, nth) => firstSeed + nth);

const url = ownDatabase();
const { world, wallets, restart } = walletWorld(() => ({ DATABASE_URL: url() }));

test.each(seeds)(
  "the bills of a random family draw what its wallets spent: TURNPIKE_SEED=%i TURNPIKE_PROPERTY_RUNS=1",
  async (seed) => {
    const log: string[] = [];
    const say = (text: string) => void log.push(text);
    const opened = { world: world(), wallets: wallets(), say };
    try {
      const kills = diceOf(seed + 1_000_000);
      const family = await billRandomly({ ...opened, dice: diceOf(seed) }, kills);
      const { isKilled, isCrowded } = family.kind;
      // Jobs beside each other may come one before the other.
      if (!isKilled || isCrowded) return;
      const killed = await textsOf(family);
      say("the same without a kill:");
      const undisturbed = await billRandomly({ ...opened, dice: diceOf(seed) }, undefined);
      expect(killed).toEqual(await textsOf(undisturbed));
    } catch (error) {
      throw new Error(log.join("\n"), { cause: error });
    }
  },
  240_000,
);

/** Says when the server is killed; undefined: never. */
type Kills = Dice | undefined;

const billRandomly = async (
  opened: Parameters<typeof openFamily>[0],
  kills: Kills,
): Promise<Family> => {
  const family = await openFamily(opened, url());
  const { dice, kind, progress } = family;
  const faultsNow = () => faultsAfterBilling(family, kind.isKilled ? kills : undefined);
  for (let uses = 5 + dice.below(4); uses > 0; uses -= 1) await use(family);
  expect(await faultsNow()).toEqual([]);
  for (let round = 0; round < 2; round += 1) {
    if (kind.isHosted) {
      if (!dice.once(3)) await approveUpToSomeDay(family);
      await moveParent(family, horizonOf(progress.rounds));
    }
    progress.rounds += 1;
    for (let count = 1 + dice.below(3); count > 0; count -= 1) await takeStep(family);
    expect(await faultsNow()).toEqual([]);
  }
  return family;
};

/** What its bills say, in the order of no ids, and what its wallets have left. */
const textsOf = async (family: Family): Promise<string[]> => {
  const bills = await billsOf(family);
  const texts = bills.map((bill) => fullText(family, bill).split(/: |, /u).toSorted().join(", "));
  for (const { name, code, funds } of family.members)
    if (funds !== undefined) texts.push(`${name} has ${(await wallets().wallet(code)).balance}`);
  return texts.toSorted();
};

const faultsAfterBilling = async (family: Family, kills: Kills): Promise<string[]> => {
  await waitForRelay(url());
  await waitForVoids(url());
  await billAll(family, kills);
  const faults = await faultsOf(family);
  if (faults.length > 0) return faults;
  const [texts, moves] = [await textsOf(family), await movesOf(family)];
  await billAll(family, undefined);
  const moved = (await movesOf(family)) - moves;
  expect(await textsOf(family)).toEqual(texts);
  return [
    ...(moved === 0 ? [] : [`money moved ${moved} times though nothing had changed`]),
    ...(await faultsOf(family)),
  ];
};

/** Every date in any order, for all together or one after the other; then everything that is open again. */
const billAll = async (family: Family, kills: Kills): Promise<void> => {
  const { dice, say, kind } = family;
  const jobs = jobsOf(family);
  say(`bill ${jobs.map(({ billDate }) => billDate ?? "today").join(" ")}`);
  while (jobs.length > 0) {
    const next = jobs.splice(0, kind.isCrowded ? 1 + dice.below(4) : 1);
    const twice = kind.isCrowded && dice.once(3) ? next : [];
    await runJobs("billjobs", [...next, ...twice], kills);
  }
  const billIds = (await pendingBills(family)).map(({ id }) => id);
  // A bill that stands claims what it did until it is made again, also where its plan has gone meanwhile.
  if (billIds.length > 0) await runJobs("billjobs/recalculate", [{ billIds }], kills);
};

interface Job {
  readonly billDate?: string;
  readonly accountIds: readonly string[];
}

const jobsOf = (family: Family): Job[] => {
  const { dice, members, kind } = family;
  const dates = dice.once(2) ? datesOf(family) : dice.shuffled(datesOf(family));
  const ids = members.map(({ id }) => id);
  // So many dates for each of them alone take long.
  const isApart = dice.once(kind.isHosted ? 6 : 2);
  const parts = isApart ? dice.shuffled(ids).map((id) => [id]) : [ids];
  const jobs: Job[] = dates.flatMap((billDate) =>
    parts.map((accountIds) => ({ billDate, accountIds })),
  );
  for (let count = kind.isUndated ? 3 : 0; count > 0; count -= 1)
    jobs.splice(dice.below(jobs.length + 1), 0, { accountIds: ids });
  return jobs;
};

const runJobs = async (path: string, bodies: readonly object[], kills: Kills): Promise<void> => {
  const jobs = await Promise.all(bodies.map((body) => world().create(path, { ...body })));
  if (kills?.once(10) === true) {
    // From before it has begun to after it has ended.
    await delay(kills.below(200));
    await world().server.kill();
    await restart();
  }
  for (const { failures = [] } of await Promise.all(jobs.map((job) => world().finish(job))))
    expect(failures).toEqual([]);
};

/** In what bills say of what wallets, balances and commitments spent, and of what was used. */
const faultsOf = async (family: Family): Promise<string[]> => {
  const { say, kind, hosted, progress } = family;
  const bills = await billsOf(family);
  const lines = bills.flatMap(({ lineItems }) => lineItems);
  const linesOf = (type: string): number =>
    sumOf(lines.filter((line) => line.lineItemType === type).map(({ subtotal }) => subtotal));
  const drawn = -linesOf("BALANCE_CONSUMED");
  const due = sumOf(bills.map(({ billTotal }) => billTotal));
  const spent = (await spentOf(family)) + (await prepaidSpent(family));
  const [committed, consumed] = [await committedSpent(family), -linesOf("COMMITMENT_CONSUMED")];
  const ahead = paidAhead(family, horizonOf(progress.rounds));
  const isAhead = spent > drawn - 0.05 && spent < drawn + ahead + 0.05;
  // A standing charge no wallet pays, but what is prepaid may.
  const standing = hosted === undefined ? 0 : linesOf("STANDING_CHARGE");
  const isPaid = due > -0.05 && due < standing + 0.05;
  const isFree = kind.isAmple && !kind.isOneWallet;
  const faults = [
    ...(isSame(spent, drawn) || isAhead ? [] : [`${spent} was spent, bills drew ${drawn}`]),
    ...(isSame(committed, consumed) ? [] : [`${committed} of commitments, bills drew ${consumed}`]),
    ...(!isFree || isPaid ? [] : [`${due} is due though there is enough money`]),
    ...homelessPeriods(family, bills, horizonOf(progress.rounds)),
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

const committedSpent = async ({ commitments }: Family): Promise<number> => {
  let spent = 0;
  for (const id of commitments)
    spent += Number((await world().get(`commitments/${id}`))["amountSpent"]);
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
