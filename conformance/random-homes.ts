import { z } from "zod";
import { bandsOf, type Bill } from "./billing-world.ts";
import type { Bands, Family, Member, Opened } from "./random-family.ts";

/**
 * A plan of a child whose lines stand on its parent's bills, while the parent's plans come and go from one month to the
 * next: on whichever bills, each of its periods is charged once, what its usage costs.
 */

interface Used {
  readonly day: string;
  readonly amount: number;
}

export interface Hosted {
  readonly planId: string;
  readonly meterId: string;
  readonly frequency: "WEEKLY" | "MONTHLY";
  readonly startDate: string;
  /** Whether its lines do not tell their periods apart. */
  readonly isSummary: boolean;
  readonly bands: Bands;
  readonly minimumSpend: number;
  readonly standingCharge: number;
  readonly isStandingInAdvance: boolean;
  readonly used: readonly Used[];
}

interface Shared {
  readonly aggregationId: string;
}

/** Sold, attached and used before the first bill; nothing of it changes afterwards. */
export const host = async (
  opened: Opened & Pick<Family, "kind">,
  owner: Member,
  { aggregationId: sharedId }: Shared,
): Promise<Hosted> => {
  const { world, dice, say, kind } = opened;
  const frequency = dice.pick(["WEEKLY", "WEEKLY", "MONTHLY"] as const);
  const bands = dice.pick(bandSets);
  // It prices a meter of other plans, too.
  const isSharing = !kind.isByVolume && dice.once(3);
  const minimumSpend = isSharing || kind.isUndated ? 0 : dice.pick([0, 0, 15]);
  const standingCharge = kind.isUndated ? 0 : dice.pick([0, 0, 7]);
  const isStandingInAdvance = dice.once(2);
  const productId = await world.product();
  const template = {
    billFrequency: frequency,
    standingCharge,
    standingChargeBillInAdvance: isStandingInAdvance,
    ...(minimumSpend > 0 ? { minimumSpend } : {}),
  };
  const { id: planId } = await world.plan(productId, template);
  const { id: meterId, code: meter } = await world.meter();
  await world.price({ planId, aggregationId: await world.aggregation(meterId) }, bands);
  if (isSharing) await world.price({ planId, aggregationId: sharedId }, [[0, 2]]);
  const startDate = frequency === "WEEKLY" ? "2024-05-14" : "2024-05-01";
  const childBillingMode = dice.pick([
    undefined,
    "PARENT_SUMMARY",
    "PARENT_BREAKDOWN",
    "PARENT_BREAKDOWN",
  ]);
  await world.attach(owner.id, planId, { startDate: `${startDate}T00:00:00Z`, childBillingMode });
  say(
    `hosted plan of ${owner.name} ${childBillingMode} from ${startDate} is ${frequency}, minimum ${minimumSpend}, standing ${standingCharge}${isStandingInAdvance ? " in advance" : ""}, ${meter} costs ${JSON.stringify(bands)}${isSharing ? " and the first meter 2" : ""}`,
  );
  const used = await useHosted(opened, owner, meter);
  const prices = { bands, minimumSpend, standingCharge, isStandingInAdvance };
  const isSummary = childBillingMode !== "PARENT_BREAKDOWN";
  return { planId, meterId, frequency, startDate, isSummary, ...prices, used };
};

const bandSets: readonly Bands[] = [
  [[0, 1]],
  [
    [0, 3],
    [10, 1],
  ],
  [
    [0, 1],
    [5, 2],
  ],
];

