import { z } from "zod";
import type { Wallets } from "./authorization-client.ts";
import { type BillingWorld, bandsOf } from "./billing-world.ts";
import { inspect } from "./ledger-inspection.ts";
import { type Hosted, host } from "./random-homes.ts";
import { randomFrom } from "./random-operations.ts";

/** A family of wallets and what it buys, drawn from a seed: some meters, and plans that price the same ones. */

export interface Dice {
  readonly below: (end: number) => number;
  readonly pick: <One>(from: readonly One[]) => One;
  /** True once in so many times. */
  readonly once: (inTimes: number) => boolean;
  readonly shuffled: <One>(from: readonly One[]) => One[];
}

export const diceOf = (seed: number): Dice => {
  const below = randomFrom(seed);
  const pick: Dice["pick"] = (from) => {
    for (const one of from.slice(below(from.length))) return one;
    throw new Error("nothing to pick from");
  };
  const shuffled: Dice["shuffled"] = (from) => {
    const left = [...from];
    return from.flatMap(() => left.splice(below(left.length), 1));
  };
  return { below, pick, once: (inTimes) => below(inTimes) === 0, shuffled };
};

export interface Member {
  readonly name: "parent" | "a" | "b";
  readonly id: string;
  readonly code: string;
  /** Undefined where it has no wallet. */
  readonly funds: number | undefined;
}

/** In what families differ beside what they buy. */
interface Kind {
  /** Whether there is always enough money. */
  readonly isAmple: boolean;
  /** Whether jobs run beside each other. */
  readonly isCrowded: boolean;
  /** Whether they have balances beside their wallets. */
  readonly isPrepaid: boolean;
  /**
   * Whether all units may cost what the last one does; all plans are monthly then: a week in which more units cost less
   * is settled with the month, and differs from it until then.
   */
  readonly isByVolume: boolean;
  /** Whether only one of them has a wallet. */
  readonly isOneWallet: boolean;
  /** Whether some calls are held first. */
  readonly isHeld: boolean;
  /** Whether runs without a date come between the others; no plan has a minimum then, which their open bills ask for. */
  readonly isUndated: boolean;
  /** Whether usage goes on in June; that of families with a hosted plan stays in May. */
  readonly isLong: boolean;
  /** Whether a child's plan stands on the bills of its parent, whose plans come and go from month to month. */
  readonly isHosted: boolean;
  /** Whether they have commitments beside their wallets. */
  readonly isCommitted: boolean;
  /** Whether the server is killed while it bills. */
  readonly isKilled: boolean;
  /** Whether plans are sold in groups, with a minimum over all of a group. */
  readonly isGrouped: boolean;
  /** Whether a meter may be counted by what does not add up. */
  readonly isPeak: boolean;
}

/** A meter and how plans count what it measures. */
interface Metered {
  readonly code: string;
  readonly aggregationId: string;
  readonly text: string;
}

