import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import { billFactsFromText } from "@turnpike/engine/bill/facts-json.ts";
import type {
  AggregationDefinition,
  BillFacts,
  CompoundInputs,
} from "@turnpike/engine/bill/facts.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import type { Database } from "../ports/database.ts";
import { exactNumber } from "../records/exact-number.ts";
import type { UsageMark } from "../ports/usage-changes.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { placeOf, tokenOf } from "../records/paging.ts";
import { storedFactsOf, findLines, getBill } from "./bill-queries.ts";
import { lineReply, printed, readLine } from "./bill-replies.ts";
import {
  type CountedEvent,
  type EventPlace,
  type CarriedValue,
  carriedInto,
  eventsOf,
  type LineUsage,
  lineUsage,
} from "./line-usage.ts";
import { reachOf, watchedBy } from "./usage-reach.ts";

/** The prices that the line came from, as they stood: each with its version. */
const pricesOf = ({ accountPlans }: BillFacts, line: BillLine): readonly object[] =>
  accountPlans
    .flatMap(({ plans }) => plans)
    .flatMap(({ pricings, counterPricings }) => [
      ...pricings.filter(({ id }) => id === line.pricingId),
      ...counterPricings.filter(({ id }) => id === line.counterPricingId),
    ])
    .filter((price, index, all) => all.findIndex(({ id }) => id === price.id) === index);

interface StoredLine {
  readonly id: string;
  readonly line: BillLine;
}

/** What credits paid of the line; for a consumption line, what it took and from which line. */
const drawDownsOf = (lines: readonly StoredLine[], own: StoredLine): readonly object[] =>
  lines.flatMap(({ id, line }) => {
    const { drawDown } = line;
    if (drawDown === undefined) return [];
    const paid = lines.find((one) => one.line.key === drawDown.lineKey);
    if (id !== own.id && paid?.id !== own.id) return [];
    return {
      lineItemId: id,
      paidLineItemId: paid?.id,
      commitmentId: line.commitmentId,
      balanceId: line.balanceId,
      currency: line.currency,
      amount: exactNumber(line.subtotal.neg()),
      balanceBefore: exactNumber(drawDown.before),
      balanceAfter: exactNumber(drawDown.after),
    };
  });

const eventReply = ({ numbers, texts, ...event }: CountedEvent) => ({
  ...event,
  values: {
    ...texts,
    ...Object.fromEntries(
      Object.entries(numbers).map(([code, value]) => [code, exactNumber(value)]),
    ),
  },
});

const cursor = z.string().regex(/^\d{1,4}:(-?\d{1,17}\.\d{1,17})?$/);

const encodeCursor = ({ nth, after = "" }: EventPlace): string => tokenOf(`${nth}:${after}`);

const decodeCursor = (token: string | undefined): EventPlace => {
  if (token === undefined) return { nth: 0 };
  const [nth, after] = placeOf(token, cursor).split(":");
  return { nth: Number(nth), after: after === "" ? undefined : after };
};

/** What is counted by; segments are as many as a thousand, of which the line has one. */
const definitionOf = (definition: AggregationDefinition): object => {
  if (definition.type === "COMPOUND") return definition;
  const { segments: _segments, ...counting } = definition;
  return counting;
};

/** What a formula was calculated from: the quantities, custom fields and lookups that it named. */
const calculationOf = (
  { aggregation, counted }: LineUsage,
  inputs: CompoundInputs | undefined,
): object | undefined => {
  if (aggregation.type === "SIMPLE") return undefined;
  return {
    aggregations: counted.map((one) => ({
      ...definitionOf(one),
      quantity: inputs?.aggregations[one.code ?? ""],
    })),
    customFields: inputs?.customFields,
    lookups: inputs?.lookups,
  };
};

interface UsageToday {
  readonly carried?: readonly CarriedValue[] | undefined;
  readonly usageChanged?: boolean | undefined;
}

/** What was measured, where and when, with the answer; all as it stood when the bill was calculated. */
const measurementOf = (
  facts: BillFacts,
  usage: LineUsage,
  { carried = [], usageChanged }: UsageToday,
): unknown => {
  const { aggregation, terms, window } = usage;
  const { rounding, quantityPerUnit, unit } = terms;
  const answer = facts.quantities[window.key];
  return printed({
    aggregation: { ...definitionOf(aggregation), rounding, quantityPerUnit, unit },
    quantity: answer?.quantity,
    calculation: calculationOf(usage, answer?.inputs),
    windows: window.sources.map(({ accountId, period }) => ({ accountId, ...period })),
    carried: carried.length === 0 ? undefined : carried,
    segment: window.segment,
    filters: window.filters,
    usageChanged,
  });
};

interface Measured {
  readonly orgId: string;
  readonly facts: BillFacts;
  readonly measured: LineUsage;
}

/** Whether what the line counts may have been added to, voided or amended since it was measured. */
const isChangedSince = async (
  store: UsageStore,
  mark: UsageMark | null,
  { orgId, facts, measured }: Measured,
): Promise<boolean> => {
  if (mark === null) return true;
  const reach = reachOf([measured.window], facts.aggregations);
  return (await store.changed({ orgId, watched: watchedBy(reach, mark) })).length > 0;
};

export interface ExplanationRequest {
  readonly orgId: string;
  readonly billId: string;
  readonly lineId: string;
  readonly pageSize: number;
  readonly nextToken?: string | undefined;
}

/**
 * How a line came about: what was measured, the steps from there to the amount with every number in them, the
 * prices as they stood, what paid for it, and a page of the events behind it. Enough to calculate the line again, unless
 * `measurement.usageChanged` says that the events may be others by now: an approved bill is put right by a later one.
 */
export const explainLine = async (
  { database, usage }: { database: Database; usage: UsageStore },
  request: ExplanationRequest,
) => {
  const { orgId, lineId, pageSize, nextToken } = request;
  const bill = await getBill(database, { orgId, id: request.billId });
  const rows = (await findLines(database, orgId, [bill.id])).get(bill.id) ?? [];
  const lines = rows.map((row) => ({ id: row.id, line: readLine(row.line), row }));
  const own = lines.find(({ id }) => id === lineId);
  if (own === undefined) throw new Problem("NOT_FOUND");
  const { text, usageMark } = await storedFactsOf(database, { orgId, id: bill.id });
  const facts = billFactsFromText(text);
  const measured = lineUsage(facts, own.line);
  const carried = measured && (await carriedInto(usage, { orgId, usage: measured }));
  const usageChanged =
    measured && (await isChangedSince(usage, usageMark, { orgId, facts, measured }));
  const page = { limit: pageSize, from: decodeCursor(nextToken) };
  const { events, next } =
    measured === undefined
      ? { events: [], next: undefined }
      : await eventsOf(usage, { orgId, usage: measured }, page);
  return {
    billId: bill.id,
    billVersion: Number(bill.version),
    billingCurrency: bill.currency,
    lineItem: lineReply(own.row, "bandUsage"),
    measurement: measured && measurementOf(facts, measured, { carried, usageChanged }),
    derivation: printed(own.line.derivation),
    exactAmount: exactNumber(own.line.exact),
    averageUnitPrice: exactNumber(own.line.averageUnitPrice),
    currencies: printed(facts.currencies),
    prices: printed(pricesOf(facts, own.line)),
    drawDowns: drawDownsOf(lines, own),
    events: events.map(eventReply),
    ...(next === undefined ? {} : { nextToken: encodeCursor(next) }),
  };
};