const useHosted = async (
  { world, wallets, dice, say }: Opened,
  { code: account }: Member,
  meter: string,
): Promise<Used[]> => {
  const used: Used[] = [];
  for (let count = 8 + dice.below(8); count > 0; count -= 1) {
    const day = firstDay.add({ days: dice.below(77) }).toString();
    const amount = 1 + dice.below(12);
    if (dice.once(2)) {
      await world.use(meter, account, [[day, amount]]);
      used.push({ day, amount });
      continue;
    }
    const call = { uid: world.fresh("call"), account, meter, mode: "charge" };
    const at = { ts: `${day}T12:00:00Z`, measure: { amount } };
    const { decision } = await wallets.authorize({ ...call, ...at });
    if (decision === "allow") used.push({ day, amount });
  }
  const texts = used.map(({ day, amount }) => `${day} ${amount}`);
  say(`${meter} was used: ${texts.join(", ")}`);
  return used;
};

const firstDay = Temporal.PlainDate.from("2024-05-14");
/** Weeks begin on Tuesdays. */
const firstWeek = Temporal.PlainDate.from("2024-04-30");

/** Up to which everything is billed in a round: at last all that was used. */
export const horizonOf = (round: number): Temporal.PlainDate =>
  Temporal.PlainDate.from(horizons[round] ?? lastHorizon);

const lastHorizon = "2024-08-08";
const horizons = ["2024-06-01", "2024-07-01"];

/** All bills up to the day, of weeks and of months. */
export const datesUpTo = (end: Temporal.PlainDate): string[] => {
  const dates: string[] = [];
  for (let day = firstDay; Temporal.PlainDate.compare(day, end) <= 0; day = day.add({ days: 1 }))
    if (day.day === 1 || firstWeek.until(day).days % 7 === 0) dates.push(day.toString());
  return ["2024-05-01", ...dates];
};

/** From the first day that no bill has charged on: the parent gets a plan, or loses one. */
export const moveParent = async (family: Family, horizon: Temporal.PlainDate): Promise<void> => {
  const { world, wallets, dice, say, members, plans, attached } = family;
  const [parent] = members;
  const from = `${horizon.toString()}T00:00:00Z`;
  const own = attached.filter(({ owner }) => owner === "parent");
  if (own.length > 0 && dice.once(2)) {
    const { id, text } = dice.pick(own);
    const current = await world.get(`accountplans/${id}`);
    const { startDate, endDate } = current;
    const isInForce = String(startDate) < from && (typeof endDate !== "string" || endDate > from);
    if (!isInForce) return;
    const body = { ...current, endDate: from };
    const { status } = await wallets.client.call("PUT", `accountplans/${id}`, body);
    return say(`${text} ends on ${from}: ${status}`);
  }
  const plan = dice.pick(plans);
  const body = { accountId: parent?.id, ...plan.sold, startDate: from };
  const { status, body: answer } = await wallets.client.call("POST", "accountplans", body);
  const text = `${plan.name} to parent`;
  say(`attach ${text} ${from}: ${status}`);
  if (status === 200) attached.push({ id: identified.parse(answer).id, owner: "parent", text });
};

const identified = z.looseObject({ id: z.string() });

/** As much as wallets may have paid at once for periods that may have no bill yet. */
export const paidAhead = ({ hosted }: Family, horizon: Temporal.PlainDate): number => {
  if (hosted === undefined) return 0;
  const length = lengthOf(hosted);
  const sure = sureBy(horizon);
  // Whatever else is used in the last days of May is billed in June.
  if (sure.month < 6) return Infinity;
  let open = Temporal.PlainDate.from(hosted.startDate);
  while (!isAfter(open.add(length), sure)) open = open.add(length);
  const price = Math.max(...bandsOf(hosted.bands).map(({ unitPrice }) => unitPrice));
  return hosted.used
    .filter(({ day }) => day >= open.toString())
    .reduce((sum, { amount }) => sum + amount * price, 0);
};

const lengthOf = ({ frequency }: Hosted) => (frequency === "WEEKLY" ? { weeks: 1 } : { months: 1 });

/** What ends by then is billed. */
const sureBy = (horizon: Temporal.PlainDate) => horizon.subtract({ weeks: 1 });

