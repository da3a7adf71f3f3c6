import { compoundFormula, type CompoundFormula } from "@turnpike/engine/bill/compound-quantity.ts";
import type {
  AggregationDefinition,
  CompoundInputs,
  SimpleDefinition,
  UsageQuantity,
} from "@turnpike/engine/bill/facts.ts";
import type { UsageSource, UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import { lookupQuestionKey } from "@turnpike/engine/calculation/lookup-answers.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { JointAggregateRequest, UsageStore } from "../ports/usage-store.ts";
import { aggregationMethod } from "../records/aggregation-method.ts";
import type { Reader } from "../ports/database.ts";
import { findLookupAnswers } from "../records/lookup-answers.ts";
import { placeOfSegment } from "@turnpike/engine/bill/segments.ts";

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

/** What every window of a query to the usage store has in common. */
interface Asking {
  readonly aggregation: SimpleDefinition;
  readonly isSegmented: boolean;
  readonly filters: UsageWindow["filters"];
  readonly zone: string;
}

/** One query to the usage store: one aggregation under one set of filters, for every window that asks for it. */
class Request {
  readonly #asking: Asking;
  readonly #groups = new Map<string, { index: number; sources: readonly UsageSource[] }>();
  #answers = new Map<string, UsageQuantity>();

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  group(sources: readonly UsageSource[]): number {
    const key = sourcesKey(sources);
    const known = this.#groups.get(key) ?? { index: this.#groups.size, sources };
    this.#groups.set(key, known);
    return known.index;
  }

  async send(usage: UsageStore, orgId: string): Promise<void> {
    const { aggregation, isSegmented, filters, zone } = this.#asking;
    const { meterId, targetField, segmentedFields = [], segments = [] } = aggregation;
    const request: JointAggregateRequest = {
      orgId,
      meterId,
      method: aggregationMethod(aggregation, zone),
      targetField,
      groups: [...this.#groups.values()].map(({ sources }) =>
        sources.map(({ accountId, period }) => ({ accountId, window: period })),
      ),
      filters,
      ...(isSegmented ? { segmentation: { fields: segmentedFields, segments } } : {}),
    };
    const found = await usage.aggregateJointly(request);
    this.#answers = new Map(
      found.map(({ group, segment = 0, quantity, fault }) => [
        `${group} ${segment}`,
        quantity === null
          ? { quantity, error: `the custom SQL of ${aggregation.name} ${fault}` }
          : { quantity: decimal(quantity) },
      ]),
    );
  }

  quantity({ group, segment }: Ask): UsageQuantity {
    return this.#answers.get(`${group} ${segment}`) ?? { quantity: null };
  }
}

/** What calculations may be given beside aggregations: all that there is, of which each takes what it names. */
export type GivenInputs = Pick<CompoundInputs, "customFields" | "lookups">;

/** Windows of one bill, to be measured by the definitions that it goes by. */
export interface AskedWindows {
  readonly windows: readonly UsageWindow[];
  readonly aggregations: readonly AggregationDefinition[];
  /** Whose days peaks are of. */
  readonly zone: string;
  readonly givenFor: (window: UsageWindow) => GivenInputs;
}

/** The answer to a window once the queries have run; a calculation may need a lookup first. */
type Answer = () =>
  | { readonly kind: "quantity"; readonly quantity: UsageQuantity }
  | {
      readonly kind: "calculation";
      readonly formula: CompoundFormula;
      readonly inputs: CompoundInputs;
    };

interface Prepared {
  readonly window: UsageWindow;
  readonly answer: Answer;
}

const failure = (error: string): ReturnType<Answer> => ({
  kind: "quantity",
  quantity: { quantity: null, error },
});

/** Collects what windows ask, so that one query serves all of an aggregation. */
class Survey {
  readonly #requests = new Map<string, Request>();
  readonly #formulas = new Map<string, CompoundFormula>();

