import { type RawBuilder, sql } from "kysely";
import { account as accountResource } from "@turnpike/contract/accounts/account.ts";
import { autoTopUp } from "@turnpike/contract/authorization/auto-top-up.ts";
import { budget } from "@turnpike/contract/authorization/budget.ts";
import { concurrencyLimit } from "@turnpike/contract/authorization/concurrency-limit.ts";
import { rateLimit } from "@turnpike/contract/authorization/rate-limit.ts";
import type { Resource, Stored } from "@turnpike/contract/resource.ts";
import { parseAtoms } from "@turnpike/engine/ledger/asset.ts";
import type { Budget } from "@turnpike/engine/ledger/budget-window.ts";
import type { ConcurrencyLimit } from "@turnpike/engine/ledger/concurrency-limit.ts";
import type { RateLimit } from "@turnpike/engine/ledger/rate-limit.ts";
import { walletAccountId } from "@turnpike/engine/ledger/rows.ts";
import type { Database } from "../ports/database.ts";
import { budgetsFrom, scopeOf } from "../records/limits.ts";
import { lookupCodes, typed } from "../records/lookup.ts";
import type { RecordRow } from "../records/records.ts";
import type { Configurations } from "./configuration.ts";

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

/** What limits calls, and what their charges may set off. */
export interface Limits {
  readonly budgets: readonly Budget[];
  readonly rateLimits: readonly RateLimit[];
  readonly concurrencyLimits: readonly ConcurrencyLimit[];
  readonly topUpPlans: readonly TopUpPlan[];
}

/** Limits as their records say. */
export interface Known {
  readonly limits: Limits;
  /** Whose records say the periods of budgets, by id; undefined where no budget is by billing period. */
  readonly periodsOf: readonly string[] | undefined;
}

export interface KnownOfAll extends Known {
  /** Whether any account has limits of its own. */
  readonly hasOwn: boolean;
}

export const limitKinds: readonly string[] = [autoTopUp, budget, concurrencyLimit, rateLimit].map(
  ({ kind }) => kind,
);

interface Parts {
  readonly database: Database;
  readonly configurations: Configurations;
}

/** What limits calls of every account. */
export const loadOfAll = async (parts: Parts, orgId: string): Promise<KnownOfAll> => {
  const { database } = parts;
  const rows = await limiting(database, orgId, sql`${limitedAccount} IS NULL`).execute();
  const anyOwn = limiting(database, orgId, sql`${limitedAccount} IS NOT NULL`).limit(1);
  const limits = await limitsFrom(parts, orgId, rows);
  return {
    limits,
    // Nobody's bills say the periods: they are the organization's.
    periodsOf: limits.budgets.some(isByPeriod) ? [orgId] : undefined,
    hasOwn: (await anyOwn.execute()).length > 0,
  };
};

/** What limits calls of each of the accounts, for those that have limits of their own. */
export const loadOwn = async (
  parts: Parts,
  orgId: string,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, Known>> => {
  const { database } = parts;
  const isTheirs = sql`${limitedAccount} = ANY(${accounts}::text[])`;
  const rows = await limiting(database, orgId, isTheirs).execute();
  const limits = await limitsFrom(parts, orgId, rows);
  const byPeriod = limits.budgets.filter(isByPeriod).flatMap(({ scope }) => scope.account ?? []);
  const owners = await periodOwners(database, orgId, byPeriod);
  const budgets = Map.groupBy(limits.budgets, ({ scope }) => scope.account);
  const rateLimits = Map.groupBy(limits.rateLimits, ({ scope }) => scope.account);
  const concurrencyLimits = Map.groupBy(limits.concurrencyLimits, ({ scope }) => scope.account);
  const topUpPlans = Map.groupBy(limits.topUpPlans, (plan) => plan.account);
  const limited = accounts.filter((account) =>
    [budgets, rateLimits, concurrencyLimits, topUpPlans].some((own) => own.has(account)),
  );
  const knownOf = (account: string): Known => ({
    limits: {
      budgets: budgets.get(account) ?? [],
      rateLimits: rateLimits.get(account) ?? [],
      concurrencyLimits: concurrencyLimits.get(account) ?? [],
      topUpPlans: topUpPlans.get(account) ?? [],
    },
    periodsOf: owners.get(account),
  });
  return new Map(limited.map((account) => [account, knownOf(account)]));
};

const isByPeriod = ({ window }: Budget): boolean => window.kind === "billingPeriod";

/** The account that a record of a limit names, as the index on it says. */
const limitedAccount = sql`coalesce(document #>> '{scope,account}', document ->> 'account')`;

/** Oldest first. */
const limiting = (database: Database, orgId: string, isMeant: RawBuilder<unknown>) =>
  database
    .selectFrom("record")
    .selectAll()
    .where("org_id", "=", orgId)
    // As the index has it.
    .where(sql<boolean>`kind IN ('autoTopUp', 'budget', 'concurrencyLimit', 'rateLimit')`)
    .where(sql<boolean>`${isMeant}`)
    .orderBy("dt_created")
    .orderBy("id");

/** The account itself and its parent, whose plans may bill it; nobody where there is no such account. */
const periodOwners = async (
  database: Database,
  orgId: string,
  accounts: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const found = await lookupCodes(database, accountResource, { orgId, codes: accounts });
  const owners = found.map(({ code, id, parentAccountId }): [string, string[]] => [
    code,
    parentAccountId === undefined ? [id] : [id, parentAccountId],
  ]);
  return new Map([...accounts.map((code): [string, string[]] => [code, []]), ...owners]);
};

const ofKind = <R extends Resource>(resource: R, rows: readonly RecordRow[]): Stored<R>[] =>
  rows.filter(({ kind }) => kind === resource.kind).map((row) => typed(resource, row));

const limitsFrom = async (
  { database, configurations }: Parts,
  orgId: string,
  rows: readonly RecordRow[],
): Promise<Limits> => {
  const { assets } = await configurations.of(orgId);
  const scales = new Map([...assets].map(([code, { scale }]) => [code, scale]));
  const budgets = ofKind(budget, rows);
  return {
    budgets: await budgetsFrom(database, orgId, { records: budgets, scales }),
    rateLimits: ofKind(rateLimit, rows).map(rateLimitFrom),
    concurrencyLimits: ofKind(concurrencyLimit, rows).map(concurrencyLimitFrom),
    topUpPlans: ofKind(autoTopUp, rows).flatMap((record) => topUpPlanFrom(record, scales)),
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
