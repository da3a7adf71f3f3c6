import { z } from "zod";
import type { Wallets } from "./authorization-client.ts";
import type { Scenario } from "./billing-scenario.ts";
import { waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { backdateWallets } from "./random-family.ts";
import { type FamilyTerms, type Name, products, type Use } from "./random-order-terms.ts";

/** Families opened with drawn terms: what they are sold and given, and what is done in them. */

export interface OrderedFamily {
  readonly accountIds: readonly string[];
  /** Of ids and codes. */
  readonly nameOf: ReadonlyMap<string, Name>;
  /** The uids of what was used. */
  readonly use: (usage: readonly Use[]) => Promise<string[]>;
  readonly voidThem: (uids: readonly string[]) => Promise<void>;
  readonly credits: readonly { readonly path: string; readonly amount: number }[];
  /** What wallets have paid, by whose they are. */
  readonly spent: () => Promise<Record<string, string>>;
}

export interface OpenedWorld {
  readonly scenario: Scenario;
  readonly wallets: Wallets;
  readonly databaseUrl: string;
}

type Members = ReadonlyMap<Name, { readonly id: string; readonly code: string }>;

export const openFamily = async (
  opened: OpenedWorld,
  terms: FamilyTerms,
): Promise<OrderedFamily> => {
  const { scenario } = opened;
  await scenario.world.configure({ consolidateBills: terms.isConsolidated });
  const members = await openMembers(opened, terms);
  await payInAdvance(opened, members, terms);
  const meters = await sellAll(scenario, members, terms);
  // So that there is a bill that puts right what ended.
  for (const to of members.values())
    await scenario.sell({
      to,
      bands: [[0, 1]],
      accountPlan: { startDate: "2024-03-01T00:00:00Z", childBillingMode: "CHILD" },
    });
  return {
    accountIds: [...members.values()].map(({ id }) => id),
    nameOf: new Map(
      [...members].flatMap(([name, { id, code }]) => [
        [id, name],
        [code, name],
      ]),
    ),
    credits: await openCredits(scenario, members, terms),
    use: (usage) => use(opened, members, { meters, usage }),
    voidThem: (uids) => voidThem(opened, uids),
    spent: async () => {
      const spent: Record<string, string> = {};
      for (const name of terms.payers) {
        const { balance } = await opened.wallets.wallet(memberOf(members, name).code);
        spent[name] = (terms.funds - Number(balance)).toFixed(2);
      }
      return spent;
    },
  };
};

const memberOf = (members: Members, name: Name) => {
  const member = members.get(name);
  if (member === undefined) throw new Error(`no ${name}`);
  return member;
};

const openMembers = async (
  { scenario, wallets }: OpenedWorld,
  { names }: FamilyTerms,
): Promise<Members> => {
  const members = new Map<Name, { id: string; code: string }>();
  for (const name of names) {
    const code = scenario.world.fresh("account");
    members.set(name, { code, id: await wallets.account(code, members.get("parent")?.code) });
  }
  return members;
};

const payInAdvance = async (
  { wallets, databaseUrl }: OpenedWorld,
  members: Members,
  { payers, funds }: FamilyTerms,
): Promise<void> => {
  const codes = payers.map((name) => memberOf(members, name).code);
  for (const code of codes) await wallets.grant(code, String(funds));
  await backdateWallets(databaseUrl, codes);
};

/** The codes of the meters, one for each product. */
const sellAll = async (
  { world, count, agree }: Scenario,
  members: Members,
  { plans }: FamilyTerms,
): Promise<string[]> => {
  const shop = [];
  for (const _ of products) {
    const meter = await world.meter();
    const aggregationId = await world.aggregation(meter.id);
    shop.push({ productId: await world.product(), meter, aggregationId });
  }
  for (const one of plans) {
    const { template, bands, price, isSharing, accountPlan, isApart, seats } = one;
    const account = memberOf(members, one.owner);
    const own = shop[one.product];
    if (own === undefined) throw new Error(`no product ${one.product}`);
    const plan = await world.plan(own.productId, template);
    for (const { aggregationId } of isSharing ? shop : [own])
      await world.price({ planId: plan.id, aggregationId }, bands, price);
    const key = { name: world.fresh("key"), exclusive: true };
    const contractId = isApart
      ? await agree(account, {
          billGroupingKeyId: await world.create("picklists/billgroupingkeys", key),
        })
      : undefined;
    const accountPlanId = await world.attach(account.id, plan.id, { ...accountPlan, contractId });
    const sold = { ...own, account, plan, accountPlanId };
    if (seats !== undefined) await count(sold, [[0, 2]], { price: seats, values: seatsOf });
  }
  return shop.map(({ meter }) => meter.code);
};

const seatsOf = [
  ["2024-01-20", 5],
  ["2024-02-10", 8],
] as const;

const openCredits = async (
  { commit, fund }: Scenario,
  members: Members,
  { credits }: FamilyTerms,
): Promise<OrderedFamily["credits"]> => {
  const opened = [];
  for (const { owner, kind, amount, terms } of credits) {
    const give = kind === "commitment" ? commit : fund;
    const id = await give(memberOf(members, owner), amount, terms);
    opened.push({ path: `${kind}s/${id}`, amount });
  }
  return opened;
};

const use = async (
  { scenario: { world }, wallets, databaseUrl }: OpenedWorld,
  members: Members,
  { meters, usage }: { readonly meters: readonly string[]; readonly usage: readonly Use[] },
): Promise<string[]> => {
  const uids: string[] = [];
  for (const { user, product, day, amount, isCall } of usage) {
    const { code: account } = memberOf(members, user);
    const meter = z.string().parse(meters[product]);
    if (!isCall) {
      uids.push(...(await world.use(meter, account, [[day, amount]])));
      continue;
    }
    const call = { uid: world.fresh("call"), account, meter, ts: `${day}T12:00:00Z` };
    await wallets.authorize({ ...call, measure: { amount } });
    uids.push(call.uid);
  }
  await waitForRelay(databaseUrl);
  return uids;
};

/** A call that was denied has nothing to void. */
const voidThem = async (
  { wallets, databaseUrl }: OpenedWorld,
  uids: readonly string[],
): Promise<void> => {
  for (const uid of uids) await wallets.status(`measurements/${uid}/void`, { reason: "wrong" });
  await waitForRelay(databaseUrl);
  await waitForVoids(databaseUrl);
};
