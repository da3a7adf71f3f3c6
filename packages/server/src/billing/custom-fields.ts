import type { BillTerms, CompoundInputs } from "@turnpike/engine/bill/facts.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import { customFieldValues } from "../records/custom-field-values.ts";
import type { BillingBook } from "./billing-book.ts";

/** The custom fields around a usage window: the entity's own over the organization's defaults for its kind (2.10). */
export const customFieldsOf =
  (book: BillingBook, terms: BillTerms) =>
  ({ key }: UsageWindow): CompoundInputs["customFields"] => {
    // The key of a window begins with its account plan and its plan.
    const [accountPlanId, planId] = key.split("/");
    const defaults = book.customFields;
    const accountPlan = book.accountPlans.find(({ id }) => id === accountPlanId);
    const plan = book.plans.get(planId ?? "");
    const template = book.planTemplates.get(plan?.planTemplateId ?? "");
    const product = book.products.get(template?.productId ?? "");
    const account = book.accounts.get(accountPlan?.accountId ?? terms.account.id);
    const contract = book.contracts.get(accountPlan?.contractId ?? "");
    return {
      ...customFieldValues("organization", defaults?.organization),
      ...customFieldValues("account", defaults?.account, account?.customFields),
      ...customFieldValues("accountPlan", defaults?.accountPlan, accountPlan?.customFields),
      ...customFieldValues("product", defaults?.product, product?.customFields),
      ...customFieldValues("planTemplate", defaults?.planTemplate, template?.customFields),
      ...customFieldValues("plan", defaults?.plan, plan?.customFields),
      ...customFieldValues("contract", defaults?.contract, contract?.customFields),
    };
  };
