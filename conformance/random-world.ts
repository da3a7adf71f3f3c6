import type { Wallets } from "./authorization-client.ts";
import type { Setting } from "./random-operations.ts";

/** What random authorization traffic runs over: money, plans of every kind and limits of every kind. */

/** How usage of a meter is counted where no price says so: by its aggregations, oldest first. */
export const countings: Readonly<Record<string, readonly Method[]>> = {
  calls: ["SUM"],
  tokens: ["SUM", "COUNT"],
  requests: ["COUNT"],
};
export type Method = "SUM" | "COUNT";

const meters: Readonly<Record<string, string>> = { several: "tokens", counted: "requests" };
const meterOf = (account: string): string => meters[account] ?? "calls";

/** Children of the family are billed with it. */
const isChild = (account: string): boolean => account.startsWith("child");

export interface RandomWorld {
  readonly setting: Setting;
  readonly meterIds: ReadonlyMap<string, string>;
  /** By the id of each pricing. */
  readonly methods: ReadonlyMap<string, Method>;
}

export const bands = [
  { lowerLimit: 0, unitPrice: 0.1, fixedPrice: 0 },
  { lowerLimit: 40, unitPrice: 0.07, fixedPrice: 0.5 },
];

/** The accounts with money, and with what they buy: those without a plan say themselves what a call costs. */
export const openAccounts = async (
  wallets: Wallets,
  accounts: readonly string[],
  { plans, funds }: { readonly plans: Readonly<Record<string, object>>; readonly funds: string },
): Promise<RandomWorld> => {
  await wallets.asset("USD", 6);
  const tokens = { code: "TOK", name: "Tokens", scale: 0, kind: "custom" };
  await wallets.client.create("assets", tokens);
  const meterIds = new Map<string, string>();
  for (const code of Object.keys(countings)) meterIds.set(code, (await wallets.meter(code)).id);
  const methods = new Map<string, Method>();
  const children = accounts.filter(isChild);
  const others = new Set([...Object.keys(plans), ...accounts.filter((code) => !isChild(code))]);
  for (const account of others) await wallets.account(account);
  for (const account of children) await wallets.account(account, "family");
  for (const [account, pricing] of Object.entries(plans)) {
    const meter = meterOf(account);
    const planId = await wallets.openPlan(account);
    for (const aggregation of countings[meter] ?? []) {
      const unit = aggregation === "SUM" ? "unit" : "call";
      const id = await wallets.price(planId, { meter, aggregation, unit }, { ...pricing });
      methods.set(id, aggregation);
    }
  }
  for (const account of accounts) await wallets.grant(account, funds);
  const planned = new Set([...accounts.filter((code) => Object.hasOwn(plans, code)), ...children]);
  const idOf = (code: string): string => wallets.idOf(code);
  const counts = (meter: string): boolean => countings[meter]?.includes("COUNT") === true;
  return { setting: { accounts, planned, idOf, meterOf, counts }, meterIds, methods };
};

export const rate = { limit: 12, windowSeconds: 1, burst: 4 };

/** Limits of every kind, some of one account and some of all. */
export const setLimits = async ({ client }: Wallets): Promise<void> => {
  const since = { effectiveAt: "2020-01-01T00:00:00Z" };
  await client.create("assetrates", { from: "TOK", to: "USD", rate: "0.03", ...since });
  const alerts = [50, 80, 100];
  const bot = { agent: "bot" };
  const byPeriod = "billingPeriod";
  const budgets = [
    { code: "bots", scope: bot, window: "lifetime", limit: "60", asset: "USD" },
    {
      code: "soft",
      scope: {},
      window: { rolling: "PT3S" },
      limit: "9",
      mode: "soft",
      asset: "USD",
    },
    {
      code: "period",
      scope: { account: "graduated", ...bot },
      window: byPeriod,
      limit: "8",
      asset: "USD",
    },
    {
      code: "family",
      scope: { account: "child-a" },
      window: byPeriod,
      limit: "9",
      mode: "soft",
      asset: "USD",
    },
    { code: "units", scope: { account: "several" }, window: byPeriod, limit: "150", unit: "unit" },
    { code: "calls", scope: { account: "counted" }, window: "lifetime", limit: "60", unit: "call" },
  ];
  for (const budget of budgets) await client.create("budgets", { alerts, ...budget });
  await client.create("ratelimits", { code: "busy", scope: { subject: "busy" }, ...rate });
  const plain = { account: "plain" };
  await client.create("concurrencylimits", { code: "plain", scope: plain, limit: 2 });
  await client.create("concurrencylimits", { code: "bots", scope: bot, limit: 5 });
  await client.create("autotopups", {
    code: "topped",
    account: "topped",
    asset: "USD",
    threshold: "15",
    creditAmount: "4",
    paymentMethod: "card",
    windowSeconds: 60,
    countMax: 1000,
  });
};
