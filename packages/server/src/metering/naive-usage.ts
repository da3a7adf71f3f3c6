import { type Decimal, decimal, max, min, sum, zero } from "@turnpike/engine/exact/decimal.ts";
import type {
  AggregationMethod,
  PlainMethod,
  TimeFrequency,
  TimeUnit,
} from "../ports/usage-store.ts";

/** A stored measurement as a test knows it. */
export interface NaiveEvent {
  readonly uid: string;
  readonly account: string;
  readonly tsMicros: number;
  readonly receivedAtMs: number;
  readonly value: number | string;
}

/** Epoch microseconds, half-open. */
export interface NaiveWindow {
  readonly start: number;
  readonly end: number;
}

const later = (a: NaiveEvent, b: NaiveEvent): number =>
  a.tsMicros - b.tsMicros ||
  a.receivedAtMs - b.receivedAtMs ||
  Buffer.compare(Buffer.from(a.uid), Buffer.from(b.uid));

const values = (events: readonly NaiveEvent[]) => events.map(({ value }) => decimal(value));

const methods: Record<PlainMethod, (events: readonly NaiveEvent[]) => string> = {
  SUM: (events) => sum(values(events)).toString(),
  MIN: (events) => values(events).reduce(min).toString(),
  MAX: (events) => values(events).reduce(max).toString(),
  COUNT: (events) => String(events.length),
  LATEST: (events) => decimal([...events].sort(later).at(-1)?.value ?? 0).toString(),
  MEAN: (events) => sum(values(events)).div(decimal(events.length)).toString(),
  UNIQUE: (events) => String(new Set(events.map(({ value }) => value)).size),
};

/** The bucket that an instant is in: the instant at which it begins, or its first date. */
export const naiveBucket = (frequency: TimeFrequency, zone: string, micros: number): string => {
  const at = Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n);
  const local = at.toZonedDateTimeISO(zone);
  const minute = { minute: 0, second: 0, millisecond: 0, microsecond: 0 };
  if (frequency === "HOUR") return local.with(minute, { offset: "use" }).toInstant().toString();
  const date = local.toPlainDate();
  if (frequency === "DAY") return date.toString();
  if (frequency === "WEEK") return date.subtract({ days: date.dayOfWeek - 1 }).toString();
  const month = frequency === "MONTH" ? date.month : date.month - ((date.month - 1) % 3);
  return date.with({ day: 1, month }).toString();
};

/** The first value in ascending order up to which there are `percentile` % of all. */
const percentileOf = (percentile: string, events: readonly NaiveEvent[]): Decimal | undefined => {
  const share = decimal(percentile).times(decimal(events.length));
  const inOrder = values(events).sort((a, b) => a.cmp(b));
  return inOrder.find((_, index) => decimal(100 * (index + 1)).cmp(share) >= 0);
};

/** Value × microseconds in the window; undefined while there is no value. */
export const naiveWeight = (
  events: readonly NaiveEvent[],
  { start, end }: NaiveWindow,
): Decimal | undefined => {
  if (!events.some(({ tsMicros }) => tsMicros < end)) return undefined;
  let weight = zero;
  for (const ofAccount of Map.groupBy(events, ({ account }) => account).values()) {
    const inOrder = ofAccount.toSorted(later);
    for (const [index, { tsMicros, value }] of inOrder.entries()) {
      const from = Math.max(tsMicros, start);
      const to = Math.min(inOrder[index + 1]?.tsMicros ?? end, end);
      if (to > from) weight = weight.plus(decimal(value).times(decimal(to - from)));
    }
  }
  return weight;
};

const microsOf = { SECOND: 1e6, MINUTE: 60e6, HOUR: 3600e6, DAY: 86_400e6 };

export type NaiveMethod = Exclude<AggregationMethod, { kind: "CUSTOM_SQL" }>;

export const inUnits = (weight: Decimal, unit: TimeUnit): Decimal =>
  weight.div(decimal(microsOf[unit]));

/** What m3ter semantics 6.2 and `ports/usage-store.ts` say, word for word; the measure of every faster evaluator. */
export const naiveQuantity = (
  method: NaiveMethod,
  events: readonly NaiveEvent[],
  window: NaiveWindow,
): string | undefined => {
  const inside = events.filter(({ tsMicros }) => tsMicros >= window.start && tsMicros < window.end);
  if (typeof method === "object" && method.kind === "TIME_WEIGHTED_SUM") {
    const weight = naiveWeight(events, window);
    return weight && inUnits(weight, method.unit).toString();
  }
  if (inside.length === 0) return undefined;
  if (typeof method === "string") return methods[method](inside);
  if (method.kind === "PERCENTILE") return percentileOf(method.percentile, inside)?.toString();
  const { per, timeZone } = method;
  const windows = Map.groupBy(inside, ({ tsMicros }) => naiveBucket(per, timeZone, tsMicros));
  return sum([...windows.values()].map((ofWindow) => values(ofWindow).reduce(max))).toString();
};

/** A stored measurement of any kind, where it stands in the order of everything that happened. */
export interface NaiveStored extends NaiveEvent {
  readonly at: number;
  /** A void or an amendment has hidden it. */
  readonly isCorrected: boolean;
  readonly backfill?: NaiveBackfill | undefined;
}

export interface NaiveBackfill {
  /** Where it was revealed; undefined while it does not count. */
  readonly revealedAt: number | undefined;
  readonly replaces?: { readonly accounts?: readonly string[]; readonly window: NaiveWindow };
}

/** What counts of one meter: docs/decisions/0013-backfills.md word for word. */
export const naiveCounting = <Stored extends NaiveStored>(
  events: readonly Stored[],
  backfills: readonly NaiveBackfill[],
): readonly Stored[] =>
  events.filter((event) => {
    const countsFrom = event.backfill === undefined ? event.at : event.backfill.revealedAt;
    if (event.isCorrected || countsFrom === undefined) return false;
    return !backfills.some(({ revealedAt, replaces }) => {
      if (revealedAt === undefined || replaces === undefined) return false;
      const { accounts = [event.account], window } = replaces;
      const isInside = event.tsMicros >= window.start && event.tsMicros < window.end;
      return countsFrom < revealedAt && isInside && accounts.includes(event.account);
    });
  });
