import type { budget } from "@turnpike/contract/authorization/budget.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { parseAtoms, quantityScale } from "@turnpike/engine/ledger/asset.ts";
import type { Budget, WindowRule } from "@turnpike/engine/ledger/budget-window.ts";
import type { Scope } from "@turnpike/engine/ledger/scope.ts";

type BudgetRecord = Stored<typeof budget>;

/** Only the dimensions that are named. */
export const scopeOf = (scope: { readonly [K in keyof Scope]?: string | undefined }): Scope => ({
  ...(scope.account === undefined ? {} : { account: scope.account }),
  ...(scope.subject === undefined ? {} : { subject: scope.subject }),
  ...(scope.agent === undefined ? {} : { agent: scope.agent }),
  ...(scope.key === undefined ? {} : { key: scope.key }),
  ...(scope.feature === undefined ? {} : { feature: scope.feature }),
  ...(scope.product === undefined ? {} : { product: scope.product }),
});

/** A billing period is the calendar month of the budget's zone ([R]: f.2 does not say whose billing period). */
const windowOf = (window: BudgetRecord["window"]): WindowRule => {
  if (typeof window !== "string") {
    const durationMs = Temporal.Duration.from(window.rolling).total({
      unit: "milliseconds",
      relativeTo: "1970-01-01T00:00Z[UTC]",
    });
    return { kind: "rolling", durationMs };
  }
  return { kind: window === "billingPeriod" ? "month" : window };
};

/** How many digits after the point a budget counts in; undefined when its asset is unknown. */
export const budgetScale = (
  record: BudgetRecord,
  scales: ReadonlyMap<string, number>,
): number | undefined => (record.asset === undefined ? quantityScale : scales.get(record.asset));

/** The engine's budget; undefined when its asset is unknown or coarser than its limit. */
export const budgetFrom = (
  record: BudgetRecord,
  scales: ReadonlyMap<string, number>,
): Budget | undefined => {
  const scale = budgetScale(record, scales);
  const limit = scale === undefined ? undefined : parseAtoms(record.limit, scale);
  if (limit === undefined) return undefined;
  return {
    id: record.id,
    scope: scopeOf(record.scope),
    counts: record.asset === undefined ? { unit: record.unit ?? "" } : { asset: record.asset },
    window: windowOf(record.window),
    zone: record.timeZone,
    anchor: record.anchor ?? null,
    limit,
    mode: record.mode,
    alertPercents: record.alerts,
  };
};
