import type { Bucket, GroupKey, MicrosWindow } from "./relation.ts";

interface Offset {
  /** Epoch microseconds from which it holds. */
  readonly from: number;
  readonly micros: number;
}

const epoch = Temporal.PlainDate.from("1970-01-01");

const instantOf = (micros: number): Temporal.Instant =>
  Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n);

const microsOf = (instant: Temporal.Instant): number => Number(instant.epochNanoseconds / 1000n);

/** The zone's offsets from UTC within the window, in the order they begin. */
const offsetsIn = (timeZone: string, { start, end }: MicrosWindow): readonly Offset[] => {
  const offsets: Offset[] = [];
  let at: Temporal.ZonedDateTime | null = instantOf(start).toZonedDateTimeISO(timeZone);
  while (at !== null && microsOf(at.toInstant()) < end) {
    offsets.push({ from: microsOf(at.toInstant()), micros: at.offsetNanoseconds / 1000 });
    at = at.getTimeZoneTransition("next");
  }
  return offsets;
};

/** What has to be added to an instant to read its local time off UTC. */
const offsetSql = (offsets: readonly Offset[]): string => {
  const [first, ...later] = offsets;
  const cases = later
    .toReversed()
    .map(({ from, micros }) => `WHEN usage.ts >= make_timestamp(${from}) THEN ${micros}`);
  const fallback = first?.micros ?? 0;
  return cases.length === 0 ? `${fallback}` : `(CASE ${cases.join(" ")} ELSE ${fallback} END)`;
};

const microsPerHour = 3_600_000_000;
const microsPerDay = 24 * microsPerHour;
/** More than any instant lies before 1970, since division of integers rounds towards zero. */
const eraDays = 1_000_000;

/** Whole lengths from the beginning of the era: a third of the time that `date_trunc` takes. */
const lengthsSql = (local: string, length: number): string =>
  `(${local} + ${eraDays * microsPerDay}) // ${length}`;

/**
 * The bucket of a row: for hours the instant it begins, since a local hour may happen twice; for the others the first
 * local date, in days since 1970. `bucketStart` reads both.
 */
export const timeKey = (frequency: Bucket, timeZone: string, window: MicrosWindow): GroupKey => ({
  time: { frequency, timeZone },
  expression: bucketSql(frequency, offsetSql(offsetsIn(timeZone, window))),
});

const bucketSql = (frequency: Bucket, offset: string): string => {
  const local = `epoch_us(usage.ts) + ${offset}`;
  if (frequency === "HOUR") {
    const hours = lengthsSql(local, microsPerHour);
    return `(${hours} - ${eraDays * 24}) * ${microsPerHour} - ${offset}`;
  }
  if (frequency === "DAY") return `${lengthsSql(local, microsPerDay)} - ${eraDays}`;
  const date = `(usage.ts + to_microseconds(${offset}))::DATE`;
  return `datediff('day', DATE '1970-01-01', date_trunc('${frequency}', ${date})::DATE)`;
};

export const bucketStart = (frequency: Bucket, timeZone: string, key: number): Temporal.Instant =>
  frequency === "HOUR"
    ? instantOf(key)
    : epoch.add({ days: key }).toZonedDateTime(timeZone).toInstant();

/** Instants as answers have them, to the second. Printing one takes a microsecond, and an answer has hundreds of hours. */
const hourNames = (): ((micros: number) => string) => {
  const dates = new Map<number, string>();
  const times = new Map<number, string>();
  return (micros) => {
    const day = Math.floor(micros / microsPerDay);
    const ofDay = micros - day * microsPerDay;
    const print = (from: number, to: number): string =>
      new Date(micros / 1000).toISOString().slice(from, to);
    const date = dates.getOrInsertComputed(day, () => print(0, -14));
    return `${date}${times.getOrInsertComputed(ofDay, () => print(-14, -5))}Z`;
  };
};

/** Names buckets by the instant at which they start, as answers have it: to the second. */
export const bucketNames = (frequency: Bucket, timeZone: string): ((key: number) => string) =>
  frequency === "HOUR" ? hourNames() : (key) => bucketStart(frequency, timeZone, key).toString();

const firstDateOf = (frequency: Bucket, date: Temporal.PlainDate): Temporal.PlainDate => {
  switch (frequency) {
    case "HOUR":
    case "DAY":
      return date;
    case "WEEK":
      return date.subtract({ days: date.dayOfWeek - 1 });
    case "MONTH":
      return date.with({ day: 1 });
    case "QUARTER":
      return date.with({ day: 1, month: date.month - ((date.month - 1) % 3) });
    case "YEAR":
      return date.with({ day: 1, month: 1 });
  }
};

/** A stretch of a bucket in which the zone keeps its offset. */
export interface BucketPiece extends MicrosWindow {
  /** As `timeKey` calls the bucket. */
  readonly key: number;
}

/** Where the bucket of a local time begins, both in microseconds as read off UTC, and what `timeKey` calls it. */
const bucketAt = (frequency: Bucket, local: number, offset: number) => {
  if (frequency === "HOUR") {
    const start = Math.floor(local / microsPerHour) * microsPerHour;
    return { start, key: start - offset };
  }
  const date = epoch.add({ days: Math.floor(local / microsPerDay) });
  const key = epoch.until(firstDateOf(frequency, date)).days;
  return { start: key * microsPerDay, key };
};

/** The buckets of a window, the last one first, up to a number of them; the same buckets as those of `timeKey`. */
export const bucketPieces = (
  { frequency, timeZone }: NonNullable<GroupKey["time"]>,
  window: MicrosWindow,
  bucketsMax: number,
): readonly BucketPiece[] => {
  const offsets = offsetsIn(timeZone, window);
  const pieces: BucketPiece[] = [];
  const keys = new Set<number>();
  let end = window.end;
  for (const { from, micros } of offsets.toReversed()) {
    while (end > from) {
      const bucket = bucketAt(frequency, end - 1 + micros, micros);
      if (keys.add(bucket.key).size > bucketsMax) return pieces;
      const start = Math.max(bucket.start - micros, from);
      pieces.push({ key: bucket.key, start, end });
      end = start;
    }
  }
  return pieces;
};
