import { account } from "@turnpike/contract/accounts/account.ts";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import { lock, lookup, lookupAll, lookupReferring } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

type Dated = { readonly startDate: string; readonly endDate?: string | undefined };

/** Half-open, and open-ended without an end. */
const overlap = (a: Dated, b: Dated): boolean =>
  (b.endDate === undefined || a.startDate < b.endDate) &&
  (a.endDate === undefined || b.startDate < a.endDate);

const productsOf = async (
  transaction: DatabaseTransaction,
  orgId: string,
  planIds: Iterable<string>,
): Promise<Map<string, string>> => {
  const plans = await lookupAll(transaction, plan, { orgId, ids: planIds });
  const templateIds = [...plans.values()].map(({ planTemplateId }) => planTemplateId);
  const templates = await lookupAll(transaction, planTemplate, { orgId, ids: templateIds });
  const products = new Map<string, string>();
  for (const { id, planTemplateId } of plans.values()) {
    products.set(id, templates.get(planTemplateId)?.productId ?? "");
  }
  return products;
};

/** One active plan per product and account, unless the organization allows more (m3ter semantics 9.4). */
const refuseOverlap = async (
  { transaction, orgId, id }: Write,
  next: Dated & { accountId: string; planId: string },
): Promise<void> => {
  const [config] = await lookupSingleton(transaction, orgId);
  if (config?.allowOverlappingPlans === true) return;
  await lock(transaction, { orgId, kind: account.kind, id: next.accountId });
  const attached = await lookupReferring(transaction, accountPlan, {
    orgId,
    field: "accountId",
    ids: [next.accountId],
  });
  const rivals = attached.filter((other) => other.id !== id && overlap(other, next));
  const planIds = rivals.flatMap(({ planId }) => planId ?? []);
  const products = await productsOf(transaction, orgId, [...planIds, next.planId]);
  const product = products.get(next.planId);
  const rival = rivals.find(({ planId }) => products.get(planId ?? "") === product);
  if (rival === undefined) return;
  const message = `overlaps account plan ${rival.id}, which has a plan of the same product`;
  throw fieldProblem("RULE_VIOLATED", "startDate", message);
};

const lookupSingleton = async (
  transaction: DatabaseTransaction,
  orgId: string,
): Promise<Stored<typeof organizationConfig>[]> => {
  const config = await lookup(transaction, organizationConfig, { orgId, id: orgId });
  return config === undefined ? [] : [config];
};

const attachesOnePlan = async (write: Write) => {
  const { transaction, orgId, document } = write;
  const next = accountPlan.fields.parse(document);
  const { accountId, planId } = next;
  if (planId === undefined) return document;
  const attached = await lookup(transaction, plan, { orgId, id: planId });
  if (attached?.accountId !== undefined && attached.accountId !== accountId) {
    throw fieldProblem("RULE_VIOLATED", "planId", "is bespoke for another account");
  }
  await refuseOverlap(write, { ...next, accountId, planId });
  return document;
};

export const accountPlanRules: Rules = { write: attachesOnePlan };
