import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { type ChildAccount, poolOf } from "@turnpike/engine/bill/hierarchy.ts";
import { placeOfSegment } from "@turnpike/engine/bill/segments.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { quantityScale, toAtoms } from "@turnpike/engine/ledger/asset.ts";
import { emptyPosition } from "@turnpike/engine/ledger/price.ts";
import type { Position } from "@turnpike/engine/ledger/rows.ts";
import { contains, intersection, type Period } from "@turnpike/engine/time/period.ts";
import type { Database } from "../../ports/database.ts";
import type { UsageSource, UsageStore } from "../../ports/usage-store.ts";
import { loadAttachedPlans } from "../../records/attached-plans.ts";
import { activePeriod } from "../../records/billing-schedule.ts";
import { lookupReferring } from "../../records/lookup.ts";
import type { Customers } from "../customers.ts";
import { ownerOf, periodAt, positionId, type PlanPrice } from "./plan-prices.ts";
import type { Prices } from "./prices.ts";

/** Which usage a position counts: that of whoever has the plan, and of children that it rates together with it. */

/** The children of accounts, each with its own plans. */
const loadChildren = async (
  database: Database,
  orgId: string,
  parentIds: readonly string[],
): Promise<(parentId: string) => readonly ChildAccount[]> => {
  const children = await lookupReferring(database, account, {
    orgId,
    field: "parentAccountId",
    ids: parentIds,
  });
  const attached = await lookupReferring(database, accountPlan, {
    orgId,
    field: "accountId",
    ids: children.map(({ id }) => id),
  });
  const plansOf = await loadAttachedPlans(database, orgId, attached);
  const own = Map.groupBy(attached, (attachment) => attachment.accountId);
  const withPlans = (child: Stored<typeof account>): ChildAccount => ({
    account: child,
    plans: (own.get(child.id) ?? []).flatMap((attachment) =>
      plansOf(attachment).map(({ template: { productId } }) => ({
        productId,
        active: activePeriod(attachment),
      })),
    ),
  });
  const byParent = Map.groupBy(children, ({ parentAccountId }) => parentAccountId);
  return (parentId) => (byParent.get(parentId) ?? []).map(withPlans);
};

/** When the position begins to count. */
const startIn = (position: string): Temporal.Instant =>
  Temporal.Instant.fromEpochMilliseconds(
    Number.parseInt(position.slice(position.indexOf("@") + 1), 10),
  );

/** Later than any usage. */
const never = Temporal.Instant.from("9999-12-31T00:00:00Z");

/**
 * What a position counts of its price: one period, or all from one on; undefined where it is none of the price's, which may
 * apply in several separate periods.
 */
const countedIn = (price: PlanPrice, position: string): Period | undefined => {
  const start = startIn(position);
  if (!contains(price.schedule.active, start) || !contains(price.active, start)) return undefined;
  const period = periodAt(price, start.epochMilliseconds);
  if (positionId(price, period) !== position) return undefined;
  if (price.spansFrom !== undefined) return { start, end: never };
  return { start, end: Temporal.Instant.fromEpochMilliseconds(period.end) };
};

/** The price that has the position; undefined once the plan is another. */
const pricedBy = (prices: readonly PlanPrice[], position: string): PlanPrice | undefined =>
  prices.find((price) => countedIn(price, position) !== undefined);

/** As the bill has them (`sourcesOf` of the engine). */
const sourcesOf = (
  price: PlanPrice,
  position: string,
  {
    accountId,
    children,
  }: { readonly accountId: string; readonly children: readonly ChildAccount[] },
): UsageSource[] => {
  const { active } = price.schedule;
  const counted = countedIn(price, position);
  const window = counted && intersection(counted, active, price.active, price.agreed?.limit);
  if (window === undefined) return [];
  const pool = poolOf({ active, productIds: [price.productId] }, children);
  const pooled = pool.flatMap((member) =>
    member.periods.flatMap((period) => {
      const shared = intersection(window, period);
      return shared === undefined ? [] : [{ accountId: member.account.id, window: shared }];
    }),
  );
  return [{ accountId, window }, ...pooled];
};

/** What a position counts, as the bill asks for it. */
interface Asked {
  readonly id: string;
  readonly price: PlanPrice;
  readonly sources: readonly UsageSource[];
}

interface Parts {
  readonly database: Database;
  readonly customers: Customers;
  readonly prices: Prices;
  readonly usage: Pick<UsageStore, "aggregateJointly">;
}

/** What positions begin as that nobody has moved yet; those of which nothing was measured are left out. */
export const readBeginnings = async (
  parts: Parts,
  orgId: string,
  ids: readonly string[],
): Promise<Position[]> => {
  const accountIds = await parts.customers.idsOf(orgId, ids.map(ownerOf));
  const childrenOf = await loadChildren(parts.database, orgId, [...accountIds.values()]);
  const all = ids.map(async (id): Promise<Asked[]> => {
    const accountId = accountIds.get(ownerOf(id));
    if (accountId === undefined) return [];
    const price = pricedBy(await parts.prices.plansOf({ orgId, accountId }), id);
    const payer = { accountId, children: childrenOf(accountId) };
    return price === undefined ? [] : [{ id, price, sources: sourcesOf(price, id, payer) }];
  });
  const asked = (await Promise.all(all)).flat();
  const begun: Position[] = [];
  for (const same of Map.groupBy(asked, questionOf).values())
    begun.push(...(await measured(parts, orgId, same)));
  return begun;
};

/** What one query can be asked for: it answers for every segment. */
const questionOf = ({ price: { aggregation, pricing, agreed } }: Asked): string =>
  `${aggregation.id} ${placeOfSegment(aggregation, pricing.segment) === undefined} ${agreed?.contract.id}`;

const measured = async (
  { usage }: Parts,
  orgId: string,
  asked: readonly Asked[],
): Promise<Position[]> => {
  const [first] = asked;
  if (first === undefined) return [];
  const { aggregation, pricing, agreed } = first.price;
  const { meterId, targetField, aggregation: method } = aggregation;
  const { segmentedFields: fields = [], segments = [] } = aggregation;
  const isSegmented = placeOfSegment(aggregation, pricing.segment) !== undefined;
  const quantities = await usage.aggregateJointly({
    orgId,
    meterId,
    method: method === "COUNT" ? "COUNT" : "SUM",
    targetField,
    filters: agreed?.filters ?? [],
    groups: asked.map(({ sources }) => sources),
    ...(isSegmented ? { segmentation: { fields, segments } } : {}),
  });
  return quantities.flatMap(({ group, segment, quantity }) => {
    const one = asked[group];
    if (one === undefined || quantity === null) return [];
    if (placeOfSegment(one.price.aggregation, one.price.pricing.segment) !== segment) return [];
    const { id } = one;
    const exact = decimal(quantity);
    const posted = toAtoms(exact.round(quantityScale, "HALF_EVEN") ?? exact, quantityScale);
    return [{ ...emptyPosition(id), posted, before: posted }];
  });
};
