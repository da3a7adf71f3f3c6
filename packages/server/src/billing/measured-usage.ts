import type { UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import type { UsageSource, UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import type { Input } from "@turnpike/engine/calculation/value.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import type { JointAggregateRequest, UsageStore } from "../ports/usage-store.ts";
import { aggregationMethod } from "../records/aggregation-method.ts";
import type { AggregationRecord } from "./catalog-snapshot.ts";
import { type CompoundFormula, compoundFormula } from "./compound-quantities.ts";
import type { Snapshot } from "./snapshot.ts";

/** The quantity of one group of sources in one segment, once it is known. */
interface Ask {
  readonly request: Request;
  readonly group: number;
  readonly segment: number;
}

const instantKey = (at: Temporal.Instant): string => at.epochNanoseconds.toString(36);

const sourcesKey = (sources: readonly UsageSource[]): string =>
  sources
    .map(
      ({ accountId, period }) =>
        `${accountId} ${instantKey(period.start)} ${instantKey(period.end)}`,
    )
    .join();

/** One query to the usage store: one aggregation under one set of filters, for every window that asks for it. */
class Request {
  readonly #aggregation: AggregationRecord;
  readonly #isSegmented: boolean;
  readonly #filters: UsageWindow["filters"];
  readonly #groups = new Map<string, { index: number; sources: readonly UsageSource[] }>();
  #answers = new Map<string, UsageQuantity>();

  constructor(
    aggregation: AggregationRecord,
    { isSegmented, filters }: { isSegmented: boolean; filters: UsageWindow["filters"] },
  ) {
    this.#aggregation = aggregation;
    this.#isSegmented = isSegmented;
    this.#filters = filters;
  }

  group(sources: readonly UsageSource[]): number {
    const key = sourcesKey(sources);
    const known = this.#groups.get(key) ?? { index: this.#groups.size, sources };
    this.#groups.set(key, known);
    return known.index;
  }

  async send(usage: UsageStore, { orgId, zone }: { orgId: string; zone: string }): Promise<void> {
    const { meterId, targetField, segmentedFields, segments, ...named } = this.#aggregation;
    const { aggregation: method, customSql, statistic } = named;
    const request: JointAggregateRequest = {
      orgId,
      meterId,
      method: aggregationMethod({ method, customSql, statistic }, zone),
      targetField,
      groups: [...this.#groups.values()].map(({ sources }) =>
        sources.map(({ accountId, period }) => ({ accountId, window: period })),
      ),
      filters: this.#filters,
      ...(this.#isSegmented
        ? { segmentation: { fields: segmentedFields ?? [], segments: segments ?? [] } }
        : {}),
    };
    const found = await usage.aggregateJointly(request);
    this.#answers = new Map(
      found.map(({ group, segment = 0, quantity, fault }) => [
        `${group} ${segment}`,
        quantity === null
          ? { quantity, error: `the custom SQL of ${this.#aggregation.name} ${fault}` }
          : { quantity: decimal(quantity) },
      ]),
    );
  }

  quantity({ group, segment }: Ask): UsageQuantity {
    return this.#answers.get(`${group} ${segment}`) ?? { quantity: null };
  }
}

type Segment = Readonly<Record<string, string>>;

const isSameSegment = (a: Segment, b: Segment): boolean => {
  const fields = Object.keys(a);
  return fields.length === Object.keys(b).length && fields.every((field) => a[field] === b[field]);
};

/** The custom fields that a compound aggregation of that window may name, by canonical name (m3ter semantics 7). */
export type CustomFieldsOf = (window: UsageWindow) => ReadonlyMap<string, Input>;

/** Collects what windows ask, so that one query serves all of an aggregation. */
class Survey {
  readonly #snapshot: Snapshot;
  readonly #requests = new Map<string, Request>();
  readonly #formulas = new Map<string, CompoundFormula>();
  readonly #byCode: ReadonlyMap<string, AggregationRecord>;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#byCode = new Map([...snapshot.aggregations.values()].map((one) => [one.code ?? "", one]));
  }

  /** Undefined when the aggregation is gone, or has no such segment any more. */
  #ask(aggregation: AggregationRecord, window: UsageWindow): Ask | undefined {
    const segments = aggregation.segments ?? [];
    const wanted = window.segment;
    const isSegmented = wanted !== undefined && segments.length > 0;
    const segment = isSegmented ? segments.findIndex((one) => isSameSegment(one, wanted)) : 0;
    if (segment < 0) return undefined;
    const { filters } = window;
    const key = JSON.stringify([aggregation.id, isSegmented, filters]);
    const request = this.#requests.get(key) ?? new Request(aggregation, { isSegmented, filters });
    this.#requests.set(key, request);
    return { request, group: request.group(window.sources), segment };
  }

  #formula(id: string): CompoundFormula | undefined {
    const record = this.#snapshot.compounds.get(id);
    if (record === undefined) return undefined;
    const formula = this.#formulas.get(id) ?? compoundFormula(record, this.#byCode);
    this.#formulas.set(id, formula);
    return formula;
  }

  /** How to answer the window once the queries have run; undefined when nothing can answer it. */
  prepare(window: UsageWindow, customFields: CustomFieldsOf): (() => UsageQuantity) | undefined {
    const { aggregationId, aggregationType } = window;
    if (aggregationType === "COMPOUND") return this.#prepareCompound(window, customFields);
    const aggregation = this.#snapshot.aggregations.get(aggregationId);
    const ask = aggregation && this.#ask(aggregation, window);
    if (aggregation === undefined || ask === undefined) return undefined;
    return () => ask.request.quantity(ask);
  }

  #prepareCompound(
    window: UsageWindow,
    customFields: CustomFieldsOf,
  ): (() => UsageQuantity) | undefined {
    const formula = this.#formula(window.aggregationId);
    if (formula === undefined) return undefined;
    // An aggregation without segments gives its total to every segment ([R], m3ter semantics 7).
    const asks = formula.aggregations.map((one) => this.#ask(one, window));
    return () => {
      const found = asks.map((ask) => ask?.request.quantity(ask) ?? { quantity: null });
      const quantities = found.map(({ quantity }) => quantity);
      return (
        found.find(({ error }) => error !== undefined) ??
        formula.evaluate(quantities, customFields(window))
      );
    };
  }

  async send(usage: UsageStore): Promise<void> {
    const { orgId, config } = this.#snapshot;
    const zone = parseZone(config.timezone) ?? "UTC";
    for (const request of this.#requests.values()) await request.send(usage, { orgId, zone });
  }
}

/** The answer to every window that can be answered: one query for each aggregation, however many bills ask. */
export const measure = async (
  usage: UsageStore,
  snapshot: Snapshot,
  asked: readonly { windows: readonly UsageWindow[]; customFields: CustomFieldsOf }[],
): Promise<ReadonlyMap<UsageWindow, UsageQuantity>> => {
  const survey = new Survey(snapshot);
  const prepared = asked.flatMap(({ windows, customFields }) =>
    windows.flatMap((window) => {
      const answer = survey.prepare(window, customFields);
      return answer === undefined ? [] : [{ window, answer }];
    }),
  );
  await survey.send(usage);
  return new Map(prepared.map(({ window, answer }) => [window, answer()]));
};
