import { decimal } from "../exact/decimal.ts";
import { isFault, roundTo } from "./arithmetic.ts";
import { type PatternLetter, type PatternPart, readPattern } from "./date-pattern.ts";
import { type Amount, toDecimal } from "./value.ts";

/** Epoch milliseconds of the first moment of year 0 and of the last millisecond of year 9999. */
const INSTANT_MIN = -62_167_219_200_000;
const INSTANT_MAX = 253_402_300_799_999;

/** A date in the form asked for, or a sentence that says why there is none. */
export type DateResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Writes epoch milliseconds by a pattern, in UTC; a fraction of a millisecond is dropped. */
export const formatDate = (epochMs: Amount, pattern: string): DateResult<string> => {
  const parts = readPattern(pattern);
  if (typeof parts === "string") return { ok: false, problem: parts };
  const whole = roundTo(epochMs, 0, "FLOOR");
  const instant = isFault(whole) ? Number.NaN : toDecimal(whole).toNumber();
  if (!(instant >= INSTANT_MIN && instant <= INSTANT_MAX)) {
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
export const parseDate = (text: string, patterns: readonly string[]): DateResult<Amount> => {
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

const DIGITS = /^\d{1,9}/;
const OFFSET = /^(?:Z|[+-]\d\d(?::?\d\d)?)/;

const lengthOf = (part: PatternPart, text: string): number | undefined => {
  if (part.kind === "text") return text.startsWith(part.text) ? part.text.length : undefined;
  if (part.letter === "X") return OFFSET.exec(text)?.[0].length;
  const digits = DIGITS.exec(text)?.[0].length ?? 0;
  if (digits < part.width) return undefined;
  return Math.min(digits, part.letter === "S" ? part.width : Math.max(part.width, 2));
};

/** Epoch milliseconds, with the digits below a millisecond as decimals; undefined for Feb 30. */
const epochOf = (fields: Fields): Amount | undefined => {
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
  const fraction = (fields.get("S") ?? "").padEnd(9, "0");
  const epochMs = local - offset * 60_000 + Number(fraction.slice(0, 3));
  const belowMs = Number(fraction.slice(3));
  return belowMs === 0 ? epochMs : decimal(epochMs).plus(decimal(`${belowMs}e-6`));
};

/** Java allows offsets up to 18 hours. */
const OFFSET_MINUTES_MAX = 18 * 60;

const offsetMinutes = (text: string): number | undefined => {
  if (text === "Z") return 0;
  const digits = text.slice(1).replace(":", "").padEnd(4, "0");
  const [hours, minutes] = [Number(digits.slice(0, 2)), Number(digits.slice(2))];
  const total = hours * 60 + minutes;
  if (minutes > 59 || total > OFFSET_MINUTES_MAX) return undefined;
  return text.startsWith("-") ? -total : total;
};
