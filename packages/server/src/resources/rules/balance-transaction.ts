import type { Rules, Write } from "../rule.ts";

/** Dated now and written by the caller, unless it says otherwise (m3ter semantics 16.2). */
const knowsWhenAndWho = async ({ document, at, principal }: Write) => {
  const now = at.toISOString();
  return {
    appliedDate: now,
    transactionDate: now,
    entityType: "SERVICE_USER",
    entityId: principal,
    ...document,
  };
};

export const balanceTransactionRules: Rules = { write: knowsWhenAndWho };
