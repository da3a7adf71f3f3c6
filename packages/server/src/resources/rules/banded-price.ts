import { randomUUID } from "node:crypto";
import type { z } from "zod";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import type { PricingBand } from "@turnpike/contract/catalog/pricing.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Resource, Stored } from "@turnpike/contract/resource.ts";
import { lock, lookupReferring } from "../../records/lookup.ts";
import type { Write } from "../rule.ts";
import { overlap } from "./periods.ts";

/** What pricings and counter pricings hang on, and when. */
interface OnPlan {
  readonly planId?: string | undefined;
  readonly planTemplateId?: string | undefined;
  readonly startDate: string;
  readonly endDate?: string | undefined;
}

/** Every band has an id; they are kept in the order of their limits. */
export const withIds = (bands: readonly PricingBand[]): PricingBand[] =>
  bands
    .map((band) => ({ ...band, id: band.id ?? randomUUID() }))
    .sort((a, b) => a.lowerLimit - b.lowerLimit);

/** Two prices of one thing on one plan at one time would bill it twice (m3ter semantics 10.7). */
export const refuseOverlap = async <R extends Resource<z.ZodType<OnPlan>>>(
  { transaction, orgId, id }: Write,
  next: OnPlan,
  { resource, isSame }: { resource: R; isSame: (other: Stored<R>) => boolean },
): Promise<void> => {
  const [field, owner, kind] =
    next.planId === undefined
      ? ["planTemplateId", next.planTemplateId ?? "", planTemplate.kind]
      : ["planId", next.planId, plan.kind];
  await lock(transaction, { orgId, kind, id: owner });
  const others = await lookupReferring(transaction, resource, { orgId, field, ids: [owner] });
  const rival = others.find((other) => other.id !== id && isSame(other) && overlap(other, next));
  if (rival === undefined) return;
  const message = `overlaps ${resource.kind} ${rival.id} of the same usage`;
  throw fieldProblem("RULE_VIOLATED", "startDate", message);
};
