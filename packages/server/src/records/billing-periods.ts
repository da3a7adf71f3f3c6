import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Scope } from "@turnpike/engine/ledger/scope.ts";
import type { BillingPeriods } from "@turnpike/engine/time/billing-periods.ts";
import { compareInstants } from "@turnpike/engine/time/period.ts";
import type { Reader } from "../ports/database.ts";
import { loadAttachedPlans } from "./attached-plans.ts";
import { anchorOf, scheduleOf, zoneOf } from "./billing-schedule.ts";
import { lookup, lookupAll, lookupCodes, lookupReferring } from "./lookup.ts";

type AccountRecord = Stored<typeof account>;
type AccountPlanRecord = Stored<typeof accountPlan>;
type Template = Stored<typeof planTemplate>;

/** The billing periods of whom a scope names. */
export type PeriodsOf = (scope: Scope) => BillingPeriods;

/** Changes of records of these kinds move billing periods. */
export const periodKinds: ReadonlySet<string> = new Set(
  [account, accountPlan, organizationConfig, plan, planGroupLink, planTemplate].map(
    ({ kind }) => kind,
  ),
);

/**
 * The billing periods of scopes: of a scope's account, those of its plans, or of its parent's where it has none of its
 * own; of a product of it, those of the plans for that product, where there are any. Whom no plan bills, and who is no
 * one account, has the organization's months.
 */
export const loadBillingPeriods = async (
  reader: Reader,
  orgId: string,
  scopes: readonly Scope[],
): Promise<PeriodsOf> => {
  const config = await lookup(reader, organizationConfig, { orgId, id: orgId });
  if (config === undefined) throw new Error(`organization ${orgId} has no configuration`);
  const codes = [...new Set(scopes.flatMap((scope) => scope.account ?? []))];
  const accounts = await lookupCodes(reader, account, { orgId, codes });
  const byCode = new Map(accounts.map((owner) => [owner.code, owner]));
  const attached = await loadAttached(reader, orgId, accounts);
  return (scope) => {
    const owner = byCode.get(scope.account ?? "");
    const all = owner === undefined ? [] : attached(owner);
    const ofProduct = all.filter(({ template }) => template.productId === scope.product);
    const schedules = (ofProduct.length === 0 ? all : ofProduct)
      .flatMap((one) => scheduleOf(config, one) ?? [])
      .toSorted((a, b) => compareInstants(a.active.start, b.active.start));
    const anchor = anchorOf(config, { account: owner?.billEpoch }, "MONTHLY");
    const cadence = { anchor, frequency: "MONTHLY", interval: 1 } as const;
    return { schedules, otherwise: { cadence, zone: zoneOf(config) } };
  };
};

interface Attached {
  readonly owner: AccountRecord;
  readonly attachment: AccountPlanRecord;
  readonly template: Template;
}

/** The plans by which an account is billed: its own, or else its parent's. */
const loadAttached = async (
  reader: Reader,
  orgId: string,
  accounts: readonly AccountRecord[],
): Promise<(owner: AccountRecord) => readonly Attached[]> => {
  const parents = await lookupAll(reader, account, {
    orgId,
    ids: accounts.flatMap(({ parentAccountId }) => parentAccountId ?? []),
  });
  const owners = new Map([...accounts, ...parents.values()].map((owner) => [owner.id, owner]));
  const attachments = await lookupReferring(reader, accountPlan, {
    orgId,
    field: "accountId",
    ids: [...owners.keys()],
  });
  const plansOf = await loadAttachedPlans(reader, orgId, attachments);
  const attached = attachments.flatMap((attachment) => {
    const owner = owners.get(attachment.accountId);
    if (owner === undefined) return [];
    return plansOf(attachment).map(({ template }) => ({ owner, attachment, template }));
  });
  const byOwner = Map.groupBy(attached, ({ owner }) => owner.id);
  return ({ id, parentAccountId }) => byOwner.get(id) ?? byOwner.get(parentAccountId ?? "") ?? [];
};
