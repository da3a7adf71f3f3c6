import { type Decimal, decimal } from "../exact/decimal.ts";
import { type PatternLetter, type PatternPart, readPattern } from "./date-pattern.ts";

/** Epoch milliseconds of the first moment of year 0 and of the last millisecond of year 9999. */
const instantMin = -62_167_219_200_000;
const instantMax = 253_402_300_799_999;

/** A date in the form asked for, or a sentence that says why there is none. */
export type DateResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Writes epoch milliseconds by a pattern, in UTC; a fraction of a millisecond is dropped. */
export const formatDate = (epochMs: Decimal, pattern: string): DateResult<string> => {
  const parts = readPattern(pattern);
  if (typeof parts === "string") return { ok: false, problem: parts };
  const instant = epochMs.toInteger("FLOOR").toNumber();
  if (!(instant >= instantMin && instant <= instantMax)) {
    return { ok: false, problem: "a date in epoch milliseconds lies in the years 0 to 9999" };
  }
  const moment = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO("UTC");
  return { ok: true, value: parts.map((part) => formatPart(part, moment)).join("") };
};

const formatPart = (part: PatternPart, moment: Temporal.ZonedDateTime): string => {
  if (part.kind === "text") return part.text;
  const padded = (field: number): string => String(field).padStart(part.width, "0");
  switch (part.letter) {
    case "y":
      return padded(moment.year);
    case "M":
      return padded(moment.month);
    case "d":
      return padded(moment.day);
    case "H":
      return padded(moment.hour);
    case "m":
      return padded(moment.minute);
    case "s":
      return padded(moment.second);
    case "S":
      return String(moment.millisecond).padStart(3, "0").padEnd(9, "0").slice(0, part.width);
    case "X":
      return "Z";
  }
};

/** Reads a date by the first pattern that fits; what a pattern leaves out is that of the epoch. */
export const parseDate = (text: string, patterns: readonly string[]): DateResult<Decimal> => {
  for (const pattern of patterns) {
    const parts = readPattern(pattern);
    if (typeof parts === "string") return { ok: false, problem: parts };
    const fields = readFields(text, parts);
    const epochMs = fields === undefined ? undefined : epochOf(fields);
    if (epochMs !== undefined) return { ok: true, value: epochMs };
  }
  return { ok: false, problem: `the text is no date of the form ${patterns.join(" or ")}` };
};

type Fields = ReadonlyMap<PatternLetter, string>;

/** The text of every field, or undefined when the text does not have the form of the pattern. */
const readFields = (text: string, parts: readonly PatternPart[]): Fields | undefined => {
  const fields = new Map<PatternLetter, string>();
  let rest = text;
  for (const part of parts) {
    const length = lengthOf(part, rest);
    if (length === undefined) return undefined;
    if (part.kind === "field") fields.set(part.letter, rest.slice(0, length));
    rest = rest.slice(length);
  }
  return rest === "" ? fields : undefined;
};

const digitsPattern = /^\d{1,9}/;
const offsetPattern = /^(?:Z|[+-]\d\d(?::?\d\d)?)/;

const lengthOf = (part: PatternPart, text: string): number | undefined => {
  if (part.kind === "text") return text.startsWith(part.text) ? part.text.length : undefined;
  if (part.letter === "X") return offsetPattern.exec(text)?.[0].length;
  const digits = digitsPattern.exec(text)?.[0].length ?? 0;
  if (digits < part.width) return undefined;
  return Math.min(digits, part.letter === "S" ? part.width : Math.max(part.width, 2));
};

/** Epoch milliseconds, with the digits below a millisecond as decimals; undefined for Feb 30. */
const epochOf = (fields: Fields): Decimal | undefined => {
  const number = (letter: PatternLetter, absent: number): number =>
    Number(fields.get(letter) ?? absent);
  const [year, month, day] = [number("y", 1970), number("M", 1), number("d", 1)];
  const [hour, minute, second] = [number("H", 0), number("m", 0), number("s", 0)];
  const offset = offsetMinutes(fields.get("X") ?? "Z");
  if (hour > 23 || minute > 59 || second > 59 || offset === undefined) return undefined;
  if (month < 1 || month > 12 || day < 1) return undefined;
  const monthStart = new Temporal.PlainDateTime(year, month, 1, hour, minute, second);
  if (day > monthStart.daysInMonth) return undefined;
  const local = monthStart.with({ day }).toZonedDateTime("UTC").epochMilliseconds;
  const epochMs = decimal(local - offset * 60_000);
  const fraction = fields.get("S");
  return fraction === undefined ? epochMs : epochMs.plus(decimal(`0.${fraction}e3`));
};

/** Java allows offsets up to 18 hours. */
const offsetMinutesMax = 18 * 60;

const offsetMinutes = (text: string): number | undefined => {
  if (text === "Z") return 0;
  const digits = text.slice(1).replace(":", "").padEnd(4, "0");
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  const total = hours * 60 + minutes;
  if (minutes > 59 || total > offsetMinutesMax) return undefined;
  return text.startsWith("-") ? -total : total;
};
