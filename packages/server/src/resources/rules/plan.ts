import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { hold } from "../../records/lookup.ts";
import type { Followed, Rules, Write } from "../rule.ts";
import { keepsItsAccount, refuseOthersAttached } from "./custom-plan.ts";
import { attachmentsOf, keepsUsesOfPlans } from "./plan-uses.ts";
import { keepsPrices } from "./priced-product.ts";

const bespokeNamesItsAccount = async ({ transaction, orgId, document, before }: Write) => {
  const next = plan.fields.parse(document);
  if (next.bespoke === true && next.accountId === undefined) {
    throw fieldProblem("RULE_VIOLATED", "accountId", "is required when bespoke is true");
  }
  keepsItsAccount(next, before);
  await hold(transaction, { orgId, kind: planTemplate.kind, id: next.planTemplateId });
  return document;
};

/** What stands on a plan stands on its template's product and cadence, and on whose plan it is. */
const keepsItsUses = async ({ writer, row, before }: Followed): Promise<void> => {
  if (before === undefined) return;
  const [was, now] = [plan.fields.parse(before.document), plan.fields.parse(row.document)];
  const scope = { transaction: writer.transaction, orgId: row.org_id };
  const planIds = [row.id];
  if (was.accountId !== now.accountId)
    refuseOthersAttached(now, await attachmentsOf(scope, planIds));
  if (was.planTemplateId === now.planTemplateId) return;
  const field = "planTemplateId";
  await keepsUsesOfPlans(scope, { planIds, fields: { product: field, cadence: field } });
  await keepsPrices(scope, { by: "planId", ids: planIds, field });
};

export const planRules: Rules = { write: bespokeNamesItsAccount, follow: keepsItsUses };
