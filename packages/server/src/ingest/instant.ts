import { isExactTime } from "@turnpike/contract/usage/measurement-rules.ts";

const pattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:[Zz]|([+-])(\d\d):?(\d\d)?)$/;

const daysInMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

export const monthLength = (year: number, month: number): number =>
  month === 2 && isLeap(year) ? 29 : (daysInMonth[month - 1] ?? 0);

/** Days from 1970-01-01 to the first day of a month, in the proleptic Gregorian calendar. */
export const epochDay = (year: number, month: number, day: number): number => {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
};

/**
 * Microseconds since 1970-01-01T00:00Z of an ISO-8601 date-time with a zone; undefined when the text is none.
 * Finer digits than microseconds are cut. Seconds may be absent; a time without a zone is refused, since its instant
 * would be a guess, and so is one that cannot be kept.
 */
export const instantMicros = (text: string): number | undefined => {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second = "0",
    fraction = "",
    sign,
    zoneHour,
    zoneMinute,
  ] = match;
  const y = Number(year);
  const mo = Number(month);
  const d = Number(day);
  if (mo < 1 || mo > 12 || d < 1 || d > monthLength(y, mo)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const offsetMinutes = Number(zoneHour ?? 0) * 60 + Number(zoneMinute ?? 0);
  if (Number(zoneMinute ?? 0) > 59 || offsetMinutes > 18 * 60) return undefined;
  const minutes =
    Number(hour) * 60 + Number(minute) - (sign === "-" ? -offsetMinutes : offsetMinutes);
  const seconds = epochDay(y, mo, d) * 86_400 + minutes * 60 + Number(second);
  const micros = seconds * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
  return isExactTime(micros) ? micros : undefined;
};
