/** How often bills are made; the last two never repeat by themselves. */
export const billingFrequencies = [
  "DAILY",
  "WEEKLY",
  "MONTHLY",
  "ANNUALLY",
  "AD_HOC",
  "MIXED",
] as const;
export type BillingFrequency = (typeof billingFrequencies)[number];
export type RepeatingFrequency = Exclude<BillingFrequency, "AD_HOC" | "MIXED">;

/** Boundaries at anchor + n × interval × frequency, n any whole number (m3ter semantics 18.1). */
export interface Cadence {
  readonly anchor: Temporal.PlainDate;
  readonly frequency: RepeatingFrequency;
  /** 1 to 365 days, weeks, months or years. */
  readonly interval: number;
}

/** The organization's default anchors, one per frequency. */
export interface OrganizationEpochs {
  readonly yearEpoch: Temporal.PlainDate;
  readonly monthEpoch: Temporal.PlainDate;
  readonly weekEpoch: Temporal.PlainDate;
  readonly dayEpoch: Temporal.PlainDate;
}

export interface Epochs {
  readonly accountPlan?: Temporal.PlainDate | undefined;
  readonly account?: Temporal.PlainDate | undefined;
  readonly organization: OrganizationEpochs;
}

const organizationEpoch = (
  epochs: OrganizationEpochs,
  frequency: RepeatingFrequency,
): Temporal.PlainDate => {
  switch (frequency) {
    case "DAILY":
      return epochs.dayEpoch;
    case "WEEKLY":
      return epochs.weekEpoch;
    case "MONTHLY":
      return epochs.monthEpoch;
    case "ANNUALLY":
      return epochs.yearEpoch;
  }
};

/** AccountPlan.billEpoch > Account.billEpoch > the organization's epoch (m3ter semantics 18.1). */
export const cadenceAnchor = (epochs: Epochs, frequency: RepeatingFrequency): Temporal.PlainDate =>
  epochs.accountPlan ?? epochs.account ?? organizationEpoch(epochs.organization, frequency);

/**
 * The n-th date. Counted from the anchor each time and clamped to the month's end, so that an anchor
 * on the 31st gives Jan 31, Feb 28, Mar 31 and never drifts ([R], m3ter semantics 18.1).
 */
export const boundary = (cadence: Cadence, n: number): Temporal.PlainDate => {
  const steps = n * cadence.interval;
  switch (cadence.frequency) {
    case "DAILY":
      return cadence.anchor.add({ days: steps });
    case "WEEKLY":
      return cadence.anchor.add({ weeks: steps });
    case "MONTHLY":
      return cadence.anchor.add({ months: steps });
    case "ANNUALLY":
      return cadence.anchor.add({ years: steps });
  }
};

const unitsSinceAnchor = (cadence: Cadence, on: Temporal.PlainDate): number => {
  const { anchor, frequency } = cadence;
  switch (frequency) {
    case "DAILY":
      return anchor.until(on).days;
    case "WEEKLY":
      return Math.floor(anchor.until(on).days / 7);
    case "MONTHLY":
      return (on.year - anchor.year) * 12 + on.month - anchor.month;
    case "ANNUALLY":
      return on.year - anchor.year;
  }
};

/** The number of the last boundary on or before the date. */
export const boundaryIndex = (cadence: Cadence, on: Temporal.PlainDate): number => {
  const guess = Math.floor(unitsSinceAnchor(cadence, on) / cadence.interval);
  // Months are compared without their days, so the guess can be one too late.
  return Temporal.PlainDate.compare(boundary(cadence, guess), on) > 0 ? guess - 1 : guess;
};

export const isBoundary = (cadence: Cadence, on: Temporal.PlainDate): boolean =>
  boundary(cadence, boundaryIndex(cadence, on)).equals(on);

/** The first boundary after the date. */
export const nextBoundary = (cadence: Cadence, on: Temporal.PlainDate): Temporal.PlainDate =>
  boundary(cadence, boundaryIndex(cadence, on) + 1);

export const startOfDay = (on: Temporal.PlainDate, zone: string): Temporal.Instant =>
  on.toZonedDateTime(zone).toInstant();

export const localDate = (at: Temporal.Instant, zone: string): Temporal.PlainDate =>
  at.toZonedDateTimeISO(zone).toPlainDate();
