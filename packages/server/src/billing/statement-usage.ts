import type { statementDefinition } from "@turnpike/contract/accounts/statement-definition.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import type { PlainMethod, ScannedEvent } from "../ports/usage-store.ts";
import { EventAggregate } from "./event-aggregate.ts";

/** What a statement shows of usage; without a definition the whole period in one row per line ([R]). */
export type StatementShape = Pick<
  Stored<typeof statementDefinition>,
  | "aggregationFrequency"
  | "dimensions"
  | "measures"
  | "includePricePerUnit"
  | "generateSlimStatements"
>;
export const plainShape: StatementShape = { aggregationFrequency: "WHOLE_PERIOD" };

/** One row of a statement: a part of the period, one combination of dimension values. */
export interface UsageRow {
  readonly periodStart: Temporal.Instant;
  readonly periodEnd: Temporal.Instant;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly quantity: Decimal;
  readonly measures: Readonly<Record<string, Decimal>>;
}

export interface UsageSubject {
  readonly meterId: string;
  readonly method: PlainMethod;
  readonly targetField: string;
  /** The line's own. */
  readonly period: Period;
  readonly zone: string;
}

type Frequency = StatementShape["aggregationFrequency"];

/** The calendar unit that the day falls into, as its first day and the next one's. */
export const calendarUnit = (
  frequency: Exclude<Frequency, "WHOLE_PERIOD">,
  day: Temporal.PlainDate,
): readonly [Temporal.PlainDate, Temporal.PlainDate] => {
  switch (frequency) {
    case "DAY":
      return [day, day.add({ days: 1 })];
    case "WEEK": {
      const monday = day.subtract({ days: day.dayOfWeek - 1 });
      return [monday, monday.add({ weeks: 1 })];
    }
    case "MONTH": {
      const first = day.with({ day: 1 });
      return [first, first.add({ months: 1 })];
    }
    case "QUARTER": {
      const first = day.with({ day: 1, month: day.month - ((day.month - 1) % 3) });
      return [first, first.add({ months: 3 })];
    }
    case "YEAR": {
      const first = day.with({ day: 1, month: 1 });
      return [first, first.add({ years: 1 })];
    }
  }
};

const partOf = (frequency: Frequency, { period, zone }: UsageSubject, ts: string): Period => {
  if (frequency === "WHOLE_PERIOD") return period;
  const day = Temporal.Instant.from(ts).toZonedDateTimeISO(zone).toPlainDate();
  const [first, next] = calendarUnit(frequency, day);
  const start = first.toZonedDateTime(zone).toInstant();
  const end = next.toZonedDateTime(zone).toInstant();
  return {
    start: Temporal.Instant.compare(start, period.start) < 0 ? period.start : start,
    end: Temporal.Instant.compare(end, period.end) > 0 ? period.end : end,
  };
};

/** The event's values of the shown dimensions; undefined when one of them is not to be shown. */
const dimensionsOf = (
  { dimensions = [] }: StatementShape,
  { meterId }: UsageSubject,
  { texts }: ScannedEvent,
): Record<string, string> | undefined => {
  const shown: Record<string, string> = {};
  for (const { name, filter, meterId: of } of dimensions) {
    if (of !== undefined && of !== meterId) continue;
    const value = texts[name] ?? "";
    if (!filter.includes("*") && !filter.includes(value)) return undefined;
    shown[name] = value;
  }
  return shown;
};

/** `tokens.SUM` → which field and how; a measure without a name is every number of the event. */
const measuresOf = (
  { measures = [] }: StatementShape,
  { meterId }: UsageSubject,
  { numbers }: ScannedEvent,
): (readonly [string, PlainMethod, string])[] =>
  measures
    .filter((measure) => measure.meterId === undefined || measure.meterId === meterId)
    .flatMap(({ name, aggregations = ["SUM"] }) => {
      const fields = name === undefined || name === "" ? Object.keys(numbers) : [name];
      return fields.flatMap((field) =>
        aggregations.flatMap((method) =>
          method === "CUSTOM_SQL" ? [] : [[`${field}.${method}`, method, field] as const],
        ),
      );
    });

interface Open {
  readonly part: Period;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly quantity: EventAggregate;
  readonly measures: Map<string, EventAggregate>;
}

/** Collects events into the rows of one line. */
export class UsageRows {
  readonly #shape: StatementShape;
  readonly #subject: UsageSubject;
  readonly #open = new Map<string, Open>();

  constructor(shape: StatementShape, subject: UsageSubject) {
    this.#shape = shape;
    this.#subject = subject;
  }

  add(event: ScannedEvent): void {
    const dimensions = dimensionsOf(this.#shape, this.#subject, event);
    if (dimensions === undefined) return;
    const part = partOf(this.#shape.aggregationFrequency, this.#subject, event.ts);
    const key = JSON.stringify([part.start.epochMilliseconds, Object.values(dimensions)]);
    const { method, targetField } = this.#subject;
    const open = this.#open.get(key) ?? {
      part,
      dimensions,
      quantity: new EventAggregate(method, targetField),
      measures: new Map<string, EventAggregate>(),
    };
    this.#open.set(key, open);
    open.quantity.add(event);
    for (const [name, how, field] of measuresOf(this.#shape, this.#subject, event)) {
      const measure = open.measures.get(name) ?? new EventAggregate(how, field);
      open.measures.set(name, measure);
      measure.add(event);
    }
  }

  /** By time, then by the values of the dimensions. */
  rows(): UsageRow[] {
    return [...this.#open]
      .toSorted(
        ([a, one], [b, other]) =>
          Temporal.Instant.compare(one.part.start, other.part.start) || (a < b ? -1 : 1),
      )
      .map(([, { part, dimensions, quantity, measures }]) => ({
        periodStart: part.start,
        periodEnd: part.end,
        dimensions,
        quantity: quantity.result() ?? decimal(0),
        measures: Object.fromEntries(
          [...measures].flatMap(([name, measure]) => {
            const result = measure.result();
            return result === undefined ? [] : [[name, result] as const];
          }),
        ),
      }));
  }
}
