import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Rules } from "../rule.ts";

/** Every organization has US dollars (m3ter semantics 18.9). */
export const defaultCurrency = "USD";

export const currencyRules: Rules = {
  write: async ({ document, before }) => {
    if (before?.["code"] !== defaultCurrency || document["code"] === defaultCurrency) {
      return document;
    }
    throw fieldProblem("RULE_VIOLATED", "code", `is ${defaultCurrency}, which must stay`);
  },
  remove: async ({ document }) => {
    if (document["code"] !== defaultCurrency) return;
    throw fieldProblem("RULE_VIOLATED", "id", `is ${defaultCurrency}, which cannot be deleted`);
  },
};
