import { z } from "zod";
import { attach, type Attached, type Family, instants, pickBands } from "./random-family.ts";
import { datesUpTo, horizonOf } from "./random-homes.ts";
import { type Bill, rowsOf } from "./billing-world.ts";

/** What may happen to a random family between its bills: usage, what takes it back, and a catalog that changes behind it. */

type Step = (family: Family) => Promise<void>;

/** Of weeks, which begin on Tuesdays, and of months: all that usage of May may be billed on. */
const billDates = ["2024-05-21", "2024-05-28", "2024-06-01", "2024-06-04", "2024-07-01"];
/** Of usage of June. */
const later = ["2024-06-11", "2024-06-18"];

export const datesOf = ({ kind: { isHosted, isLong }, progress }: Family): string[] => {
  if (isHosted) return datesUpTo(horizonOf(progress.rounds));
  return isLong ? [...billDates, ...later] : billDates;
};

export const billsOf = async ({ world, members }: Family): Promise<Bill[]> => {
  const found: Bill[] = [];
  for (const { id } of members) {
    const bills = await world.list(`bills?accountId=${id}&pageSize=100`);
    found.push(...bills.map((bill) => world.readBill(bill)));
  }
  return found.toSorted((a, b) => (a.billDate < b.billDate ? -1 : 1));
};

export const pendingBills = async (family: Family): Promise<Bill[]> =>
  (await billsOf(family)).filter(({ status }) => status === "PENDING");

const billText = ({ members }: Family, bill: Bill): string => {
  const name = members.find(({ id }) => id === bill.accountId)?.name;
  return `${name} ${bill.billDate} ${bill.billingFrequency} ${bill.status}`;
};

/** With its lines. */
export const fullText = (family: Family, bill: Bill): string => {
  const text = `${billText(family, bill)}: ${rowsOf(bill).join(", ")}`;
  return family.members.reduce(
    (all, { code, name }) => all.replaceAll(`${code} `, `${name} `),
    text,
  );
};

/** A call, perhaps held first, or a measurement of which no wallet was asked. */
export const use: Step = async (family) => {
  const { world, wallets, dice, say, members, meters, calls, holds, kind } = family;
  const { name, code: account } = dice.pick(members);
  const { code: meter } = dice.pick(meters);
  const isLater = kind.isLong && !kind.isHosted && dice.once(2);
  const day = dice.pick(isLater ? daysOfJune : daysOfMay);
  const amount = 1 + dice.below(12);
  const text = `${amount} of ${meter} by ${name} on ${day}`;
  if (dice.once(4)) {
    await world.use(meter, account, [[day, amount]]);
    return say(`measure ${text}`);
  }
  const uid = world.fresh("call");
  const mode = kind.isHeld && dice.once(2) ? "hold" : "charge";
  const call = { uid, account, meter, mode, ts: `${day}T12:00:00Z`, measure: { amount } };
  const { decision, amount: cost } = await wallets.authorize(call);
  say(`${mode} ${uid}, ${text}: ${decision} ${cost}`);
  calls.push(uid);
  if (mode === "hold" && decision === "allow") holds.push(uid);
};

const daysOfMay = Array.from({ length: 17 }, (_, nth) => `2024-05-${15 + nth}`);
const daysOfJune = Array.from(
  { length: 17 },
  (_, nth) => `2024-06-${String(1 + nth).padStart(2, "0")}`,
);

/** Of what is held, as much as was used by then, or nothing. */
const settle: Step = async ({ wallets, dice, say, holds }) => {
  const [uid] = holds.splice(dice.below(holds.length), 1);
  if (uid === undefined) return;
  if (dice.once(4)) {
    const released = await wallets.status(`authorizations/${uid}/void`);
    return say(`release ${uid}: ${released}`);
  }
  const used = dice.below(14);
  const body = { sequence: 1, measure: { amount: used } };
  const status = await wallets.status(`authorizations/${uid}/settle`, body);
  say(`settle ${uid} with ${used}: ${status}`);
};

const reprice: Step = async ({ wallets, dice, say, plans }) => {
  const plan = dice.pick(plans);
  const { id, body } = dice.pick(plan.prices);
  const { text, pricingBands } = pickBands(dice);
  const { status } = await wallets.client.call("PUT", `pricings/${id}`, { ...body, pricingBands });
  say(`a price of ${plan.name} becomes ${text}: ${status}`);
};

