/**
 * Times of UTC that a cron expression names (https://en.wikipedia.org/wiki/Cron): minute, hour, day of the month, month and
 * day of the week, each a list of single values and of ranges, `a-b` or `*`, with or without a step, `/n`.
 */
export interface Cron {
  /** Minutes since midnight, ascending; at least one. */
  readonly minutesOfDay: readonly number[];
  readonly months: ReadonlySet<number>;
  readonly dates: ReadonlySet<number>;
  /** Sunday is 0. */
  readonly weekdays: ReadonlySet<number>;
}

interface Field {
  readonly min: number;
  readonly max: number;
  /** Of the numbers from `min` on. */
  readonly names?: readonly string[];
}

const minutes: Field = { min: 0, max: 59 };
const hours: Field = { min: 0, max: 23 };
const dates: Field = { min: 1, max: 31 };
const months: Field = {
  min: 1,
  max: 12,
  names: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
/** Sunday is 7 as well. */
const weekdays: Field = {
  min: 0,
  max: 7,
  names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
};

const fieldCount = 5;
const minutesPerHour = 60;
const minutesPerDay = 24 * minutesPerHour;
const daysPerWeek = 7;

/** One value, or a range with or without a step. */
const part =
  /^(?:(\d{1,2}|[A-Z]{3})|(?:\*|(\d{1,2}|[A-Z]{3})-(\d{1,2}|[A-Z]{3}))(?:\/(\d{1,2}))?)$/;

/** NaN for a name that the field does not have. */
const numberOf = (text: string, { min, names = [] }: Field): number => {
  const named = names.indexOf(text);
  return named < 0 ? Number(text) : min + named;
};

/** The numbers that a part of a list names; none where it is not one. */
const readPart = (text: string, field: Field): number[] => {
  const match = part.exec(text);
  if (match === null) return [];
  const [, only, first = only, last = only, step = "1"] = match;
  const from = first === undefined ? field.min : numberOf(first, field);
  const to = last === undefined ? field.max : numberOf(last, field);
  const by = Number(step);
  const isRange = field.min <= from && from <= to && to <= field.max;
  if (!isRange || by === 0) return [];
  return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, nth) => from + nth * by);
};

/** Ascending, each number once; none where any part of the list is not one. */
const readList = (text: string, field: Field): number[] => {
  const parts = text.split(",").map((one) => readPart(one, field));
  if (parts.some((numbers) => numbers.length === 0)) return [];
  return [...new Set(parts.flat())].sort((a, b) => a - b);
};

/** Undefined where the text is none, and where its day never comes, such as February 30. */
export const parseCron = (expression: string): Cron | undefined => {
  const texts = expression.trim().toUpperCase().split(/\s+/);
  const [minute = "", hour = "", date = "", month = "", weekday = ""] = texts;
  const minutesOfHour = readList(minute, minutes);
  const cron: Cron = {
    minutesOfDay: readList(hour, hours).flatMap((h) =>
      minutesOfHour.map((m) => h * minutesPerHour + m),
    ),
    months: new Set(readList(month, months)),
    dates: new Set(readList(date, dates)),
    weekdays: new Set(readList(weekday, weekdays).map((day) => day % daysPerWeek)),
  };
  const sizes = [cron.minutesOfDay.length, cron.dates.size, cron.months.size, cron.weekdays.size];
  if (texts.length !== fieldCount || sizes.includes(0)) return undefined;
  return comes(cron) ? cron : undefined;
};

const areDaysNarrowedTwice = (cron: Cron): boolean =>
  cron.dates.size < dates.max && cron.weekdays.size < daysPerWeek;

const someLeapYear = 2000;

/** Whether one of its months ever has one of its dates; a day of the week every month has. */
const comes = (cron: Cron): boolean => {
  const lengths = [...cron.months].map(
    (month) => Temporal.PlainYearMonth.from({ year: someLeapYear, month }).daysInMonth,
  );
  return areDaysNarrowedTwice(cron) || Math.min(...cron.dates) <= Math.max(...lengths);
};

/** February 29 comes at least this often, also around a year such as 2100. */
const daysApartMax = 8 * 366;

/** Either of a date and a day of the week that are both narrowed is enough, as cron has it. */
const hasDay = (cron: Cron, { month, day, dayOfWeek }: Temporal.PlainDate): boolean => {
  if (!cron.months.has(month)) return false;
  const isDate = cron.dates.has(day);
  const isWeekday = cron.weekdays.has(dayOfWeek % daysPerWeek);
  return areDaysNarrowedTwice(cron) ? isDate || isWeekday : isDate && isWeekday;
};

type Direction = 1 | -1;

/** The first such day after a date, or the last one before it. */
const nearestDay = (
  cron: Cron,
  date: Temporal.PlainDate,
  direction: Direction,
): Temporal.PlainDate | undefined => {
  for (let days = 1; days <= daysApartMax; days += 1) {
    const day = date.add({ days: days * direction });
    if (hasDay(cron, day)) return day;
  }
  return undefined;
};

/** `parseCron` has seen that there is a day, and `minutesOfDay` has a minute. */
const timeOf = (
  day: Temporal.PlainDate | undefined,
  minute: number | undefined,
): Temporal.Instant => {
  if (day === undefined || minute === undefined) throw new Error("a cron expression has times");
  return day.toZonedDateTime("UTC").add({ minutes: minute }).toInstant();
};

interface Minute {
  readonly date: Temporal.PlainDate;
  readonly minuteOfDay: number;
}

const minuteOf = (at: Temporal.Instant): Minute => {
  const local = at.toZonedDateTimeISO("UTC");
  return { date: local.toPlainDate(), minuteOfDay: local.hour * minutesPerHour + local.minute };
};

/** The first time after an instant. */
export const nextCronTime = (cron: Cron, after: Temporal.Instant): Temporal.Instant => {
  const { date, minuteOfDay } = minuteOf(after);
  const later = cron.minutesOfDay.find((minute) => minute > minuteOfDay);
  if (later !== undefined && hasDay(cron, date)) return timeOf(date, later);
  return timeOf(nearestDay(cron, date, 1), cron.minutesOfDay.at(0));
};

/** The last time that is not after an instant. */
export const lastCronTime = (cron: Cron, at: Temporal.Instant): Temporal.Instant => {
  const { date, minuteOfDay } = minuteOf(at);
  const earlier = cron.minutesOfDay.findLast((minute) => minute <= minuteOfDay);
  if (earlier !== undefined && hasDay(cron, date)) return timeOf(date, earlier);
  return timeOf(nearestDay(cron, date, -1), cron.minutesOfDay.at(-1));
};

/** The shortest time between two of its times, days taken as if each had them. */
export const shortestCronGap = ({ minutesOfDay }: Cron): number => {
  const [first = 0] = minutesOfDay;
  const ends = [...minutesOfDay.slice(1), first + minutesPerDay];
  return Math.min(...ends.map((end, nth) => end - (minutesOfDay[nth] ?? 0)));
};
