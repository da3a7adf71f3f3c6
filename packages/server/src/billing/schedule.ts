/** When an organization's bills run by themselves (m3ter semantics 18.7). */
export interface RunSchedule {
  /** Hours between runs: a quarter, a half, or a divisor of 24. */
  readonly intervalHours: number;
  /** The hour of the day of the one run, where there is one a day. */
  readonly offsetHours: number;
  readonly zone: string;
}

const hoursOfDay = 24;

/** The latest moment at or before `now` at which a run is due; days begin in the organization's zone. */
export const lastRunBefore = (
  { intervalHours, offsetHours, zone }: RunSchedule,
  now: Temporal.Instant,
): Temporal.Instant => {
  const local = now.toZonedDateTimeISO(zone);
  if (intervalHours === hoursOfDay) {
    const time = { hour: offsetHours };
    const today = local.toPlainDate().toZonedDateTime({ timeZone: zone, plainTime: time });
    const isDue = Temporal.ZonedDateTime.compare(today, local) <= 0;
    return (isDue ? today : today.subtract({ days: 1 })).toInstant();
  }
  const midnight = local.startOfDay().toInstant();
  const intervalMs = intervalHours * 3_600_000;
  const passed = Math.floor((now.epochMilliseconds - midnight.epochMilliseconds) / intervalMs);
  return midnight.add({ milliseconds: passed * intervalMs });
};

/** Usage that arrives so long after a period is still billed by itself (m3ter semantics 3.7). */
export const lateUsageHours = 24;
