import type { UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import type { Snapshot } from "./snapshot.ts";

/** Windows that one query answers: the same aggregation over the same time, account by account. */
interface Question {
  readonly aggregationId: string;
  readonly period: Period;
  readonly windows: UsageWindow[];
}

const questionsOf = (windows: readonly UsageWindow[]): Question[] => {
  const questions = new Map<string, Question>();
  for (const window of windows) {
    const [source] = window.sources;
    if (source === undefined) continue;
    const { period } = source;
    const key = `${window.aggregationId} ${period.start.toString()} ${period.end.toString()}`;
    const question = questions.get(key) ?? {
      aggregationId: window.aggregationId,
      period,
      windows: [],
    };
    question.windows.push(window);
    questions.set(key, question);
  }
  return [...questions.values()];
};

const ask = async (
  usage: UsageStore,
  snapshot: Snapshot,
  { aggregationId, period, windows }: Question,
): Promise<ReadonlyMap<string, string>> => {
  const aggregation = snapshot.aggregations.get(aggregationId);
  if (aggregation === undefined || aggregation.aggregation === "CUSTOM_SQL") return new Map();
  const accountIds = windows.flatMap(({ sources }) => sources.map(({ accountId }) => accountId));
  const quantities = await usage.aggregate({
    orgId: snapshot.orgId,
    meterId: aggregation.meterId,
    accountIds,
    method: aggregation.aggregation,
    targetField: aggregation.targetField,
    window: period,
  });
  return new Map(quantities.map(({ accountId, quantity }) => [accountId, quantity]));
};

/** The answer to every window, by its key; one query for each aggregation and period. */
export const measure = async (
  usage: UsageStore,
  snapshot: Snapshot,
  windows: readonly UsageWindow[],
): Promise<Record<string, UsageQuantity>> => {
  const answers: Record<string, UsageQuantity> = {};
  for (const question of questionsOf(windows)) {
    const byAccount = await ask(usage, snapshot, question);
    for (const { key, sources } of question.windows) {
      const quantity = byAccount.get(sources[0]?.accountId ?? "");
      answers[key] = { quantity: quantity === undefined ? null : decimal(quantity) };
    }
  }
  return answers;
};
