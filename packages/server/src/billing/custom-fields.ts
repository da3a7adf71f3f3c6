import type { BillTerms, CompoundInputs } from "@turnpike/engine/bill/facts.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import type { BillingBook } from "./billing-book.ts";

type Fields = Readonly<Record<string, string | number>> | undefined;

const named = (entity: string, ...layers: readonly Fields[]): [string, string | number][] =>
  layers.flatMap((fields) =>
    Object.entries(fields ?? {}).map(([name, value]): [string, string | number] => [
      `${entity}.${name}`,
      value,
    ]),
  );

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
    return Object.fromEntries([
      ...named("organization", defaults?.organization),
      ...named("account", defaults?.account, account?.customFields),
      ...named("accountPlan", defaults?.accountPlan, accountPlan?.customFields),
      ...named("product", defaults?.product, product?.customFields),
      ...named("planTemplate", defaults?.planTemplate, template?.customFields),
      ...named("plan", defaults?.plan, plan?.customFields),
      ...named("contract", defaults?.contract, contract?.customFields),
    ]);
  };
