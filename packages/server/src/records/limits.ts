import type { budget } from "@turnpike/contract/authorization/budget.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { parseAtoms, quantityScale } from "@turnpike/engine/ledger/asset.ts";
import type { Budget, WindowRule } from "@turnpike/engine/ledger/budget-window.ts";
import type { Scope } from "@turnpike/engine/ledger/scope.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import type { Reader } from "../ports/database.ts";
import { loadBillingPeriods, type PeriodsOf } from "./billing-periods.ts";

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

/** How long a rolling window is; undefined when that is no length of time. */
export const rollingMs = (duration: string): number | undefined => {
  try {
    return Temporal.Duration.from(duration).total({
      unit: "milliseconds",
      relativeTo: "1970-01-01T00:00Z[UTC]",
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

const windowOf = ({ window, scope }: BudgetRecord, periodsOf: PeriodsOf): WindowRule => {
  if (typeof window !== "string") {
    const durationMs = rollingMs(window.rolling);
    if (durationMs === undefined) throw new Error(`a budget rolls over ${window.rolling}`);
    return { kind: "rolling", durationMs };
  }
  return window === "billingPeriod"
    ? { kind: window, periods: periodsOf(scopeOf(scope)) }
    : { kind: window };
};

/** How many digits after the point a budget counts in; undefined when its asset is unknown. */
export const budgetScale = (
  record: Pick<BudgetRecord, "asset">,
  scales: ReadonlyMap<string, number>,
): number | undefined => (record.asset === undefined ? quantityScale : scales.get(record.asset));

/** In atoms; undefined when the budget's asset is unknown or coarser than its limit. */
export const budgetLimit = (
  record: Pick<BudgetRecord, "asset" | "limit">,
  scales: ReadonlyMap<string, number>,
): bigint | undefined => {
  const scale = budgetScale(record, scales);
  return scale === undefined ? undefined : parseAtoms(record.limit, scale);
};

/** The engine's budgets; without those whose limit means nothing. */
export const budgetsFrom = async (
  reader: Reader,
  orgId: string,
  {
    records,
    scales,
  }: {
    readonly records: readonly BudgetRecord[];
    readonly scales: ReadonlyMap<string, number>;
  },
): Promise<Budget[]> => {
  const scopes = records
    .filter(({ window }) => window === "billingPeriod")
    .map(({ scope }) => scopeOf(scope));
  const periodsOf = scopes.length === 0 ? none : await loadBillingPeriods(reader, orgId, scopes);
  return records.flatMap((record) => {
    const limit = budgetLimit(record, scales);
    return limit === undefined ? [] : [budgetFrom(record, limit, periodsOf)];
  });
};

const none: PeriodsOf = () => {
  throw new Error("no budget is by billing period");
};

const budgetFrom = (record: BudgetRecord, limit: bigint, periodsOf: PeriodsOf): Budget => ({
  id: record.id,
  code: record.code,
  scope: scopeOf(record.scope),
  counts: record.asset === undefined ? { unit: record.unit ?? "" } : { asset: record.asset },
  window: windowOf(record, periodsOf),
  zone: parseZone(record.timeZone) ?? "UTC",
  anchor: record.anchor ?? null,
  limit,
  mode: record.mode,
  alertPercents: record.alerts,
});
