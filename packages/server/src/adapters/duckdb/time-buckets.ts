import type { TimeFrequency } from "../../ports/usage-store.ts";
import type { GroupKey, MicrosWindow } from "./relation.ts";

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

/**
 * The bucket of a row: for hours the instant it begins, since a local hour may happen twice; for the others the first
 * local date, in days since 1970. `bucketStart` reads both.
 */
export const timeKey = (
  frequency: TimeFrequency,
  timeZone: string,
  window: MicrosWindow,
): GroupKey => {
  const offset = offsetSql(offsetsIn(timeZone, window));
  const local = `date_trunc('${frequency}', usage.ts + to_microseconds(${offset}))`;
  return {
    expression:
      frequency === "HOUR"
        ? `epoch_us(${local} - to_microseconds(${offset}))`
        : `datediff('day', DATE '1970-01-01', ${local}::DATE)`,
  };
};

export const bucketStart = (
  frequency: TimeFrequency,
  timeZone: string,
  key: number,
): Temporal.Instant =>
  frequency === "HOUR"
    ? instantOf(key)
    : epoch.add({ days: key }).toZonedDateTime(timeZone).toInstant();
