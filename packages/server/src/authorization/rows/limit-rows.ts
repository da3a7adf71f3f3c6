import { firstLiveSlot, windowAt, type Budget } from "@turnpike/engine/ledger/budget-window.ts";
import type { Authorization, EpochMs, LedgerState } from "@turnpike/engine/ledger/rows.ts";
import { bigintArray } from "./binary-arrays.ts";
import { byId, query, type Reader } from "./reader.ts";
import * as stored from "./stored-rows.ts";

/** The current windows, all live slots of rolling ones, and the windows that loaded authorizations are counted in. */
export const loadCounters = async (
  reader: Reader,
  budgets: readonly Budget[],
  { authorizations, now }: { authorizations: readonly Authorization[]; now: EpochMs },
): Promise<LedgerState["counters"]> => {
  const ids = new Set([
    ...budgets.map((budget) => `${budget.id}@${windowAt(budget, now).start}`),
    ...authorizations.flatMap(({ terms, further }) => [
      ...terms.assetCounters,
      ...terms.unitCounters,
      ...further.flatMap(({ unitCounters }) => unitCounters),
    ]),
  ]);
  if (ids.size === 0) return new Map();
  const split = [...ids].map((id): [string, string] => [
    id.slice(0, id.lastIndexOf("@")),
    id.slice(id.lastIndexOf("@") + 1),
  ]);
  const rolling = budgets.flatMap(({ id, window }) =>
    window.kind === "rolling" ? [{ id, from: firstLiveSlot(window.durationMs, now) }] : [],
  );
  const columns = "c.budget_id, c.window_start, c.posted, c.held, c.alerted, c.alerted_use";
  const rows = await query<stored.CounterColumns>(
    reader,
    {
      name: "ledger-counters",
      text: `SELECT ${columns} FROM unnest($2::text[], $3::bigint[]) AS w (id, start)
               JOIN budget_counter c ON c.org_id = $1 AND c.budget_id = w.id AND c.window_start = w.start
             UNION ALL
             SELECT ${columns} FROM unnest($4::text[], $5::bigint[]) AS r (id, since)
               JOIN budget_counter c ON c.org_id = $1 AND c.budget_id = r.id AND c.window_start >= r.since`,
    },
    [
      split.map(([id]) => id),
      bigintArray(split.map(([, start]) => Number(start))),
      rolling.map(({ id }) => id),
      bigintArray(rolling.map(({ from }) => from)),
    ],
  );
  return byId(rows.map(stored.counterFrom));
};

export const loadRateBuckets = async (
  reader: Reader,
  limits: readonly { readonly id: string }[],
): Promise<LedgerState["rateBuckets"]> => {
  if (limits.length === 0) return new Map();
  const text = "SELECT * FROM rate_bucket WHERE org_id = $1 AND rate_limit_id = ANY($2)";
  const ids = limits.map(({ id }) => id);
  const rows = await query<stored.RateBucketColumns>(
    reader,
    { name: "ledger-rate-buckets", text },
    [ids],
  );
  return byId(rows.map(stored.rateBucketFrom));
};

export const loadConcurrency = async (
  reader: Reader,
  ids: readonly string[],
): Promise<LedgerState["concurrencyCounts"]> => {
  if (ids.length === 0) return new Map();
  const text =
    "SELECT * FROM concurrency_count WHERE org_id = $1 AND concurrency_limit_id = ANY($2)";
  const rows = await query<stored.ConcurrencyColumns>(
    reader,
    { name: "ledger-concurrency", text },
    [ids],
  );
  return byId(rows.map(stored.concurrencyFrom));
};
