import { z } from "zod";
import type { Wallets } from "./authorization-client.ts";
import type { Fields, Scenario } from "./billing-scenario.ts";
import { waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { backdateWallets } from "./random-family.ts";
import { attachable, halfDollar, priceIt } from "./random-order-prices.ts";
import type { FamilyTerms, Name, Use } from "./random-order-terms.ts";

/** Families opened with drawn terms: what they are sold and given, and what is done in them. */

export interface OrderedFamily {
  readonly accountIds: readonly string[];
  /** Of ids and codes. */
  readonly nameOf: ReadonlyMap<string, Name>;
  /** The uids of what was used. */
  readonly use: (usage: readonly Use[]) => Promise<string[]>;
  /** Some of the early usage, by their uids. */
  readonly undo: (uids: readonly string[]) => Promise<void>;
  readonly credits: readonly { readonly path: string; readonly amount: number }[];
  /** What wallets have paid, by whose they are and the asset. */
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
    use: (usage) => use(opened, members, { terms, meters, usage }),
    undo: (uids) => undo(opened, terms, uids),
    spent: async () => {
      const spent: Record<string, string> = {};
      for (const name of terms.payers)
        for (const asset of assets) {
          const { balance } = await opened.wallets.wallet(memberOf(members, name).code, asset);
          spent[`${name} ${asset}`] = (terms.funds - Number(balance)).toFixed(2);
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
  for (const code of codes)
    for (const asset of assets) await wallets.grant(code, String(funds), { asset });
  await backdateWallets(databaseUrl, codes);
};

const assets = ["USD", halfDollar];

/** The codes of the meters, one for each product. */
const sellAll = async (
  scenario: Scenario,
  members: Members,
  { products, sales }: FamilyTerms,
): Promise<string[]> => {
  const { world } = scenario;
  const shop: Shop = [];
  for (const { aggregation } of products) {
    const meter = await world.meter();
    const aggregationId = await world.aggregation(meter.id, { aggregation });
    shop.push({ productId: await world.product(), meter, aggregationId });
  }
  for (const sale of sales)
    await sell(scenario, { account: memberOf(members, sale.owner), shop, sale });
  return shop.map(({ meter }) => meter.code);
};

type Account = Awaited<ReturnType<Scenario["world"]["account"]>>;

type Shop = { productId: string; meter: Account; aggregationId: string }[];

const sell = async (
  scenario: Scenario,
  {
    account,
    shop,
    sale,
  }: {
    readonly account: Account;
    readonly shop: Shop;
    readonly sale: FamilyTerms["sales"][number];
  },
): Promise<void> => {
  const { world, agree, count } = scenario;
  const key = { name: world.fresh("key"), exclusive: true };
  const contractId = sale.isApart
    ? await agree(account, {
        billGroupingKeyId: await world.create("picklists/billgroupingkeys", key),
      })
    : undefined;
  const counted = [];
  const planIds: string[] = [];
  for (const { product, template, price, isSharing, seats } of sale.plans) {
    const own = shop[product];
    if (own === undefined) throw new Error(`no product ${product}`);
    const plan = await world.plan(own.productId, template);
    for (const { aggregationId } of isSharing ? shop : [own])
      await priceIt(scenario, { planId: plan.id, aggregationId }, price);
    planIds.push(plan.id);
    if (seats !== undefined) counted.push({ sold: { ...own, account, plan }, seats });
  }
  const what = await attachable(scenario, planIds, sale.group);
  await world.create("accountplans", {
    accountId: account.id,
    ...what,
    ...sale.accountPlan,
    contractId,
  });
  for (const { sold, seats } of counted)
    await count(sold, [[0, 2]], { price: seats, values: seatsOf });
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
  {
    terms,
    meters,
    usage,
  }: {
    readonly terms: FamilyTerms;
    readonly meters: readonly string[];
    readonly usage: readonly Use[];
  },
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
    const body = { ...call, mode: "charge", measure: { amount }, ...estimateOf(terms, product) };
    await wallets.status("authorizations", body);
    uids.push(call.uid);
  }
  await waitForRelay(databaseUrl);
  return uids;
};

const estimate = 5;

/** What does not add up has no price by the call. */
const estimateOf = ({ products }: FamilyTerms, place: number): Fields => {
  const { aggregation = "SUM", currency } = products[place] ?? {};
  return isPricedByCall(aggregation) ? {} : { amount: String(estimate), asset: currency };
};

const isPricedByCall = (aggregation: string): boolean => ["SUM", "COUNT"].includes(aggregation);

/** As much as wallets may have paid for calls that no plan prices: it stays as it was said. */
export const estimatedMost = ({ products, early, late }: FamilyTerms): number =>
  [...early, ...late].filter(
    ({ isCall, product }) => isCall && !isPricedByCall(products[product]?.aggregation ?? "SUM"),
  ).length * estimate;

/** A call that was denied has nothing to undo, a measurement nothing to give back. */
const undo = async (
  { wallets, scenario: { world }, databaseUrl }: OpenedWorld,
  { undone }: FamilyTerms,
  uids: readonly string[],
): Promise<void> => {
  for (const { place, how } of undone) {
    const of = uids[place];
    if (how === "void") await wallets.status(`measurements/${of}/void`, { reason: "wrong" });
    else await wallets.status("refunds", { uid: world.fresh("refund"), of, ...how });
  }
  await waitForRelay(databaseUrl);
  await waitForVoids(databaseUrl);
};
