import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { poolOf } from "@turnpike/engine/bill/hierarchy.ts";
import { spanStart } from "@turnpike/engine/bill/usage-windows.ts";
import type { BillingSchedule } from "@turnpike/engine/time/bill-period.ts";
import type { Database } from "../../ports/database.ts";
import { localPeriod, scheduleOf, zoneOf } from "../../records/billing-schedule.ts";
import { lookup } from "../../records/lookup.ts";
import { createCache } from "../cache.ts";
import { lookedUpTogether } from "../together.ts";
import { type Bought, type Buyer, loadBuyers } from "./bought-plans.ts";
import type { Agreed, AnyPlanPrice, PlanPricing } from "./plan-prices.ts";
import { loadSoldPlans, type SoldPlan } from "./sold-plans.ts";

type Config = Stored<typeof organizationConfig>;

interface AccountKey {
  readonly orgId: string;
  readonly accountId: string;
}

/** Every pricing that an account's calls may have, at any time. */
export interface AccountPricing {
  readonly prices: readonly AnyPlanPrice[];
  /** The ids of the accounts whose records say so: its own and its parent's. */
  readonly owners: readonly string[];
}

export interface AccountPrices {
  readonly of: (key: AccountKey) => Promise<AccountPricing>;
  /** All of the organization, or what one account's records say. */
  readonly forget: (orgId: string, accountId: string | undefined) => void;
}

interface Parts {
  readonly database: Database;
  readonly now: () => number;
  readonly rememberedMs: () => number;
}

/**
 * Accounts that are asked for together are read together, and what a plan says once for all of them: thousands of accounts
 * may have one plan.
 */
export const createAccountPrices = ({ database, now, rememberedMs }: Parts): AccountPrices => {
  const remembered = { now, rememberedMs };
  const configs = createCache<Config | undefined>({ ...remembered, max: 1_000 });
  const plans = createCache<SoldPlan | undefined>({ ...remembered, max: 10_000 });
  const buyers = createCache<Buyer | undefined>({ ...remembered, max: 50_000 });
  const findPlan = lookedUpTogether((orgId, ids) => loadSoldPlans(database, orgId, ids));
  const findBuyer = lookedUpTogether((orgId, ids) => loadBuyers(database, orgId, ids));
  const configOf = (orgId: string) =>
    configs.get(orgId, orgId, () => lookup(database, organizationConfig, { orgId, id: orgId }));
  const planOf = (orgId: string, id: string) => plans.get(orgId, id, () => findPlan(orgId, id));
  const buyerOf = (orgId: string, id: string) => buyers.get(orgId, id, () => findBuyer(orgId, id));
  const attachedTo = async (config: Config, buyer: Buyer): Promise<Attached[]> => {
    const { orgId, bought } = { orgId: config.id, ...buyer };
    const ids = [...new Set(bought.flatMap(({ planIds }) => planIds))];
    const found = await Promise.all(ids.map((id) => planOf(orgId, id)));
    const sold = new Map(ids.map((id, nth) => [id, found[nth]]));
    return bought.flatMap((one) => attachedOf(config, buyer, { one, sold }));
  };
  const pricesOf = async ({ orgId, accountId }: AccountKey): Promise<AccountPricing> => {
    const config = await configOf(orgId);
    const buyer = await buyerOf(orgId, accountId);
    if (config === undefined || buyer === undefined) return { prices: [], owners: [accountId] };
    const own = await attachedTo(config, buyer);
    const { parentAccountId: parentId } = buyer.owner;
    const parent = parentId === undefined ? undefined : await buyerOf(orgId, parentId);
    const pooled =
      parent === undefined ? [] : pooledWith(buyer, own, await attachedTo(config, parent));
    return {
      prices: [...own.flatMap((attached) => attached.prices), ...pooled],
      owners: parentId === undefined ? [accountId] : [accountId, parentId],
    };
  };
  return {
    of: pricesOf,
    forget: (orgId, accountId) => {
      buyers.forget(orgId, (_buyer, id) => accountId === undefined || id === accountId);
      if (accountId !== undefined) return;
      configs.forget(orgId);
      plans.forget(orgId);
    },
  };
};

/** An account's plan with its prices. */
interface Attached {
  readonly productId: string;
  readonly schedule: BillingSchedule;
  readonly prices: readonly AnyPlanPrice[];
}

const attachedOf = (
  config: Config,
  { owner }: Buyer,
  {
    one: { attachment, contract, planIds },
    sold,
  }: { readonly one: Bought; readonly sold: ReadonlyMap<string, SoldPlan | undefined> },
): Attached[] => {
  const members = planIds.flatMap((id) => sold.get(id) ?? []);
  // The members of a group share one frequency (m3ter semantics 9.3).
  const template = members[0]?.template;
  const schedule = scheduleOf(config, { owner, attachment, template });
  if (schedule === undefined) return [];
  const agreed = agreedIn(config, contract);
  const rated = [schedule.active];
  return members.map((member): Attached => {
    const { currency, productId } = member.template;
    const shared = { currency, productId, schedule, payer: owner.code, rated, agreed };
    const prices = member.prices.map((price) => ({
      ...shared,
      ...price,
      spansFrom: spanBegins(price, { schedule, agreed }),
    }));
    return { productId, schedule, prices };
  });
};

/**
 * The prices of its parent's plans, which rate it together with the parent for products of which it has no plan itself
 * (m3ter semantics 9.2, 14.2). A plan that bills each child for itself (CHILD) rates them together all the same: only the
 * sum is shared out.
 */
const pooledWith = (
  { owner }: Buyer,
  own: readonly Attached[],
  parents: readonly Attached[],
): AnyPlanPrice[] => {
  const child = {
    account: owner,
    plans: own.map(({ productId, schedule: { active } }) => ({ productId, active })),
  };
  return parents.flatMap(({ productId, schedule, prices }) => {
    const pool = poolOf({ active: schedule.active, productIds: [productId] }, [child]);
    const rated = pool.flatMap(({ periods }) => periods);
    return prices.map((price) => ({ ...price, rated }));
  });
};

/**
 * tiersSpanPlan: where a bill begins to count. By volume what a call costs depends on where its period began, which no one
 * ladder says: it begins with its period, and the close makes it what the bill says. Where later units are cheaper, it costs
 * too much until then.
 */
const spanBegins = (
  { pricing: { tiersSpanPlan, cumulative }, active }: Pick<PlanPricing, "pricing" | "active">,
  { schedule, agreed }: Pick<PlanPricing, "schedule" | "agreed">,
): Temporal.Instant | undefined => {
  if (!tiersSpanPlan || !cumulative) return undefined;
  return spanStart({ plan: schedule.active, pricing: active, limit: agreed?.limit });
};

const agreedIn = (config: Config, contract: Bought["contract"]): Agreed | undefined => {
  if (contract === undefined) return undefined;
  const { applyContractPeriodLimits, usageFilters: filters = [] } = contract;
  if (!applyContractPeriodLimits && filters.length === 0) return undefined;
  const limit = applyContractPeriodLimits ? localPeriod(zoneOf(config), contract) : undefined;
  return { contract, filters, limit };
};
