import { meter } from "@turnpike/contract/catalog/meter.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { UsageExport } from "@turnpike/contract/sync/export-job.ts";
import { answerUsageQuery, type UsageParts } from "../metering/usage-query.ts";
import { lookupAll, lookupEvery } from "../records/lookup.ts";
import { keysOf, type Row, type Source } from "./export-file.ts";

/** Exports are in UTC whatever the organization's zone is (m3ter semantics 21). */
export const exportZone = "UTC";
const eventsPerPage = 20_000;
const groupsMax = 1_000_000;

interface Wanted {
  readonly orgId: string;
  readonly order: UsageExport;
}

type Page = { readonly data: readonly Row[]; readonly hasMoreData: boolean };

/** Keys of a row that is a measurement; the codes of its fields come behind them. */
const eventColumns = [
  "uid",
  "ts",
  "ets",
  "receivedAt",
  "accountId",
  "accountCode",
  "meterId",
  "meterCode",
];

const millisecondOf = (row: Row): number =>
  Temporal.Instant.from(String(row["ts"])).epochMilliseconds;

/**
 * Newest first, a page at a time: each page leaves out the millisecond that it may have cut in two, and the next one
 * begins with it. A millisecond that fills a page by itself is asked for again with room for twice as many.
 */
export async function* newestFirst(
  ask: (before: string, limit: number) => Promise<Page>,
  before: string,
): AsyncGenerator<readonly Row[]> {
  let [end, limit] = [before, eventsPerPage];
  for (;;) {
    const { data, hasMoreData } = await ask(end, limit);
    const last = data.at(-1);
    if (!hasMoreData || last === undefined) {
      yield data;
      return;
    }
    const cut = millisecondOf(last);
    const whole = data.filter((row) => millisecondOf(row) > cut);
    if (whole.length === 0) {
      limit *= 2;
      continue;
    }
    yield whole;
    [end, limit] = [new Date(cut + 1).toISOString(), eventsPerPage];
  }
}

const events = (parts: UsageParts, { orgId, order }: Wanted): Source => {
  const ask = (endDate: string, limit: number): Promise<Page> =>
    answerUsageQuery(parts, { orgId, timeZone: exportZone, body: { ...order, endDate, limit } });
  return {
    name: "USAGE",
    pages: () => newestFirst(ask, order.endDate),
    columns: async () => {
      const ids = order.meterIds ?? [];
      const meters =
        ids.length === 0
          ? await lookupEvery(parts.database, meter, orgId)
          : [...(await lookupAll(parts.database, meter, { orgId, ids })).values()];
      const fields = meters.flatMap(({ dataFields, derivedFields }) => [
        ...dataFields,
        ...derivedFields,
      ]);
      return [...new Set([...eventColumns, ...fields.map(({ code }) => code)])];
    },
  };
};

const groups = (parts: UsageParts, { orgId, order }: Wanted): Source => {
  const body = { ...order, limit: groupsMax };
  const ask = async (): Promise<readonly Row[]> => {
    const page: Page = await answerUsageQuery(parts, { orgId, timeZone: exportZone, body });
    if (!page.hasMoreData) return page.data;
    const message = `make more than ${groupsMax} rows`;
    throw new Problem("RULE_VIOLATED", [{ field: "groups", message }]);
  };
  let answer: Promise<readonly Row[]> | undefined;
  // Asked by who reads: a refusal that nobody waits for yet would end the process.
  async function* pages(): AsyncGenerator<readonly Row[]> {
    yield await (answer ??= ask());
  }
  return { name: "USAGE", pages, columns: () => keysOf(pages()) };
};

/** Measurements, or what their aggregations come to. */
export const usageSource = (parts: UsageParts, wanted: Wanted): Source =>
  (wanted.order.aggregations ?? []).length === 0 ? events(parts, wanted) : groups(parts, wanted);