/** Periods that are not charged once, with what they cost. */
export const homelessPeriods = (
  { hosted }: Family,
  bills: readonly Bill[],
  horizon: Temporal.PlainDate,
): string[] => {
  if (hosted === undefined) return [];
  const charged = chargedOf(hosted, bills);
  const due = dueOf(hosted, horizon);
  const keys = new Set([...charged.keys(), ...due.keys()]);
  return [...keys].flatMap((key) => {
    const found = charged.get(key) ?? 0;
    const { least, most } = due.get(key) ?? { least: 0, most: 0 };
    const isRight = found > least - 0.001 && found < most + 0.001;
    return isRight
      ? []
      : [`${key} of the hosted plan costs ${least} to ${most}, bills charge ${found}`];
  });
};

/** What lines of several periods are told apart by: on a summary one line has all of them. */
const keyOf = ({ isSummary }: Hosted, type: string, start: string): string =>
  isSummary ? type : `${type} ${start}`;

const chargedOf = (hosted: Hosted, bills: readonly Bill[]): Map<string, number> => {
  const charged = new Map<string, number>();
  for (const line of bills.flatMap(({ lineItems }) => lineItems)) {
    const { lineItemType: type, subtotal, servicePeriodStartDate: start } = line;
    if (line["planId"] !== hosted.planId || type.endsWith("CONSUMED")) continue;
    if (type === "USAGE" && line["meterId"] !== hosted.meterId) continue;
    const key = keyOf(hosted, type, String(start).slice(0, 10));
    charged.set(key, (charged.get(key) ?? 0) + subtotal);
  }
  return charged;
};

/** What is on bills by now; the rest may be: a week of the parent may end some days after a month of the child. */
interface Due {
  readonly least: number;
  readonly most: number;
}

const dueOf = (hosted: Hosted, horizon: Temporal.PlainDate): Map<string, Due> => {
  const due = new Map<string, Due>();
  const sure = sureBy(horizon);
  for (const { type, start, at, cost } of chargesOf(hosted, horizon)) {
    if (isAfter(at, horizon)) continue;
    const key = keyOf(hosted, type, start.toString());
    const { least, most } = due.get(key) ?? { least: 0, most: 0 };
    due.set(key, { least: least + (isAfter(at, sure) ? 0 : cost), most: most + cost });
  }
  return due;
};

const isAfter = (one: Temporal.PlainDate, other: Temporal.PlainDate): boolean =>
  Temporal.PlainDate.compare(one, other) > 0;

/** Of every period that begins by then, with the day from which it is billed. */
const chargesOf = (hosted: Hosted, horizon: Temporal.PlainDate) => {
  const { used, bands, minimumSpend, standingCharge, isStandingInAdvance } = hosted;
  const length = lengthOf(hosted);
  const charges = [];
  let start = Temporal.PlainDate.from(hosted.startDate);
  while (!isAfter(start, horizon)) {
    const end = start.add(length);
    const [from, to] = [start.toString(), end.toString()];
    const units = used
      .filter(({ day }) => day >= from && day < to)
      .reduce((sum, { amount }) => sum + amount, 0);
    const usage = costOf(units, bands);
    const missing = Math.max(minimumSpend - usage, 0);
    charges.push(
      { type: "USAGE", start, at: end, cost: usage },
      { type: "MINIMUM_SPEND", start, at: end, cost: missing },
      {
        type: "STANDING_CHARGE",
        start,
        at: isStandingInAdvance ? start : end,
        cost: standingCharge,
      },
    );
    start = end;
  }
  return charges;
};

const costOf = (units: number, bands: Bands): number =>
  bandsOf(bands)
    .map(({ lowerLimit, unitPrice }, nth, all) => {
      const end = all[nth + 1]?.lowerLimit ?? Infinity;
      return Math.max(Math.min(units, end) - lowerLimit, 0) * unitPrice;
    })
    .reduce((sum, one) => sum + one, 0);