/** In time that is billed, and perhaps in the middle of it. */
const replace: Step = async ({ wallets, dice, say, plans }) => {
  const plan = dice.pick(plans);
  const place = dice.below(plan.prices.length);
  const [old] = plan.prices.slice(place);
  if (old === undefined) return;
  const instant = `${dice.pick(["2024-05-18", "2024-05-21", "2024-06-01"])}T00:00:00Z`;
  const ended = { ...old.body, endDate: instant };
  const { client } = wallets;
  const { status } = await client.call("PUT", `pricings/${old.id}`, ended);
  const { text, pricingBands } = pickBands(dice);
  say(`a price of ${plan.name} is replaced by ${text} on ${instant}: ${status}`);
  if (status !== 200) return;
  plan.prices[place] = { id: old.id, body: ended };
  const body = { ...old.body, startDate: instant, pricingBands };
  const { status: added, body: answer } = await client.call("POST", "pricings", body);
  if (added === 200) plan.prices.push({ id: identified.parse(answer).id, body });
  else say(`the new one is refused: ${added}`);
};

const identified = z.looseObject({ id: z.string() });

/** Of plans that a parent hosts others by, none changes in time that is billed. */
const movable = ({ kind, attached }: Family): Attached[] =>
  attached.filter(({ owner }) => !kind.isHosted || owner !== "parent");

const detach: Step = async (family) => {
  const { wallets, dice, say, attached } = family;
  const choices = movable(family);
  if (choices.length === 0) return;
  const one = dice.pick(choices);
  attached.splice(attached.indexOf(one), 1);
  const { status } = await wallets.client.call("DELETE", `accountplans/${one.id}`);
  say(`detach ${one.text}: ${status}`);
};

const moveDates: Step = async (family) => {
  const { world, wallets, dice, say } = family;
  const choices = movable(family);
  if (choices.length === 0) return;
  const { id, text } = dice.pick(choices);
  const { endDate: _, ...current } = await world.get(`accountplans/${id}`);
  const startDate = dice.pick(["2024-01-01", "2024-05-20", "2024-05-22"]);
  const endDate = dice.pick([undefined, undefined, "2024-05-25", "2024-05-28", "2024-06-10"]);
  const body = { ...current, ...instants({ startDate, endDate }) };
  const { status } = await wallets.client.call("PUT", `accountplans/${id}`, body);
  say(`dates of ${text} become ${startDate}..${endDate ?? ""}: ${status}`);
};

const setMinimum: Step = async ({ world, wallets, dice, say, plans, kind }) => {
  if (kind.isUndated) return;
  const { name, templateId } = dice.pick(plans);
  const minimumSpend = dice.pick([0, 20, 40]);
  const path = `plantemplates/${templateId}`;
  const body = { ...(await world.get(path)), minimumSpend };
  const { status } = await wallets.client.call("PUT", path, body);
  say(`minimum of ${name} becomes ${minimumSpend}: ${status}`);
};

const voidCall: Step = async ({ wallets, dice, say, calls }) => {
  if (calls.length === 0) return;
  const uid = dice.pick(calls);
  const status = await wallets.status(`measurements/${uid}/void`, { reason: "wrong" });
  say(`void ${uid}: ${status}`);
};

const refund: Step = async ({ world, wallets, dice, say, calls }) => {
  if (calls.length === 0) return;
  const amount = dice.pick([undefined, undefined, "1", "0.5", "7"]);
  const part = { of: dice.pick(calls), ...(amount === undefined ? {} : { amount }) };
  const status = await wallets.status("refunds", { uid: world.fresh("refund"), ...part });
  say(`refund ${JSON.stringify(part)}: ${status}`);
};

const approvable = async (family: Family): Promise<Bill[]> => {
  const dates = datesOf(family);
  return (await pendingBills(family)).filter(({ billDate }) => dates.includes(billDate));
};

const approve: Step = async (family) => {
  const bills = await approvable(family);
  if (bills.length > 0) await approveOne(family, family.dice.pick(bills));
};

const approveOne = async (family: Family, bill: Bill): Promise<void> => {
  await family.world.approve(bill.id);
  family.say(`approve ${billText(family, bill)}`);
};

/** Most of what is billed up to some day. */
export const approveUpToSomeDay: Step = async (family) => {
  const { dice } = family;
  const last = dice.pick(datesOf(family));
  for (const bill of await approvable(family))
    if (bill.billDate <= last && !dice.once(6)) await approveOne(family, bill);
};

const steps: readonly Step[] = [
  use,
  settle,
  reprice,
  replace,
  detach,
  (family) => attach(family, family.dice.pick(family.plans)),
  moveDates,
  setMinimum,
  voidCall,
  refund,
  approve,
];

export const takeStep: Step = (family) => family.dice.pick(steps)(family);
