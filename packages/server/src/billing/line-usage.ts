import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { BillFacts } from "@turnpike/engine/bill/facts.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import {
  passesUsageFilters,
  type UsageWindow,
  usageWindows,
} from "@turnpike/engine/bill/usage-windows.ts";
import type { Database } from "../ports/database.ts";
import type { ScannedEvent, ScanPage, UsageStore } from "../ports/usage-store.ts";
import { lookup } from "../records/lookup.ts";

type AggregationRecord = Stored<typeof aggregation>;
type Segment = Readonly<Record<string, string>>;

/** What was measured for a line: one aggregation over one window. */
export interface LineUsage {
  readonly orgId: string;
  readonly aggregation: AggregationRecord;
  readonly window: UsageWindow;
}

/** The measured usage behind a line; undefined for a line that no single aggregation is behind. */
export const lineUsage = async (
  database: Database,
  orgId: string,
  { facts, line }: { facts: BillFacts; line: BillLine },
): Promise<LineUsage | undefined> => {
  const window = usageWindows(facts).find(({ key }) => key === line.usageKey);
  if (window === undefined || window.aggregationType !== "SIMPLE") return undefined;
  const key = { orgId, id: window.aggregationId };
  const found = await lookup(database, aggregation, key);
  return found && { orgId, aggregation: found, window };
};

const anyValue = "*";

/** The places of a segment's literal values among the fields, as a text of which the greater is the more exact. */
const precision = (fields: readonly string[], segment: Segment): string => {
  const literals = fields.map((field) => ((segment[field] ?? anyValue) === anyValue ? "0" : "1"));
  const count = literals.filter((literal) => literal === "1").length;
  return `${String(count).padStart(2, "0")} ${literals.join("")}`;
};

/** The one segment that a measurement belongs to: fewest wildcards, then the earlier literal ([R], 6.4). */
export const segmentOf = (
  fields: readonly string[],
  segments: readonly Segment[],
  texts: Readonly<Record<string, string>>,
): Segment | undefined =>
  segments
    .filter((segment) =>
      fields.every((field) => {
        const wanted = segment[field] ?? anyValue;
        return wanted === anyValue || wanted === texts[field];
      }),
    )
    .toSorted((a, b) => (precision(fields, a) < precision(fields, b) ? 1 : -1))[0];

const isSame = (fields: readonly string[], a: Segment, b: Segment): boolean =>
  fields.every((field) => (a[field] ?? anyValue) === (b[field] ?? anyValue));

/** Whether the line counts this event. */
const counts = ({ aggregation: record, window }: LineUsage, event: ScannedEvent): boolean => {
  const { targetField, segmentedFields = [], segments = [] } = record;
  // Custom SQL sees measurements whether they have the field or not.
  const hasValue =
    record.aggregation === "CUSTOM_SQL" ||
    event.numbers[targetField] !== undefined ||
    event.texts[targetField] !== undefined;
  if (!hasValue || !passesUsageFilters(window.filters, event.texts)) return false;
  if (window.segment === undefined) return true;
  const own = segmentOf(segmentedFields, segments, event.texts);
  return own !== undefined && isSame(segmentedFields, own, window.segment);
};

const everBefore = Temporal.Instant.from("0001-01-01T00:00:00Z");

/** A value that an account had before its window began, and that counted from there on. */
export interface CarriedValue {
  readonly accountId: string;
  readonly start: Temporal.Instant;
  readonly value: string;
}

/** What a time-weighted line counts besides its events: the latest value before each of its windows. */
export const carriedInto = async (
  store: UsageStore,
  { orgId, aggregation: record, window }: LineUsage,
): Promise<readonly CarriedValue[]> => {
  if (record.statistic?.kind !== "TIME_WEIGHTED_SUM") return [];
  const { meterId, targetField, segmentedFields = [], segments = [] } = record;
  const { segment: wanted } = window;
  const found = await store.aggregateJointly({
    orgId,
    meterId,
    method: "LATEST",
    targetField,
    groups: window.sources.map(({ accountId, period: { start } }) => [
      { accountId, window: { start: everBefore, end: start } },
    ]),
    filters: window.filters,
    ...(wanted === undefined ? {} : { segmentation: { fields: segmentedFields, segments } }),
  });
  return found.flatMap(({ group, segment, quantity }) => {
    const source = window.sources[group];
    const own = segment === undefined ? undefined : segments[segment];
    const isOther = wanted !== undefined && !(own && isSame(segmentedFields, own, wanted));
    if (source === undefined || quantity === null || isOther) return [];
    return [{ accountId: source.accountId, start: source.period.start, value: quantity }];
  });
};

/** A page of the very events that the line counts, oldest first; never empty unless it is the last. */
export const eventsOf = async (
  store: UsageStore,
  usage: LineUsage,
  page: { limit: number; after?: string | undefined },
): Promise<ScanPage> => {
  const sources = usage.window.sources.map(({ accountId, period }) => ({
    accountId,
    window: period,
  }));
  let { after } = page;
  for (;;) {
    const { events, next } = await store.scan({
      orgId: usage.orgId,
      meterId: usage.aggregation.meterId,
      sources,
      limit: page.limit,
      ...(after === undefined ? {} : { after }),
    });
    const counted = events.filter((event) => counts(usage, event));
    if (next === undefined) return { events: counted };
    if (counted.length > 0) return { events: counted, next };
    after = next;
  }
};
