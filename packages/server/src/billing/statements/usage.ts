import type { statementDefinition } from "@turnpike/contract/accounts/statement-definition.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import type { BreakdownRequest, BreakdownRow, CalendarUnit } from "../../ports/usage-breakdown.ts";
import type {
  CountedUsage,
  PlainMethod,
  UsageSource,
  UsageStore,
} from "../../ports/usage-store.ts";

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
  /** Undefined where the row's measurements alone come to no number. */
  readonly quantity: Decimal | undefined;
  readonly measures: Readonly<Record<string, Decimal>>;
}

/** The measurements that a line counts, and how it measures them: as its bill does. */
export interface UsageSubject {
  readonly orgId: string;
  readonly meterId: string;
  readonly sources: readonly UsageSource[];
  readonly counted: CountedUsage;
  readonly field: BreakdownRequest["field"];
  /** Codes of the meter's numbers, for measures without a name. */
  readonly numbers: readonly string[];
  /** The line's own. */
  readonly period: Period;
  readonly zone: string;
}

/** The calendar unit that the day falls into, as its first day and the next one's. */
const calendarUnit = (
  unit: CalendarUnit,
  day: Temporal.PlainDate,
): readonly [Temporal.PlainDate, Temporal.PlainDate] => {
  switch (unit) {
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

const unitOf = ({ aggregationFrequency }: StatementShape): CalendarUnit | undefined =>
  aggregationFrequency === "WHOLE_PERIOD" ? undefined : aggregationFrequency;

/** The part of the line's period that is of the calendar unit which begins at `time`. */
const partOf = (shape: StatementShape, { period, zone }: UsageSubject, time = ""): Period => {
  const unit = unitOf(shape);
  if (unit === undefined) return period;
  const day = Temporal.Instant.from(time).toZonedDateTimeISO(zone).toPlainDate();
  const [first, next] = calendarUnit(unit, day);
  const start = first.toZonedDateTime(zone).toInstant();
  const end = next.toZonedDateTime(zone).toInstant();
  return {
    start: Temporal.Instant.compare(start, period.start) < 0 ? period.start : start,
    end: Temporal.Instant.compare(end, period.end) > 0 ? period.end : end,
  };
};

type Dimension = NonNullable<StatementShape["dimensions"]>[number];

const dimensionsFor = ({ dimensions = [] }: StatementShape, { meterId }: UsageSubject) =>
  dimensions.filter((one) => one.meterId === undefined || one.meterId === meterId);

/** The values of the shown dimensions; undefined when one of them is not to be shown. */
const dimensionValues = (
  shown: readonly Dimension[],
  { dimensions }: BreakdownRow,
): Record<string, string> | undefined => {
  const values: Record<string, string> = {};
  for (const [index, { name, filter }] of shown.entries()) {
    const value = dimensions[index] ?? "";
    if (!filter.includes("*") && !filter.includes(value)) return undefined;
    values[name] = value;
  }
  return values;
};

interface Measure {
  readonly name: string;
  readonly method: PlainMethod;
  readonly fieldCode: string;
}

/** `tokens.SUM`: which field and how; a measure without a name is every number of the meter. */
const measuresOf = (
  { measures = [] }: StatementShape,
  { meterId, numbers }: UsageSubject,
): Measure[] => {
  const asked = measures
    .filter((measure) => measure.meterId === undefined || measure.meterId === meterId)
    .flatMap(({ name, aggregations = ["SUM"] }) => {
      const fields = name === undefined || name === "" ? numbers : [name];
      return fields.flatMap((fieldCode) =>
        aggregations.flatMap((method): Measure[] =>
          method === "CUSTOM_SQL" ? [] : [{ name: `${fieldCode}.${method}`, method, fieldCode }],
        ),
      );
    });
  return [...new Map(asked.map((measure) => [measure.name, measure])).values()];
};

type Row = Omit<UsageRow, "quantity" | "measures"> & {
  quantity: Decimal | undefined;
  readonly measures: Record<string, Decimal>;
};

/** Puts what was measured together by part of the period and values of dimensions. */
class Rows {
  readonly #shape: StatementShape;
  readonly #subject: UsageSubject;
  readonly #byKey = new Map<string, Row>();

  constructor(shape: StatementShape, subject: UsageSubject) {
    this.#shape = shape;
    this.#subject = subject;
  }

  /** Undefined when it is not to be shown. */
  at(found: BreakdownRow): Row | undefined {
    const dimensions = dimensionValues(dimensionsFor(this.#shape, this.#subject), found);
    if (dimensions === undefined) return undefined;
    const { start, end } = partOf(this.#shape, this.#subject, found.time);
    const key = JSON.stringify([start.epochMilliseconds, Object.values(dimensions)]);
    const empty = { dimensions, quantity: undefined, measures: {} };
    const row = this.#byKey.get(key) ?? { periodStart: start, periodEnd: end, ...empty };
    this.#byKey.set(key, row);
    return row;
  }

  /** By time, then by the values of the dimensions. */
  inOrder(): readonly UsageRow[] {
    return [...this.#byKey]
      .toSorted(
        ([a, one], [b, other]) =>
          Temporal.Instant.compare(one.periodStart, other.periodStart) || (a < b ? -1 : 1),
      )
      .map(([, row]) => row);
  }
}

/** The rows of one line; undefined when there are more than `rowsMax`. */
export const usageRows = async (
  store: UsageStore,
  subject: UsageSubject,
  { shape, rowsMax }: { readonly shape: StatementShape; readonly rowsMax: number },
): Promise<readonly UsageRow[] | undefined> => {
  const { orgId, meterId, sources, counted, zone: timeZone } = subject;
  const unit = unitOf(shape);
  const dimensions = dimensionsFor(shape, subject).map(({ name }) => name);
  const split = { dimensions, timeZone, rowsMax, ...(unit === undefined ? {} : { unit }) };
  const ask = (field: BreakdownRequest["field"]) =>
    store.breakDown({ orgId, meterId, sources, counted, field, ...split });

  const rows = new Rows(shape, subject);
  const whole = await ask(subject.field);
  if (whole.kind === "too-many") return undefined;
  for (const found of whole.rows) {
    const row = rows.at(found);
    if (row !== undefined && found.quantity !== null) row.quantity = decimal(found.quantity);
  }
  for (const { name, method, fieldCode } of measuresOf(shape, subject)) {
    const answer = await ask({ fieldCode, method });
    if (answer.kind === "too-many") return undefined;
    for (const found of answer.rows) {
      const row = rows.at(found);
      if (row !== undefined && found.quantity !== null)
        row.measures[name] = decimal(found.quantity);
    }
  }
  return rows.inOrder();
};
