import type { JournalRecord } from "../journal/segment.ts";

interface Waiting {
  readonly record: JournalRecord;
  readonly rows: number;
}

/** Records that are on the disk and not in DuckDB yet, oldest first. */
export class WaitingRecords {
  readonly #records: Waiting[] = [];
  #rows = 0;
  #bytes = 0;

  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  add(record: JournalRecord, rows: number): void {
    this.#records.push({ record, rows });
    this.#rows += rows;
    this.#bytes += record.payload.length;
  }

  /** The first of them that have so many rows together, or all; one at least. */
  first(rows: number): readonly JournalRecord[] {
    let found = 0;
    const after = this.#records.findIndex((waiting) => (found += waiting.rows) >= rows);
    const first = after < 0 ? this.#records : this.#records.slice(0, after + 1);
    return first.map(({ record }) => record);
  }

  /** The first so many wait no more. */
  drop(count: number): void {
    for (const { record, rows } of this.#records.splice(0, count)) {
      this.#rows -= rows;
      this.#bytes -= record.payload.length;
    }
  }
}
