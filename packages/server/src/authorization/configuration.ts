import { asset } from "@turnpike/contract/authorization/asset.ts";
import { assetRate } from "@turnpike/contract/authorization/asset-rate.ts";
import { autoTopUp } from "@turnpike/contract/authorization/auto-top-up.ts";
import { budget } from "@turnpike/contract/authorization/budget.ts";
import { concurrencyLimit } from "@turnpike/contract/authorization/concurrency-limit.ts";
import { rateLimit } from "@turnpike/contract/authorization/rate-limit.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { parseAtoms, type Asset, type ExchangeRate } from "@turnpike/engine/ledger/asset.ts";
import type { Budget } from "@turnpike/engine/ledger/budget-window.ts";
import type { ConcurrencyLimit } from "@turnpike/engine/ledger/concurrency-limit.ts";
import type { RateLimit } from "@turnpike/engine/ledger/rate-limit.ts";
import { walletAccountId } from "@turnpike/engine/ledger/rows.ts";
import type { Scope } from "@turnpike/engine/ledger/scope.ts";
import type { Database } from "../ports/database.ts";
import type { CatalogChange } from "../records/catalog-change.ts";
import { periodKinds } from "../records/billing-periods.ts";
import { budgetsFrom, scopeOf } from "../records/limits.ts";
import { lookupEvery } from "../records/lookup.ts";
import { byAccount, type ByAccount } from "./by-account.ts";
import { createCache, whileHeard } from "./cache.ts";

/** What an automatic top-up is to do; how far it has come is a row of the ledger. */
export interface TopUpPlan {
  readonly id: string;
  readonly account: string;
  readonly walletAccount: string;
  readonly threshold: bigint;
  readonly creditAmount: bigint;
  readonly chargeAmount: string;
  readonly paymentMethod: string;
  readonly windowMs: number;
  readonly countMax: number;
}

/** The organization's records that decisions depend on. */
export interface Configuration {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly rates: readonly ExchangeRate[];
  readonly budgets: ByAccount<Budget>;
  readonly rateLimits: ByAccount<RateLimit>;
  readonly concurrencyLimits: ByAccount<ConcurrencyLimit>;
  readonly concurrencyLimitIds: ReadonlySet<string>;
  readonly topUpPlans: ByAccount<TopUpPlan>;
  /** Whether any budget is by billing period: what moves their periods moves limits. */
  readonly isByPeriod: boolean;
}

const kinds: ReadonlySet<string> = new Set(
  [asset, assetRate, autoTopUp, budget, concurrencyLimit, rateLimit].map(({ kind }) => kind),
);

/** How long a server may still decide by records that another one has changed, once it knows that it does not hear of it. */
const unheardMs = 2_000;

export interface Configurations {
  readonly of: (orgId: string) => Promise<Configuration>;
  readonly announce: (change: CatalogChange) => void;
}

interface Parts {
  readonly database: Database;
  readonly now: () => number;
  /** Whether changes by other servers are heard of. */
  readonly hearsNews: () => boolean;
}

export const createConfigurations = ({ database, now, hearsNews }: Parts): Configurations => {
  const rememberedMs = whileHeard(hearsNews, unheardMs);
  const cache = createCache<Configuration>({ now, rememberedMs, max: 10_000 });
  const byPeriod = new Set<string>();
  return {
    of: (orgId) =>
      cache.get(orgId, orgId, async () => {
        const configuration = await load(database, orgId);
        if (configuration.isByPeriod) byPeriod.add(orgId);
        return configuration;
      }),
    announce: ({ orgId, kind }) => {
      if (kinds.has(kind) || (byPeriod.has(orgId) && periodKinds.has(kind))) cache.forget(orgId);
    },
  };
};

/** Of a limit that names an account, no other account's calls are counted. */
const limitedAccount = ({ scope }: { readonly scope: Scope }): string | undefined => scope.account;

const load = async (database: Database, orgId: string): Promise<Configuration> => {
  const assetRecords = await lookupEvery(database, asset, orgId);
  const assets = new Map(
    assetRecords.map(({ code, scale, kind }): [string, Asset] => [code, { code, scale, kind }]),
  );
  const scales = new Map(assetRecords.map(({ code, scale }) => [code, scale]));
  const budgets = await lookupEvery(database, budget, orgId);
  const rateLimits = await lookupEvery(database, rateLimit, orgId);
  const concurrencyLimits = await lookupEvery(database, concurrencyLimit, orgId);
  const topUps = await lookupEvery(database, autoTopUp, orgId);
  return {
    assets,
    rates: (await lookupEvery(database, assetRate, orgId)).map(rateFrom),
    budgets: byAccount(
      await budgetsFrom(database, orgId, { records: budgets, scales }),
      limitedAccount,
    ),
    rateLimits: byAccount(rateLimits.map(rateLimitFrom), limitedAccount),
    concurrencyLimits: byAccount(concurrencyLimits.map(concurrencyLimitFrom), limitedAccount),
    concurrencyLimitIds: new Set(concurrencyLimits.map(({ id }) => id)),
    topUpPlans: byAccount(
      topUps.flatMap((record) => topUpPlanFrom(record, scales)),
      ({ account }) => account,
    ),
    isByPeriod: budgets.some(({ window }) => window === "billingPeriod"),
  };
};

const rateLimitFrom = (record: Stored<typeof rateLimit>): RateLimit => ({
  id: record.id,
  code: record.code,
  scope: scopeOf(record.scope),
  limit: record.limit,
  windowMs: record.windowSeconds * 1000,
  burst: record.burst,
});

const concurrencyLimitFrom = (record: Stored<typeof concurrencyLimit>): ConcurrencyLimit => ({
  id: record.id,
  code: record.code,
  scope: scopeOf(record.scope),
  limit: record.limit,
});

const rateFrom = (record: Stored<typeof assetRate>): ExchangeRate => {
  const [whole = "", fraction = ""] = record.rate.split(".");
  return {
    from: record.from,
    to: record.to,
    num: BigInt(`${whole}${fraction}`),
    den: 10n ** BigInt(fraction.length),
    effectiveAt: Date.parse(record.effectiveAt),
  };
};

const topUpPlanFrom = (
  record: Stored<typeof autoTopUp>,
  scales: ReadonlyMap<string, number>,
): TopUpPlan[] => {
  const scale = scales.get(record.asset);
  if (scale === undefined) return [];
  const threshold = parseAtoms(record.threshold, scale);
  const creditAmount = parseAtoms(record.creditAmount, scale);
  if (threshold === undefined || creditAmount === undefined || creditAmount === 0n) return [];
  return [
    {
      id: record.id,
      account: record.account,
      walletAccount: walletAccountId(record.account, record.asset),
      threshold,
      creditAmount,
      chargeAmount: record.chargeAmount ?? record.creditAmount,
      paymentMethod: record.paymentMethod,
      windowMs: record.windowSeconds * 1000,
      countMax: record.countMax,
    },
  ];
};
