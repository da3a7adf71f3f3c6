import { sql } from "kysely";
import { account } from "@turnpike/contract/accounts/account.ts";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { contract } from "@turnpike/contract/accounts/contract.ts";
import { counterAdjustment } from "@turnpike/contract/accounts/counter-adjustment.ts";
import { currency } from "@turnpike/contract/accounts/currency.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { balance } from "@turnpike/contract/balances/balance.ts";
import { billGroupingKey } from "@turnpike/contract/billing/bill-grouping-key.ts";
import { charge } from "@turnpike/contract/billing/charge.ts";
import { commitment } from "@turnpike/contract/billing/commitment.ts";
import type { Resource, Stored } from "@turnpike/contract/resource.ts";
import { lookup, lookupAll, lookupEvery, lookupReferring } from "../records/lookup.ts";
import type { Reader } from "../ports/database.ts";
import { type Catalog, present, takeCatalog } from "./catalog-snapshot.ts";

export type AccountRecord = Stored<typeof account>;
export type AccountPlanRecord = Stored<typeof accountPlan>;
export type ContractRecord = Stored<typeof contract>;
export type CommitmentRecord = Stored<typeof commitment>;
export type BalanceRecord = Stored<typeof balance>;
/** The server says on which bill a charge stands. */
export type ChargeRecord = Stored<typeof charge> & { readonly billId?: string };
export type ConfigRecord = Stored<typeof organizationConfig>;
export type CurrencyRecord = Stored<typeof currency>;

/** An entry of a balance's ledger that no bill made. */
export interface BalanceEntry {
  readonly balanceId: string;
  readonly amount: string;
  readonly appliedAt: string;
}

/** Everything configured that the bills of some accounts can depend on, as it stands at one moment. */
export interface Snapshot extends Catalog {
  readonly orgId: string;
  readonly config: ConfigRecord;
  readonly currencies: readonly CurrencyRecord[];
  /** The accounts asked for, with their parents and children. */
  readonly accounts: ReadonlyMap<string, AccountRecord>;
  /** By parent. */
  readonly children: ReadonlyMap<string, readonly AccountRecord[]>;
  readonly accountPlans: readonly AccountPlanRecord[];
  readonly contracts: ReadonlyMap<string, ContractRecord>;
  readonly groupingKeys: ReadonlyMap<string, Stored<typeof billGroupingKey>>;
  readonly commitments: readonly CommitmentRecord[];
  readonly balances: readonly BalanceRecord[];
  readonly balanceEntries: ReadonlyMap<string, readonly BalanceEntry[]>;
  readonly charges: readonly ChargeRecord[];
  readonly counterAdjustments: readonly Stored<typeof counterAdjustment>[];
}

/** The accounts with their parents and their parents' and own children: they share plans and credits. */
const takeFamily = async (
  reader: Reader,
  orgId: string,
  accountIds: readonly string[],
): Promise<Map<string, AccountRecord>> => {
  const named = await lookupAll(reader, account, { orgId, ids: accountIds });
  const parentIds = present([...named.values()].map(({ parentAccountId }) => parentAccountId));
  const parents = await lookupAll(reader, account, { orgId, ids: parentIds });
  const children = await lookupReferring(reader, account, {
    orgId,
    field: "parentAccountId",
    ids: present([...accountIds, ...parentIds]),
  });
  return new Map([...named, ...parents, ...children.map((child) => [child.id, child] as const)]);
};

/** Draw-downs are not among them: those are what bills took, see `draw-downs.ts`. */
const takeBalanceEntries = async (
  reader: Reader,
  orgId: string,
  balanceIds: readonly string[],
): Promise<Map<string, BalanceEntry[]>> => {
  if (balanceIds.length === 0) return new Map();
  const { rows } = await sql<BalanceEntry>`
    SELECT parent_id AS "balanceId", document->>'amount' AS amount,
      coalesce(document->>'appliedDate',
        to_char(dt_created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) AS "appliedAt"
    FROM record WHERE org_id = ${orgId} AND kind = 'balanceTransaction'
      AND parent_id = ANY(${balanceIds}::uuid[])
      AND document->>'entityType' IS DISTINCT FROM 'BILL'
    ORDER BY dt_created, id
  `.execute(reader);
  return Map.groupBy(rows, ({ balanceId }) => balanceId);
};

const accountingProducts = (
  commitments: readonly CommitmentRecord[],
  balances: readonly BalanceRecord[],
  charges: readonly ChargeRecord[],
): string[] =>
  present([
    ...commitments.flatMap((one) => [
      one.accountingProductId,
      one.feesAccountingProductId,
      one.drawdownsAccountingProductId,
    ]),
    ...balances.flatMap((one) => [
      one.consumptionsAccountingProductId,
      one.feesAccountingProductId,
    ]),
    ...charges.map(({ accountingProductId }) => accountingProductId),
  ]);

/** Two dozen queries, however many accounts. */
export const takeSnapshot = async (
  reader: Reader,
  orgId: string,
  accountIds: readonly string[],
): Promise<Snapshot> => {
  const config = await lookup(reader, organizationConfig, { orgId, id: orgId });
  if (config === undefined) throw new Error(`organization ${orgId} has no configuration`);
  const accounts = await takeFamily(reader, orgId, accountIds);
  const owned = <R extends Resource>(resource: R): Promise<Stored<R>[]> =>
    lookupReferring(reader, resource, { orgId, field: "accountId", ids: [...accounts.keys()] });
  const accountPlans = await owned(accountPlan);
  const contracts = await owned(contract);
  const commitments = await owned(commitment);
  const balances = await owned(balance);
  const charges = await owned(charge);
  const keyIds = present(contracts.map(({ billGroupingKeyId }) => billGroupingKeyId));
  const catalog = await takeCatalog(reader, orgId, {
    planIds: present([
      ...accountPlans.map(({ planId }) => planId),
      ...commitments.map(({ billingPlanId }) => billingPlanId),
    ]),
    planGroupIds: present(accountPlans.map(({ planGroupId }) => planGroupId)),
    productIds: accountingProducts(commitments, balances, charges),
  });
  const balanceIds = balances.map(({ id }) => id);
  return {
    ...catalog,
    orgId,
    config,
    currencies: await lookupEvery(reader, currency, orgId),
    accounts,
    children: Map.groupBy(
      [...accounts.values()].filter(({ parentAccountId }) => parentAccountId !== undefined),
      ({ parentAccountId }) => parentAccountId ?? "",
    ),
    accountPlans,
    contracts: new Map(contracts.map((one) => [one.id, one])),
    groupingKeys: await lookupAll(reader, billGroupingKey, { orgId, ids: keyIds }),
    commitments,
    balances,
    balanceEntries: await takeBalanceEntries(reader, orgId, balanceIds),
    charges,
    counterAdjustments: catalog.counters.size === 0 ? [] : await owned(counterAdjustment),
  };
};
