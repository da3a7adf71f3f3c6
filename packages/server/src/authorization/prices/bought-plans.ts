import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import { contract } from "@turnpike/contract/accounts/contract.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Database } from "../../ports/database.ts";
import { loadAttachedPlanIds } from "../../records/attached-plans.ts";
import { lookupAll, lookupReferring } from "../../records/lookup.ts";

/** Which plans accounts have. */

export interface Buyer {
  readonly owner: Stored<typeof account>;
  readonly bought: readonly Bought[];
}

export interface Bought {
  readonly attachment: Stored<typeof accountPlan>;
  readonly contract: Stored<typeof contract> | undefined;
  /** Its own plan, or the members of its group (m3ter semantics 9.3). */
  readonly planIds: readonly string[];
}

/** The accounts that there are of these, by their ids. */
export const loadBuyers = async (
  database: Database,
  orgId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Buyer>> => {
  const owners = await lookupAll(database, account, { orgId, ids });
  const attached = await lookupReferring(database, accountPlan, {
    orgId,
    field: "accountId",
    ids,
  });
  const planIdsOf = await loadAttachedPlanIds(database, orgId, attached);
  const contracts = await lookupAll(database, contract, {
    orgId,
    ids: new Set(attached.flatMap(({ contractId }) => contractId ?? [])),
  });
  const bought = Map.groupBy(attached, ({ accountId }) => accountId);
  const boughtAs = (attachment: Stored<typeof accountPlan>): Bought => ({
    attachment,
    contract: contracts.get(attachment.contractId ?? ""),
    planIds: planIdsOf(attachment),
  });
  return new Map(
    [...owners].map(([id, owner]) => [id, { owner, bought: (bought.get(id) ?? []).map(boughtAs) }]),
  );
};
