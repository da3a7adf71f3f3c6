import { asset } from "@turnpike/contract/authorization/asset.ts";
import type { Database } from "../ports/database.ts";
import { periodKinds } from "../records/billing-periods.ts";
import type { CatalogChange } from "../records/catalog-change.ts";
import { createCache, whileHeard } from "./cache.ts";
import { type Configurations, unheardMs } from "./configuration.ts";
import {
  type Known,
  type KnownOfAll,
  limitKinds,
  type Limits,
  loadOfAll,
  loadOwn,
} from "./limit-records.ts";
import { lookedUpTogether } from "./together.ts";

export interface AccountLimits {
  /** What can apply to calls of one of the accounts. An organization may have limits for each of its customers. */
  readonly of: (orgId: string, accounts: readonly string[]) => Promise<Limits>;
  readonly announce: (change: CatalogChange) => void;
}

interface Parts {
  readonly database: Database;
  readonly configurations: Configurations;
  readonly now: () => number;
  /** Whether changes by other servers are heard of. */
  readonly hearsNews: () => boolean;
}

/** In accounts and limits together. */
const rememberedMax = 200_000;

export const createLimits = (parts: Parts): AccountLimits => {
  const { now } = parts;
  const rememberedMs = whileHeard(parts.hearsNews, unheardMs);
  const ofAll = createCache<KnownOfAll>({ now, rememberedMs, max: 10_000 });
  const own = createCache<Known>({ now, rememberedMs, max: rememberedMax, weigh: weightOf });
  const find = lookedUpTogether((orgId, accounts) => loadOwn(parts, orgId, accounts));
  const findOwn = async (orgId: string, account: string): Promise<Known> =>
    (await find(orgId, account)) ?? unlimited;
  return {
    of: async (orgId, accounts) => {
      const { limits, hasOwn } = await ofAll.get(orgId, orgId, () => loadOfAll(parts, orgId));
      if (!hasOwn) return limits;
      const known = await Promise.all(
        accounts.map((account) => own.get(orgId, account, () => findOwn(orgId, account))),
      );
      return joined([limits, ...known.filter((one) => one !== unlimited).map((one) => one.limits)]);
    },
    announce: (change) => {
      const { orgId, kind, account } = change;
      if (kind === asset.kind || (limitKinds.includes(kind) && account === undefined)) {
        ofAll.forget(orgId);
        own.forget(orgId);
      } else if (limitKinds.includes(kind)) {
        ofAll.forget(orgId, ({ hasOwn }) => !hasOwn);
        own.forget(orgId, (_known, key) => key === account);
      } else if (periodKinds.has(kind)) {
        ofAll.forget(orgId, (known) => isMoved(known, change));
        own.forget(orgId, (known) => isMoved(known, change));
      }
    },
  };
};

/** Whether the change can move the periods of budgets; of an account that was not there by then, any can. */
const isMoved = ({ periodsOf }: Known, { account }: CatalogChange): boolean =>
  periodsOf !== undefined &&
  (periodsOf.length === 0 || account === undefined || periodsOf.includes(account));

const none: Limits = { budgets: [], rateLimits: [], concurrencyLimits: [], topUpPlans: [] };

/** One object for all accounts without limits of their own, which may be many. */
const unlimited: Known = { limits: none, periodsOf: undefined };

const weightOf = ({ limits }: Known): number =>
  1 +
  limits.budgets.length +
  limits.rateLimits.length +
  limits.concurrencyLimits.length +
  limits.topUpPlans.length;

const joined = (all: readonly Limits[]): Limits => ({
  budgets: all.flatMap(({ budgets }) => budgets),
  rateLimits: all.flatMap(({ rateLimits }) => rateLimits),
  concurrencyLimits: all.flatMap(({ concurrencyLimits }) => concurrencyLimits),
  topUpPlans: all.flatMap(({ topUpPlans }) => topUpPlans),
});
