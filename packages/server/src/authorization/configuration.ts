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
import type { Database } from "../ports/database.ts";
import { periodKinds } from "../records/billing-periods.ts";
import { budgetsFrom, scopeOf } from "../records/limits.ts";
import { lookupEvery } from "../records/lookup.ts";
import { createCache } from "./cache.ts";

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
  readonly budgets: readonly Budget[];
  readonly rateLimits: readonly RateLimit[];
  readonly concurrencyLimits: readonly ConcurrencyLimit[];
  readonly topUpPlans: readonly TopUpPlan[];
}

const kinds: ReadonlySet<string> = new Set(
  [asset, assetRate, autoTopUp, budget, concurrencyLimit, rateLimit].map(({ kind }) => kind),
);

/** How long another server may still decide by records that were changed here, if it does not hear of it. */
const rememberedMs = 2_000;

export interface Configurations {
  readonly of: (orgId: string) => Promise<Configuration>;
  readonly announce: (change: { orgId: string; kind: string }) => void;
}

export const createConfigurations = (database: Database, now: () => number): Configurations => {
  const cache = createCache<Configuration>({ now, rememberedMs: () => rememberedMs, max: 10_000 });
  /** Organizations with budgets by billing period: what moves their periods moves limits. */
  const byPeriod = new Set<string>();
  return {
    of: (orgId) =>
      cache.get(orgId, async () => {
        const configuration = await load(database, orgId);
        const kindsOfWindows = configuration.budgets.map(({ window }) => window.kind);
        if (kindsOfWindows.includes("billingPeriod")) byPeriod.add(orgId);
        return configuration;
      }),
    announce: ({ orgId, kind }) => {
      if (kinds.has(kind) || (byPeriod.has(orgId) && periodKinds.has(kind))) cache.forget(orgId);
    },
  };
};

const load = async (database: Database, orgId: string): Promise<Configuration> => {
  const assetRecords = await lookupEvery(database, asset, orgId);
  const assets = new Map(
    assetRecords.map(({ code, scale, kind }): [string, Asset] => [code, { code, scale, kind }]),
  );
  const scales = new Map(assetRecords.map(({ code, scale }) => [code, scale]));
  const budgets = await lookupEvery(database, budget, orgId);
  const rateLimits = await lookupEvery(database, rateLimit, orgId);
  const concurrencyLimits = await lookupEvery(database, concurrencyLimit, orgId);
  return {
    assets,
    rates: (await lookupEvery(database, assetRate, orgId)).map(rateFrom),
    budgets: await budgetsFrom(database, orgId, { records: budgets, scales }),
    rateLimits: rateLimits.map(({ id, code, scope, limit, windowSeconds, burst }) => ({
      id,
      code,
      scope: scopeOf(scope),
      limit,
      windowMs: windowSeconds * 1000,
      burst,
    })),
    concurrencyLimits: concurrencyLimits.map(({ id, code, scope, limit }) => ({
      id,
      code,
      scope: scopeOf(scope),
      limit,
    })),
    topUpPlans: (await lookupEvery(database, autoTopUp, orgId)).flatMap((record) =>
      topUpPlanFrom(record, scales),
    ),
  };
};

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
