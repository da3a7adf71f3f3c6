import { compoundFormula } from "@turnpike/engine/bill/compound-quantity.ts";
import type {
  AggregationDefinition,
  AggregationTerms,
  BillFacts,
  SimpleDefinition,
} from "@turnpike/engine/bill/facts.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import {
  pricedUsages,
  type UsageWindow,
  usageWindows,
} from "@turnpike/engine/bill/usage-windows.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { CountedUsage, ScannedEvent, ScanRequest, UsageStore } from "../ports/usage-store.ts";
import { placeOfSegment } from "@turnpike/engine/bill/segments.ts";
import { everBefore } from "./usage-reach.ts";

/** What was measured for a line: an aggregation over one window. */
export interface LineUsage {
  readonly aggregation: AggregationDefinition;
  /** Unit and rounding. */
  readonly terms: AggregationTerms;
  readonly window: UsageWindow;
  /** What events were counted by: the aggregation itself, or those that its calculation names. */
  readonly counted: readonly SimpleDefinition[];
}

const countedBy = (
  definition: AggregationDefinition,
  { aggregations }: BillFacts,
): readonly SimpleDefinition[] => {
  if (definition.type === "SIMPLE") return [definition];
  return compoundFormula(definition).codes.flatMap((code) =>
    aggregations.filter((one) => one.type === "SIMPLE").filter((one) => one.code === code),
  );
};

/** The measured usage behind a line, as its bill's facts have it; undefined when nothing was measured for it. */
export const lineUsage = (
  facts: BillFacts,
  { usageKey }: Pick<BillLine, "usageKey">,
): LineUsage | undefined => {
  const window = usageWindows(facts).find(({ key }) => key === usageKey);
  const aggregation = facts.aggregations.find(({ id }) => id === window?.aggregationId);
  const terms = pricedUsages(facts)
    .map(({ pricing }) => pricing.aggregation)
    .find(({ id }) => id === aggregation?.id);
  if (window === undefined || aggregation === undefined || terms === undefined) return undefined;
  return { aggregation, terms, window, counted: countedBy(aggregation, facts) };
};

/** The measurements that a definition counts; undefined where it has no such segment and counts nothing. */
export const countedUsage = (
  orgId: string,
  { window }: LineUsage,
  definition: SimpleDefinition,
): (Omit<ScanRequest, "limit"> & { readonly counted: CountedUsage }) | undefined => {
  const { meterId, targetField, segmentedFields = [], segments = [] } = definition;
  const segment = placeOfSegment(definition, window.segment);
  if (segment === "none") return undefined;
  const ofSegment =
    segment === undefined ? {} : { segmentation: { fields: segmentedFields, segments }, segment };
  // Custom SQL sees measurements whether they have the field or not.
  const ofField = definition.method === "CUSTOM_SQL" ? {} : { targetField };
  return {
    orgId,
    meterId,
    sources: window.sources.map(({ accountId, period }) => ({ accountId, window: period })),
    counted: { ...ofField, filters: window.filters, ...ofSegment },
  };
};

/** A value that an account had before its window began, and that counted from there on. */
export interface CarriedValue {
  readonly aggregationId: string;
  readonly accountId: string;
  readonly start: Temporal.Instant;
  readonly value: Decimal;
}

const carriedBy = async (
  store: UsageStore,
  { orgId, usage: { window } }: { orgId: string; usage: LineUsage },
  definition: SimpleDefinition,
): Promise<readonly CarriedValue[]> => {
  const { id, meterId, targetField, segmentedFields = [], segments = [] } = definition;
  const place = placeOfSegment(definition, window.segment);
  if (definition.statistic?.kind !== "TIME_WEIGHTED_SUM" || place === "none") return [];
  const found = await store.aggregateJointly({
    orgId,
    meterId,
    method: "LATEST",
    targetField,
    groups: window.sources.map(({ accountId, period: { start } }) => [
      { accountId, window: { start: everBefore, end: start } },
    ]),
    filters: window.filters,
    ...(place === undefined ? {} : { segmentation: { fields: segmentedFields, segments } }),
  });
  return found.flatMap(({ group, segment, quantity }) => {
    const source = window.sources[group];
    if (source === undefined || quantity === null || segment !== place) return [];
    const { accountId, period } = source;
    return [{ aggregationId: id, accountId, start: period.start, value: decimal(quantity) }];
  });
};

/** What time-weighted sums count besides the line's events: the latest value before each window. */
export const carriedInto = async (
  store: UsageStore,
  line: { orgId: string; usage: LineUsage },
): Promise<readonly CarriedValue[]> => {
  const carried: CarriedValue[] = [];
  for (const one of line.usage.counted) carried.push(...(await carriedBy(store, line, one)));
  return carried;
};

/** An event, and which aggregation counted it: one that a formula names twice is there twice. */
export interface CountedEvent extends ScannedEvent {
  readonly aggregationId: string;
}

export interface EventPlace {
  /** Which of the aggregations. */
  readonly nth: number;
  /** Where its last page ended. */
  readonly after?: string | undefined;
}

export interface EventPage {
  readonly events: readonly CountedEvent[];
  readonly next?: EventPlace;
}

/** A page of the events that the line counts, as they are now, oldest first by aggregation; never empty unless it is the last. */
export const eventsOf = async (
  store: UsageStore,
  { orgId, usage }: { orgId: string; usage: LineUsage },
  { limit, from }: { limit: number; from: EventPlace },
): Promise<EventPage> => {
  for (let { nth, after } = from; ; nth += 1, after = undefined) {
    const definition = usage.counted[nth];
    if (definition === undefined) return { events: [] };
    const request = countedUsage(orgId, usage, definition);
    if (request === undefined) continue;
    const page = await store.scan({ ...request, limit, ...(after === undefined ? {} : { after }) });
    const events = page.events.map((event) => ({ ...event, aggregationId: definition.id }));
    if (page.next !== undefined) return { events, next: { nth, after: page.next } };
    const isLast = nth + 1 >= usage.counted.length;
    if (isLast) return { events };
    if (events.length > 0) return { events, next: { nth: nth + 1 } };
  }
};