  /** Undefined when the aggregation has no such segment. */
  #ask(
    aggregation: SimpleDefinition,
    { window, zone }: { window: UsageWindow; zone: string },
  ): Ask | undefined {
    const { filters } = window;
    const segment = placeOfSegment(aggregation, window.segment);
    if (segment === "none") return undefined;
    const isSegmented = segment !== undefined;
    const asking = { aggregation, isSegmented, filters, zone };
    const key = JSON.stringify([aggregation.id, aggregation.version, isSegmented, filters, zone]);
    const request = this.#requests.get(key) ?? new Request(asking);
    this.#requests.set(key, request);
    return { request, group: request.group(window.sources), segment: segment ?? 0 };
  }

  #formula(calculation: Parameters<typeof compoundFormula>[0]): CompoundFormula {
    const key = `${calculation.evaluateNullAggregations} ${calculation.calculation}`;
    const formula = this.#formulas.get(key) ?? compoundFormula(calculation);
    this.#formulas.set(key, formula);
    return formula;
  }

  /** How to answer the window once the queries have run; undefined when nothing can answer it. */
  prepare(window: UsageWindow, asked: AskedWindows): Answer | undefined {
    const definition = asked.aggregations.find(({ id }) => id === window.aggregationId);
    if (definition === undefined) return undefined;
    if (definition.type === "COMPOUND") {
      return this.#calculation(this.#formula(definition), window, asked);
    }
    const ask = this.#ask(definition, { window, zone: asked.zone });
    if (ask === undefined) return undefined;
    return () => ({ kind: "quantity", quantity: ask.request.quantity(ask) });
  }

  #calculation(formula: CompoundFormula, window: UsageWindow, asked: AskedWindows): Answer {
    const asks: { code: string; standIn: Decimal | null; ask: Ask | undefined }[] = [];
    for (const code of formula.codes) {
      const definition = asked.aggregations.find(
        (one) => one.type === "SIMPLE" && one.code === code,
      );
      if (definition?.type !== "SIMPLE") return () => failure(`there is no aggregation ${code}`);
      // An aggregation without segments gives its total to every segment ([R], m3ter semantics 7).
      const ask = this.#ask(definition, { window, zone: asked.zone });
      asks.push({ code, standIn: definition.defaultValue ?? null, ask });
    }
    return () => {
      const found = asks.map(({ code, standIn, ask }) => {
        const { quantity = null, error } = ask?.request.quantity(ask) ?? {};
        return { code, quantity: quantity ?? standIn, error };
      });
      const error = found.find((one) => one.error !== undefined)?.error;
      if (error !== undefined) return failure(error);
      const aggregations = Object.fromEntries(
        found.map(({ code, quantity }) => [code, quantity] as const),
      );
      const inputs = formula.inputsOf({ ...asked.givenFor(window), aggregations });
      return { kind: "calculation", formula, inputs };
    };
  }

  async send(usage: UsageStore, orgId: string): Promise<void> {
    for (const request of this.#requests.values()) await request.send(usage, orgId);
  }
}

export interface MeasuringParts {
  readonly usage: UsageStore;
  /** Where lookup tables are. */
  readonly reader: Reader;
  readonly orgId: string;
}

interface Calculation {
  readonly window: UsageWindow;
  readonly formula: CompoundFormula;
  readonly inputs: CompoundInputs;
}

/** A lookup may depend on what another one found: evaluates until nothing is asked any more. */
const calculate = async (
  { reader, orgId }: MeasuringParts,
  calculations: readonly Calculation[],
): Promise<(readonly [UsageWindow, UsageQuantity])[]> => {
  const done: (readonly [UsageWindow, UsageQuantity])[] = [];
  let open = calculations;
  while (open.length > 0) {
    const evaluated = open.map((one) => ({ one, result: one.formula.evaluate(one.inputs) }));
    const waiting = evaluated.filter(({ result }) => result.unanswered.length > 0);
    for (const { one, result } of evaluated) {
      if (result.unanswered.length > 0) continue;
      const { unanswered: _none, ...quantity } = result;
      done.push([one.window, { ...quantity, inputs: one.inputs }]);
    }
    const questions = new Map(
      waiting
        .flatMap(({ result }) => result.unanswered)
        .map((one) => [lookupQuestionKey(one), one]),
    );
    const answers =
      questions.size === 0 ? [] : await findLookupAnswers(reader, orgId, [...questions.values()]);
    const byQuestion = new Map(answers.map((answer) => [lookupQuestionKey(answer), answer]));
    open = waiting.map(({ one, result }) => {
      const found = result.unanswered.flatMap(
        (asked) => byQuestion.get(lookupQuestionKey(asked)) ?? [],
      );
      return { ...one, inputs: { ...one.inputs, lookups: [...one.inputs.lookups, ...found] } };
    });
  }
  return done;
};

/** The answer to every window that can be answered: one query for each aggregation, however many bills ask. */
export const measure = async (
  parts: MeasuringParts,
  asked: readonly AskedWindows[],
): Promise<ReadonlyMap<UsageWindow, UsageQuantity>> => {
  const survey = new Survey();
  const prepared = asked.flatMap((one) =>
    one.windows.flatMap((window): Prepared[] => {
      const answer = survey.prepare(window, one);
      return answer === undefined ? [] : [{ window, answer }];
    }),
  );
  await survey.send(parts.usage, parts.orgId);
  const quantities: (readonly [UsageWindow, UsageQuantity])[] = [];
  const calculations: Calculation[] = [];
  for (const { window, answer } of prepared) {
    const answered = answer();
    if (answered.kind === "quantity") quantities.push([window, answered.quantity]);
    else calculations.push({ window, formula: answered.formula, inputs: answered.inputs });
  }
  return new Map([...quantities, ...(await calculate(parts, calculations))]);
};
