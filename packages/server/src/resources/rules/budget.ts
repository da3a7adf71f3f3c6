import { asset } from "@turnpike/contract/authorization/asset.ts";
import { budget } from "@turnpike/contract/authorization/budget.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { formatAtoms, quantityScale } from "@turnpike/engine/ledger/asset.ts";
import { firstLiveSlot, windowAt, type Budget } from "@turnpike/engine/ledger/budget-window.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import { sql } from "kysely";
import type { Document, Reader } from "../../ports/database.ts";
import { databaseTime } from "../../records/database-time.ts";
import { budgetsFrom, budgetScale, rollingMs } from "../../records/limits.ts";
import { lookupEvery, typed } from "../../records/lookup.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { keepsWhatItCounts } from "./counted-limit.ts";
import { checkAmount, namedAsset } from "./named-records.ts";

const rollingMsMin = 1_000;
const rollingMsMax = 366 * 86_400_000;

const checkWindow = ({ window }: ReturnType<typeof budget.fields.parse>): void => {
  if (typeof window === "string") return;
  const durationMs = rollingMs(window.rolling);
  if (durationMs === undefined || durationMs < rollingMsMin || durationMs > rollingMsMax)
    throw fieldProblem("VALIDATION_FAILED", "window.rolling", "must be from a second to 366 days");
};

/** An asset that exists, a limit no finer than it, a window that has a length, and a zone that the calendar knows. */
const countsSomething = async (write: Write): Promise<Document> => {
  const fields = budget.fields.parse(write.document);
  const { asset: code, limit, timeZone } = fields;
  checkWindow(fields);
  if (parseZone(timeZone) === undefined)
    throw fieldProblem("VALIDATION_FAILED", "timeZone", `is no time zone: ${timeZone}`);
  const counted =
    code === undefined
      ? { scale: quantityScale }
      : await namedAsset(write, { field: "asset", code });
  checkAmount("limit", limit, counted);
  return write.document;
};

interface Counted {
  readonly posted: bigint;
  readonly held: bigint;
}

const countersOf = async (
  reader: Reader,
  { orgId, budget: counted, at }: { orgId: string; budget: Budget; at: number },
): Promise<Counted> => {
  const { id, window } = counted;
  const { start } = windowAt(counted, at);
  const from = window.kind === "rolling" ? firstLiveSlot(window.durationMs, at) : start;
  const { rows } = await sql<{ posted: string; held: string }>`
    SELECT COALESCE(sum(posted), 0) AS posted, COALESCE(sum(held), 0) AS held FROM budget_counter
    WHERE org_id = ${orgId} AND budget_id = ${id} AND window_start BETWEEN ${from} AND ${start}
  `.execute(reader);
  return { posted: BigInt(rows[0]?.posted ?? 0), held: BigInt(rows[0]?.held ?? 0) };
};

/** What the current window has used and holds. */
const usage = async ({ reader, orgId, rows }: Read): Promise<ReadonlyMap<string, Document>> => {
  const at = await databaseTime(reader);
  const assets = await lookupEvery(reader, asset, orgId);
  const scales = new Map(assets.map(({ code, scale }) => [code, scale]));
  const records = rows.map((row) => typed(budget, row));
  const budgets = await budgetsFrom(reader, orgId, { records, scales });
  const recordOf = new Map(records.map((record) => [record.id, record]));
  const computed = new Map<string, Document>();
  for (const counted of budgets) {
    const record = recordOf.get(counted.id);
    const scale = record && budgetScale(record, scales);
    if (scale === undefined) continue;
    const { posted, held } = await countersOf(reader, { orgId, budget: counted, at });
    computed.set(counted.id, { used: formatAtoms(posted, scale), held: formatAtoms(held, scale) });
  }
  return computed;
};

const counting = {
  table: "budget_counter",
  limitId: "budget_id",
  fields: ["scope", "asset", "unit", "window", "timeZone", "anchor"],
} as const;

export const budgetRules: Rules = {
  write: async (write) => {
    await keepsWhatItCounts(write, counting);
    return countsSomething(write);
  },
  compute: usage,
};
