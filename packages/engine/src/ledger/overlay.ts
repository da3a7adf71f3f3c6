interface Identified {
  readonly id: string;
}

interface Below<Row> {
  get(id: string): Row | undefined;
  values(): Iterable<Row>;
}

/** Rows over rows: reads fall through, writes stay on top, so that what lies below never changes. */
export class Overlay<Row extends Identified> {
  readonly #below: Below<Row>;
  readonly #above = new Map<string, Row>();

  constructor(below: Below<Row>) {
    this.#below = below;
  }

  get(id: string): Row | undefined {
    return this.#above.get(id) ?? this.#below.get(id);
  }

  put(row: Row): void {
    this.#above.set(row.id, row);
  }

  values(): Iterable<Row> {
    if (this.#above.size === 0) return this.#below.values();
    const all = new Map<string, Row>();
    for (const row of this.#below.values()) all.set(row.id, row);
    for (const [id, row] of this.#above) all.set(id, row);
    return all.values();
  }

  fork(): Overlay<Row> {
    return new Overlay<Row>(this);
  }

  absorb(fork: Overlay<Row>): void {
    for (const row of fork.#above.values()) this.put(row);
  }

  changed(): Row[] {
    return [...this.#above.values()];
  }
}
