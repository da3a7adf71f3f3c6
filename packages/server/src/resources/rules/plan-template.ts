import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { lookupReferring } from "../../records/lookup.ts";
import type { Followed, Rules } from "../rule.ts";
import { keepsUsesOfPlans } from "./plan-uses.ts";
import { keepsPrices } from "./priced-product.ts";

/** What stands on a template's plans stands on its product and cadence (m3ter semantics 4, 9.3, 9.4). */
const keepsItsUses = async ({ writer, row, before }: Followed): Promise<void> => {
  if (before === undefined) return;
  const was = planTemplate.fields.parse(before.document);
  const now = planTemplate.fields.parse(row.document);
  const isSameProduct = was.productId === now.productId;
  const isSameFrequency = was.billFrequency === now.billFrequency;
  if (isSameProduct && isSameFrequency && was.billFrequencyInterval === now.billFrequencyInterval)
    return;
  const { transaction } = writer;
  const scope = { transaction, orgId: row.org_id };
  const on = { orgId: row.org_id, field: "planTemplateId", ids: [row.id] };
  const planIds = (await lookupReferring(transaction, plan, on)).map(({ id }) => id);
  const cadence = isSameFrequency ? "billFrequencyInterval" : "billFrequency";
  await keepsUsesOfPlans(scope, { planIds, fields: { product: "productId", cadence } });
  if (isSameProduct) return;
  await keepsPrices(scope, { by: "planId", ids: planIds, field: "productId" });
  await keepsPrices(scope, { by: "planTemplateId", ids: [row.id], field: "productId" });
};

export const planTemplateRules: Rules = { follow: keepsItsUses };
