import { expect } from "vitest";
import { type Bill, type BillingWorld, rowsOf } from "./billing-world.ts";
import type { Dice } from "./random-family.ts";

/** Bills made in date order, and made in any order: what is done between them, and what tells whether both come to the same. */

export interface Billed {
  readonly world: BillingWorld;
  readonly accountIds: readonly string[];
  readonly dates: readonly string[];
  /** Behind the others: these bills put right what was left. */
  readonly last: readonly string[];
}

interface Disorder extends Billed {
  readonly dice: Dice;
  /** Writes down what was done, so that a failure can be read. */
  readonly say: (text: string) => void;
  /** What is used when half of the bills are made. */
  readonly useMore: () => Promise<void>;
}

export const billsOf = async ({ world, accountIds, dates, last }: Billed): Promise<Bill[]> => {
  const found: Bill[] = [];
  for (const accountId of accountIds) {
    const bills = await world.list(`bills?accountId=${accountId}&pageSize=100`);
    found.push(...bills.map((bill) => world.readBill(bill)));
  }
  const asked = new Set([...dates, ...last]);
  return found
    .filter(({ billDate }) => asked.has(billDate))
    .toSorted((a, b) => (a.billDate < b.billDate ? -1 : 1));
};

const run = async (world: BillingWorld, path: string, request: object): Promise<void> => {
  const { failures = [] } = await world.finish(await world.create(path, { ...request }));
  expect(failures).toEqual([]);
};

export const billInOrder = async ({ world, accountIds, dates, last }: Billed): Promise<void> => {
  for (const billDate of [...dates, ...last])
    await run(world, "billjobs", { billDate, accountIds });
};

/** In any order, for all accounts together or one after the other; then what was deleted, some again, all that are open, and the last. */
export const billInDisorder = async (billed: Disorder): Promise<void> => {
  const { world, dice, say, useMore, accountIds, last } = billed;
  const jobs = jobsOf(billed);
  const halfway = dice.below(jobs.length);
  const undone: Job[] = [];
  for (const [nth, job] of jobs.entries()) {
    if (nth === halfway) {
      await useMore();
      say("late usage");
    }
    await run(world, "billjobs", job);
    if (await finishSome(billed, job)) undone.push(job);
  }
  for (const job of undone) await run(world, "billjobs", job);
  const isOpen = (bill: Bill): boolean => bill["locked"] !== true;
  await billAgain(
    billed,
    (await billsOf(billed)).filter((bill) => isOpen(bill) && dice.once(2)),
  );
  // What is open is made again, as before its month is closed; what is approved, the last bill puts right.
  await billAgain(
    billed,
    (await billsOf(billed)).filter(({ status }) => status === "PENDING"),
  );
  for (const billDate of last)
    for (const ids of dice.pick([[accountIds], dice.shuffled(accountIds).map((id) => [id])]))
      await run(world, "billjobs", { billDate, accountIds: ids });
};

/** When all of them are approved, the next bill puts right what is left: what credits pay comes to the same, too. */
export const closeAll = async (billed: Billed, billDate: string): Promise<Bill[]> => {
  const { world, accountIds, last } = billed;
  for (const { id, status } of await billsOf(billed))
    if (status === "PENDING") await world.approve(id);
  await run(world, "billjobs", { billDate, accountIds });
  return billsOf({ ...billed, last: [...last, billDate] });
};

interface Job {
  readonly billDate: string;
  readonly accountIds: readonly string[];
}

const jobsOf = ({ dice, accountIds, dates }: Disorder): Job[] => {
  const parts = dice.pick([[accountIds], accountIds.map((id) => [id])]);
  return dice.shuffled(
    dates.flatMap((billDate) => parts.map((part) => ({ billDate, accountIds: part }))),
  );
};

/** Approves or locks some of what a job made, and deletes some; whether it did. */
const finishSome = async (
  { world, dice, say }: Disorder,
  { billDate, accountIds }: Job,
): Promise<boolean> => {
  let isUndone = false;
  for (const accountId of accountIds) {
    for (const bill of await world.bills(accountId, billDate)) {
      const then = dice.pick(["", "approved", "locked", "locked", "deleted"]);
      say(`${billText(bill)} ${then}`);
      if (bill.status !== "PENDING") continue;
      if (then === "approved") await world.approve(bill.id);
      if (then === "locked") await world.approveAndLock(bill.id);
      if (then !== "deleted") continue;
      await world.api.call("DELETE", `bills/${bill.id}`);
      isUndone = true;
    }
  }
  return isUndone;
};

const billAgain = async ({ world, say }: Disorder, bills: readonly Bill[]): Promise<void> => {
  if (bills.length === 0) return;
  say(`again: ${bills.map(({ accountId, billDate }) => `${accountId} ${billDate}`).join(", ")}`);
  await run(world, "billjobs/recalculate", { billIds: bills.map(({ id }) => id) });
};

export const billText = (bill: Bill): string =>
  `${bill.accountId} ${bill.billDate} ${bill.billingFrequency}: ${rowsOf(bill).join(", ")}`;

/** What credits pay, which is another sum while open bills wait for what later ones give back. */
const isCredit = (type: string): boolean => type.endsWith("_CONSUMED");

export const chargesOf = (bills: readonly Bill[]): Bill[] =>
  bills.map((bill) => ({
    ...bill,
    lineItems: bill.lineItems.filter(({ lineItemType }) => !isCredit(lineItemType)),
  }));

/** By what lines are told apart beside their type. */
export type LabelOf = (bill: Bill, line: Bill["lineItems"][number]) => string;

/** By label and type, what they charge together; what comes to nothing is left out. */
export const sumsOf = (
  bills: readonly Bill[],
  labelOf: LabelOf = () => "",
): Record<string, string> => {
  const sums: Record<string, number> = {};
  for (const bill of bills) {
    for (const line of bill.lineItems) {
      const key = `${labelOf(bill, line)}${line.lineItemType.replace(/_REFUND$/u, "")}`;
      sums[key] = (sums[key] ?? 0) + line.convertedSubtotal;
    }
  }
  return Object.fromEntries(
    Object.entries(sums)
      .map(([key, amount]) => [key, amount.toFixed(2)] as const)
      .filter(([, amount]) => Number(amount) !== 0)
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
};

/** What lines of the type take from credits. */
export const drawn = (bills: readonly Bill[], type: string): number =>
  -bills
    .flatMap(({ lineItems }) => lineItems.filter((line) => line.lineItemType === type))
    .reduce((total, { convertedSubtotal }) => total + convertedSubtotal, 0);