interface Price {
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Plan {
  readonly name: string;
  /** What an account plan says that attaches it: the plan, or the group that it is sold in with another. */
  readonly sold: Readonly<Record<string, string>>;
  readonly templateId: string;
  /** It grows: bands are replaced from some day on. */
  readonly prices: Price[];
}

/** A plan that an account has. */
export interface Attached {
  readonly id: string;
  readonly owner: Member["name"];
  readonly text: string;
}

export interface Family {
  readonly world: BillingWorld;
  readonly wallets: Wallets;
  readonly dice: Dice;
  /** Writes down what was done, so that a failure can be read. */
  readonly say: (text: string) => void;
  readonly kind: Kind;
  readonly members: readonly Member[];
  readonly meters: readonly Metered[];
  readonly plans: readonly Plan[];
  /** It grows and shrinks. */
  readonly attached: Attached[];
  /** Uids of calls so far. */
  readonly calls: string[];
  /** Of those that are held. */
  readonly holds: string[];
  /** The ids of their balances. */
  readonly balances: readonly string[];
  /** Of their commitments. */
  readonly commitments: readonly string[];
  readonly hosted: Hosted | undefined;
  /** How often all was billed so far. */
  readonly progress: { rounds: number };
}

export type Opened = Pick<Family, "world" | "wallets" | "dice" | "say">;

export const openFamily = async (opened: Opened, databaseUrl: string): Promise<Family> => {
  const { world, dice, say } = opened;
  const kind = kindOf(dice);
  say(
    Object.entries(kind)
      .filter(([, is]) => is)
      .map(([name]) => name)
      .join(" "),
  );
  const members = await openMembers(opened, kind);
  const balances = kind.isPrepaid ? await prepay(opened, members) : [];
  const commitments = kind.isCommitted ? await commit(opened, members) : [];
  await backdateWallets(
    databaseUrl,
    members.map(({ code }) => code),
  );
  const meters: Metered[] = [];
  for (let count = 0; count < 2; count += 1) {
    const { id, code } = await world.meter();
    const aggregation = dice.pick([
      "SUM",
      "SUM",
      "COUNT",
      ...(kind.isPeak ? ["MAX", "LATEST"] : []),
    ]);
    const aggregationId = await world.aggregation(id, { aggregation });
    meters.push({ code, aggregationId, text: `${aggregation} of ${code}` });
  }
  say(members.map(({ name, funds }) => `${name} has ${funds ?? "no wallet"}`).join(", "));
  const plans: Plan[] = [];
  for (let count = 1 + dice.below(3); count > 0; count -= 1)
    plans.push(await sell({ ...opened, kind }, meters, `plan ${plans.length}`));
  const hosted = kind.isHosted
    ? await host({ ...opened, kind }, dice.pick(members.slice(1)), dice.pick(meters))
    : undefined;
  const bought = { members, meters, plans, balances, commitments, hosted };
  const lists = { attached: [], calls: [], holds: [] };
  const family = { ...opened, kind, ...bought, ...lists, progress: { rounds: 0 } };
  for (const plan of plans) await attach(family, plan);
  return family;
};

const kindOf = ({ once }: Dice): Kind => ({
  isAmple: !once(3),
  isCrowded: once(4),
  isPrepaid: once(4),
  isByVolume: once(4),
  isOneWallet: once(4),
  isHeld: once(4),
  isUndated: once(4),
  isLong: once(4),
  isHosted: once(3),
  isCommitted: once(4),
  isKilled: once(6),
  isGrouped: once(3),
  isPeak: once(4),
});

const openMembers = async (
  { wallets, world, dice }: Opened,
  { isAmple, isOneWallet, isHosted }: Kind,
) => {
  const isAlone = dice.once(3) && !isHosted;
  const names: Member["name"][] = isAlone ? ["parent"] : ["parent", "a", "b"];
  const payers = isOneWallet ? [dice.pick(names)] : names;
  const members: Member[] = [];
  for (const name of names) {
    const code = world.fresh("wallet");
    const id = await wallets.account(code, members[0]?.code);
    const funds = payers.includes(name)
      ? dice.pick(isAmple ? [100_000] : [5, 20, 60, 1000])
      : undefined;
    if (funds !== undefined) await wallets.grant(code, String(funds));
    members.push({ name, id, code, funds });
  }
  return members;
};

const prepay = async ({ world, dice }: Opened, members: readonly Member[]): Promise<string[]> => {
  const ids: string[] = [];
  for (const { id: accountId } of members) {
    if (dice.once(3)) continue;
    const code = world.fresh("balance");
    const year = { startDate: from, endDate: "2025-01-01T00:00:00Z" };
    const balance = { accountId, name: code, code, currency: "USD", ...year };
    const id = await world.create("balances", balance);
    const paid = { amount: prepaidEach, appliedDate: from };
    await world.create(`balances/${id}/transactions`, paid);
    ids.push(id);
  }
  return ids;
};

export const prepaidEach = 50;

const commit = async (
  { world, dice, say }: Opened,
  members: readonly Member[],
): Promise<string[]> => {
  const ids: string[] = [];
  for (const { id: accountId, name } of members) {
    if (dice.once(3)) continue;
    const amount = dice.pick([5, 20, 60]);
    const endDate = dice.pick(["2025-01-01", "2025-01-01", "2024-05-25"]);
    const terms = { currency: "USD", amount, startDate: "2024-01-01", endDate };
    ids.push(await world.create("commitments", { accountId, ...terms }));
    say(`${name} has committed to ${amount} until ${endDate}`);
  }
  return ids;
};

/** Before the usage: for the time before it was opened a wallet pays only where it has paid already. */
export const backdateWallets = (databaseUrl: string, codes: readonly string[]): Promise<unknown> =>
  inspect(databaseUrl, (pool) =>
    pool.query("UPDATE posting SET at = $1 WHERE account = ANY($2)", [
      Date.parse("2023-12-01T00:00:00Z"),
      codes,
    ]),
  );

export type Bands = Parameters<typeof bandsOf>[0];

const bandSets: readonly Bands[] = [
  [[0, 1]],
  [[0, 2]],
  [
    [0, 3],
    [10, 1],
  ],
  [
    [0, 1],
    [5, 2],
  ],
];

export const pickBands = ({ pick }: Dice) => {
  const bands = pick(bandSets);
  return { text: JSON.stringify(bands), pricingBands: bandsOf(bands) };
};

type Sold = Opened & { readonly kind: Kind };

const sell = async (opened: Sold, meters: readonly Metered[], name: string): Promise<Plan> => {
  const { world, dice, say, kind } = opened;
  const billFrequency = dice.pick(kind.isByVolume ? ["MONTHLY"] : ["MONTHLY", "MONTHLY", "WEEKLY"]);
  const one = await sellOne(opened, { meters, name, billFrequency });
  if (!kind.isGrouped || dice.once(3)) return one;
  const other = await sellOne(opened, { meters, name: "its fellow", billFrequency });
  const minimumSpend = dice.pick(kind.isUndated ? [0] : [0, 0, 50]);
  const group = { name: world.fresh("group"), currency: "USD", minimumSpend };
  const planGroupId = await world.create("plangroups", group);
  for (const { sold } of [one, other])
    await world.create("plangrouplinks", { planGroupId, ...sold });
  say(`${name} and its fellow are a group with minimum ${minimumSpend}`);
  return { ...one, sold: { planGroupId }, prices: [...one.prices, ...other.prices] };
};

interface Offer {
  readonly meters: readonly Metered[];
  readonly name: string;
  readonly billFrequency: string;
}

const sellOne = async (
  { world, dice, say, kind }: Sold,
  { meters, name, billFrequency }: Offer,
): Promise<Plan> => {
  const minimumSpend = dice.pick(kind.isUndated ? [0] : [0, 0, 0, 40]);
  const template = { billFrequency, ...(minimumSpend > 0 ? { minimumSpend } : {}) };
  const { id, templateId } = await world.plan(await world.product(), template);
  const prices: Price[] = [];
  const choices = [meters.slice(0, 1), meters.slice(0, 1), meters.slice(1), meters];
  for (const { text: counted, aggregationId } of dice.pick(choices)) {
    const { text, pricingBands } = pickBands(dice);
    const cumulative = !kind.isByVolume || dice.once(3);
    const body = { planId: id, aggregationId, cumulative, startDate: from, pricingBands };
    prices.push({ id: await world.create("pricings", body), body });
    say(
      `${name} is ${billFrequency}, minimum ${minimumSpend}, ${counted} costs ${text}${cumulative ? "" : " by volume"}`,
    );
  }
  return { name, sold: { planId: id }, templateId, prices };
};

const from = "2024-01-01T00:00:00Z";

const identified = z.looseObject({ id: z.string() });

/** To any member of the family, in any way that it may be billed. */
export const attach = async (family: Family, plan: Plan): Promise<void> => {
  const { world, wallets, dice, say, members, attached, kind, progress } = family;
  const owner = dice.pick(kind.isHosted && progress.rounds > 0 ? members.slice(1) : members);
  const isForAll = owner.name === "parent" && members.length > 1;
  const childBillingMode = isForAll
    ? dice.pick(["PARENT_SUMMARY", "PARENT_BREAKDOWN", "CHILD"])
    : undefined;
  const startDate = dice.pick(["2024-01-01", "2024-01-01", "2024-05-20"]);
  const endDate = dice.once(5) ? dice.pick(["2024-05-25", "2024-06-10"]) : undefined;
  const contractId = dice.once(4) ? await agree(world, owner) : undefined;
  const body = {
    accountId: owner.id,
    ...plan.sold,
    childBillingMode,
    contractId,
    ...instants({ startDate, endDate }),
  };
  const { status, body: answer } = await wallets.client.call("POST", "accountplans", body);
  const terms = [childBillingMode, contractId && "contract"].filter((one) => one !== undefined);
  const text = [`${plan.name} to ${owner.name}`, ...terms].join(" ");
  say(`attach ${text} ${startDate}..${endDate ?? ""}: ${status}`);
  if (status === 200) attached.push({ id: identified.parse(answer).id, owner: owner.name, text });
};

export const instants = ({
  startDate,
  endDate,
}: {
  startDate: string;
  endDate?: string | undefined;
}) => ({
  startDate: `${startDate}T00:00:00Z`,
  ...(endDate === undefined ? {} : { endDate: `${endDate}T00:00:00Z` }),
});

/** With a bill of its own. */
const agree = async (world: BillingWorld, { id: accountId }: Member): Promise<string> => {
  const key = { name: world.fresh("key"), exclusive: true };
  const billGroupingKeyId = await world.create("picklists/billgroupingkeys", key);
  const contract = { accountId, name: world.fresh("contract"), billGroupingKeyId };
  return world.create("contracts", { ...contract, startDate: "2024-01-01", endDate: "2025-01-01" });
};
