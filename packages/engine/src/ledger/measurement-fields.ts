type Texts = Readonly<Record<string, string>>;
type Numbers = Readonly<Record<string, number>>;

/** The maps of a measurement (m3ter semantics 3.1). Nothing is decided by them: they are kept for what is metered later. */
export interface MeasurementFields {
  readonly ets?: string | undefined;
  readonly who?: Texts | undefined;
  readonly what?: Texts | undefined;
  readonly where?: Texts | undefined;
  readonly other?: Texts | undefined;
  readonly metadata?: Texts | undefined;
  readonly measure?: Numbers | undefined;
  readonly cost?: Numbers | undefined;
  readonly income?: Numbers | undefined;
}
