/** Half-open: `start` belongs to the period, `end` does not. */
export interface Period {
  readonly start: Temporal.Instant;
  readonly end: Temporal.Instant;
}

/** A period whose end may not be known yet. */
export interface OpenPeriod {
  readonly start: Temporal.Instant;
  readonly end?: Temporal.Instant | undefined;
}

/** Identity and milliseconds first: Temporal's own comparison costs twenty times as much. */
export const compareInstants = (a: Temporal.Instant, b: Temporal.Instant): number => {
  if (a === b) return 0;
  const difference = a.epochMilliseconds - b.epochMilliseconds;
  return difference === 0 ? Temporal.Instant.compare(a, b) : difference;
};

export const isBefore = (a: Temporal.Instant, b: Temporal.Instant): boolean =>
  compareInstants(a, b) < 0;

export const earlier = (a: Temporal.Instant, b: Temporal.Instant): Temporal.Instant =>
  isBefore(b, a) ? b : a;

export const later = (a: Temporal.Instant, b: Temporal.Instant): Temporal.Instant =>
  isBefore(a, b) ? b : a;

export const contains = (period: OpenPeriod, at: Temporal.Instant): boolean =>
  !isBefore(at, period.start) && (period.end === undefined || isBefore(at, period.end));

/** What `period` shares with each of the others; undefined when nothing is left. */
export const intersection = (
  period: Period,
  ...others: readonly (OpenPeriod | undefined)[]
): Period | undefined => {
  let { start, end } = period;
  for (const other of others) {
    if (other === undefined) continue;
    start = later(start, other.start);
    if (other.end !== undefined) end = earlier(end, other.end);
  }
  return isBefore(start, end) ? { start, end } : undefined;
};

/** From the earlier start to the later end. */
export const spanning = (a: Period, b: Period): Period => ({
  start: earlier(a.start, b.start),
  end: later(a.end, b.end),
});

/** From the earliest start to the latest end; undefined of none. */
export const spanOf = (periods: readonly Period[]): Period | undefined => {
  const [first, ...others] = periods;
  return first && others.reduce(spanning, { start: first.start, end: first.end });
};

/** The period cut at each of the instants that lie inside it, in order of time. */
export const splitPeriod = (
  period: Period,
  cuts: readonly Temporal.Instant[],
): readonly Period[] => {
  const inside = cuts
    .filter((cut) => isBefore(period.start, cut) && isBefore(cut, period.end))
    .sort(compareInstants);
  const pieces: Period[] = [];
  let { start } = period;
  for (const end of [...inside, period.end]) {
    if (isBefore(start, end)) pieces.push({ start, end });
    start = end;
  }
  return pieces;
};

/** What is left of the period when the others are taken out of it, in order of time. */
export const withoutPeriods = (
  period: OpenPeriod,
  others: readonly OpenPeriod[],
): readonly OpenPeriod[] => {
  const left: OpenPeriod[] = [];
  let start: Temporal.Instant | undefined = period.start;
  for (const other of others.toSorted((a, b) => compareInstants(a.start, b.start))) {
    if (start === undefined || (period.end && !isBefore(other.start, period.end))) break;
    if (isBefore(start, other.start)) left.push({ start, end: other.start });
    start = other.end === undefined ? undefined : later(start, other.end);
  }
  const isOpen = start !== undefined && (period.end === undefined || isBefore(start, period.end));
  return isOpen && start !== undefined ? [...left, { start, end: period.end }] : left;
};

/** Those that overlap or follow each other as one, in order of time. */
export const unitedPeriods = (periods: readonly Period[]): Period[] => {
  const whole: Period[] = [];
  for (const period of periods.toSorted((a, b) => compareInstants(a.start, b.start))) {
    const last = whole.at(-1);
    if (last === undefined || isBefore(last.end, period.start)) whole.push(period);
    else whole[whole.length - 1] = { start: last.start, end: later(last.end, period.end) };
  }
  return whole;
};
