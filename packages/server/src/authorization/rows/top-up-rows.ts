import type { LedgerState, TopUpRule } from "@turnpike/engine/ledger/rows.ts";
import type { TopUpPlan } from "../limit-records.ts";
import type { NamedRows } from "./named-rows.ts";
import { byId, query, type Reader } from "./reader.ts";
import * as stored from "./stored-rows.ts";

export const loadTopUps = async (
  reader: Reader,
  named: NamedRows,
): Promise<LedgerState["topUps"]> => {
  const [ids, payments] = [[...named.topUps], [...named.payments]];
  if (ids.length + payments.length === 0) return new Map();
  const text = "SELECT * FROM top_up WHERE org_id = $1 AND (id = ANY($2) OR payment = ANY($3))";
  const statement = { name: "ledger-top-ups", text };
  const rows = await query<stored.TopUpColumns>(reader, statement, [ids, payments]);
  return byId(rows.map(stored.topUpFrom));
};

export const loadTopUpRules = async (
  reader: Reader,
  plans: readonly TopUpPlan[],
): Promise<LedgerState["topUpRules"]> => {
  if (plans.length === 0) return new Map();
  const text = "SELECT * FROM top_up_rule WHERE org_id = $1 AND id = ANY($2)";
  const statement = { name: "ledger-top-up-rules", text };
  const rows = await query<stored.TopUpRuleColumns>(reader, statement, [plans.map(({ id }) => id)]);
  const known = byId(rows);
  return byId(plans.map((plan) => ruleOf(plan, known.get(plan.id))));
};

/** A rule as configured, as far as it has come; another payment method ends its suspension (W14). */
const ruleOf = (plan: TopUpPlan, row: stored.TopUpRuleColumns | undefined): TopUpRule => {
  const isSameMethod = row?.payment_method === plan.paymentMethod;
  return {
    id: plan.id,
    walletAccount: plan.walletAccount,
    threshold: plan.threshold,
    creditAmount: plan.creditAmount,
    chargeAmount: plan.chargeAmount,
    paymentMethod: plan.paymentMethod,
    windowMs: plan.windowMs,
    countMax: plan.countMax,
    inFlight: row?.in_flight ?? null,
    startedAt: row?.started_at ?? [],
    failures: isSameMethod ? row.failures : 0,
    isSuspended: isSameMethod && row.is_suspended,
  };
};
