interface Dated {
  readonly startDate: string;
  readonly endDate?: string | undefined;
}

/** Half-open, and open-ended without an end. */
export const overlap = (a: Dated, b: Dated): boolean =>
  (b.endDate === undefined || a.startDate < b.endDate) &&
  (a.endDate === undefined || b.startDate < a.endDate);
