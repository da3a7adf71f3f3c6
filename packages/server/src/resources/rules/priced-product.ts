import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { counterPricing } from "@turnpike/contract/catalog/counter-pricing.ts";
import { counter } from "@turnpike/contract/catalog/counter.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { hold, lookup, lookupReferring } from "../../records/lookup.ts";
import type { Followed, Write } from "../rule.ts";

type Scope = Pick<Write, "transaction" | "orgId">;

/** A price of any kind: what it prices, and on what. */
interface Price {
  readonly planId?: string | undefined;
  readonly planTemplateId?: string | undefined;
  readonly aggregationId?: string | undefined;
  readonly compoundAggregationId?: string | undefined;
  readonly counterId?: string | undefined;
}

/** The record whose product is that of what is priced: a simple aggregation has its meter's (m3ter semantics 4). */
const ownerOfSource = async ({ transaction, orgId }: Scope, price: Price) => {
  const { aggregationId, compoundAggregationId, counterId } = price;
  if (counterId !== undefined) return { resource: counter, id: counterId };
  if (compoundAggregationId !== undefined)
    return { resource: compoundAggregation, id: compoundAggregationId };
  const id = aggregationId ?? "";
  return {
    resource: meter,
    id: (await lookup(transaction, aggregation, { orgId, id }))?.meterId ?? "",
  };
};

const templateIdOf = async (
  { transaction, orgId }: Scope,
  { planId: id, planTemplateId }: Price,
): Promise<string> => {
  if (id === undefined) return planTemplateId ?? "";
  return (await lookup(transaction, plan, { orgId, id }))?.planTemplateId ?? "";
};

/** What belongs to a product prices plans of that product only; what is global prices any (m3ter semantics 4). */
const isForeign = async (scope: Scope, price: Price): Promise<boolean> => {
  const { transaction, orgId } = scope;
  const { resource, id } = await ownerOfSource(scope, price);
  const source = await lookup(transaction, resource, { orgId, id });
  if (source?.productId === undefined) return false;
  const template = await lookup(transaction, planTemplate, {
    orgId,
    id: await templateIdOf(scope, price),
  });
  return template !== undefined && template.productId !== source.productId;
};

/** Refuses a price that is about to be written; what it relies on stays as it is until it stands. */
export const refuseForeignPrice = async (scope: Scope, price: Price): Promise<void> => {
  const { transaction, orgId } = scope;
  if (price.aggregationId !== undefined)
    await hold(transaction, { orgId, kind: aggregation.kind, id: price.aggregationId });
  const { resource, id } = await ownerOfSource(scope, price);
  await hold(transaction, { orgId, kind: resource.kind, id });
  await hold(transaction, { orgId, kind: planTemplate.kind, id: await templateIdOf(scope, price) });
  if (!(await isForeign(scope, price))) return;
  const message = "belongs to another product than the plan";
  throw fieldProblem("RULE_VIOLATED", sourceField(price), message);
};

const sourceField = ({ counterId, compoundAggregationId }: Price): keyof Price => {
  if (counterId !== undefined) return "counterId";
  return compoundAggregationId === undefined ? "aggregationId" : "compoundAggregationId";
};

/** Records whose prices are asked for: by the field in which a price names them. */
interface Named {
  readonly by: keyof Price;
  readonly ids: readonly string[];
}

/**
 * Refuses a change, already written, that leaves a price on a plan of another product than what it prices. `field` is what
 * was changed.
 */
export const keepsPrices = async (
  scope: Scope,
  { by, ids, field }: Named & { field: string },
): Promise<void> => {
  const { transaction, orgId } = scope;
  const on = { orgId, field: by, ids };
  for (const resource of [pricing, counterPricing]) {
    for (const price of await lookupReferring(transaction, resource, on)) {
      if (!(await isForeign(scope, price))) continue;
      const message = `would leave ${resource.kind} ${price.id} on a plan of another product`;
      throw fieldProblem("RULE_VIOLATED", field, message);
    }
  }
};

/** The rule of a kind that has a product of its own: it changes no further than the prices of the records allow. */
export const keepsPricedProduct =
  (by: keyof Price) =>
  async ({ writer, row, before }: Followed): Promise<void> => {
    const field = "productId";
    if (before === undefined || before.document[field] === row.document[field]) return;
    const scope = { transaction: writer.transaction, orgId: row.org_id };
    await keepsPrices(scope, { by, ids: [row.id], field });
  };
