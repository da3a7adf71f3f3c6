/**
 * Organization time zones as m3ter writes them (m3ter semantics 6.6): tz database names, or offsets
 * such as `UTC+1:00`, `GMT+1` and `+1`.
 */

const offset = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$/;

/** The offset as Temporal reads it (`+01:00`), or the name itself. */
const temporalName = (text: string): string => {
  if (text === "GMT" || text === "Z") return "UTC";
  const parts = offset.exec(text);
  if (parts === null) return text;
  const [, sign = "+", hours = "0", minutes = "00"] = parts;
  return `${sign}${hours.padStart(2, "0")}:${minutes}`;
};

const looksLikeZone = /^[A-Za-z][A-Za-z0-9_+/-]*$|^[+-]\d{2}:\d{2}$/;

/** The zone's name for Temporal, or undefined when there is no such zone. */
export const parseZone = (text: string): string | undefined => {
  const name = temporalName(text.trim());
  // Temporal would also take the zone out of a whole timestamp.
  if (!looksLikeZone.test(name)) return undefined;
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId;
  } catch {
    // Temporal has no other question for "is this a zone"; a RangeError is its "no".
    return undefined;
  }
};
