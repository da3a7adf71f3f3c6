import type {
  BackfillEntry,
  CommitOutcome,
  CorrectionEntry,
  MeterLayout,
  UsageGroup,
  UsageRows,
} from "../ports/usage-log.ts";
import { RowBuffer } from "./row-buffer.ts";
import type { UidMemory } from "./uid-memory.ts";

const firstMarks = 1024;

/** What a group held at some moment, to go back to. */
export interface Savepoint {
  readonly count: number;
  readonly marks: number;
  readonly rows: ReadonlyMap<RowBuffer, number>;
}

/** Memory of a group that is done, to be filled again: new memory for each would have V8 collect for its sake. */
export interface SpareMemory {
  readonly rows: ReadonlyMap<MeterLayout, RowBuffer>;
  readonly marks: Uint32Array<ArrayBuffer>;
}

export const noSpareMemory = (): SpareMemory => ({
  rows: new Map(),
  marks: new Uint32Array(firstMarks * 3),
});

/** More rows than in nearly all groups: their memory is not kept. */
const spareRowsMax = 65_536;

/** The rows that are being gathered while the group before them commits, and who waits for them. */
export class OpenGroup {
  readonly firstPosition: number;
  readonly #rows = new Map<MeterLayout, RowBuffer>();
  readonly #spare: ReadonlyMap<MeterLayout, RowBuffer>;
  readonly #corrections: CorrectionEntry[] = [];
  readonly #backfills: BackfillEntry[] = [];
  #marks: Uint32Array<ArrayBuffer>;
  #markCount = 0;
  readonly #outcome = Promise.withResolvers<CommitOutcome>();
  #count = 0;
  #waiting = 0;
  #receivedAtMs = 0;

  constructor(firstPosition: number, { rows, marks }: SpareMemory = noSpareMemory()) {
    this.firstPosition = firstPosition;
    this.#spare = rows;
    this.#marks = marks;
  }

  get isAwaited(): boolean {
    return this.#waiting > 0;
  }

  get nextPosition(): number {
    return this.firstPosition + this.#count;
  }

  /** Its memory, once it is done. */
  get spareMemory(): SpareMemory {
    return this.#count > spareRowsMax ? noSpareMemory() : { rows: this.#rows, marks: this.#marks };
  }

  /** A request joins: it is answered when the group is. */
  join(receivedAtMs: number): Promise<CommitOutcome> {
    this.#waiting++;
    this.#receivedAtMs = Math.max(this.#receivedAtMs, receivedAtMs);
    return this.#outcome.promise;
  }

  rowsOf(layout: MeterLayout): RowBuffer {
    const rows = this.#rows.get(layout);
    if (rows !== undefined) return rows;
    const fresh = this.#spare.get(layout) ?? new RowBuffer(layout);
    fresh.truncate(0);
    this.#rows.set(layout, fresh);
    return fresh;
  }

  commitRow(rows: RowBuffer): void {
    rows.positions.set(rows.count, this.nextPosition);
    rows.commitRow();
    this.#count++;
  }

  /** Puts in rows of some meters, whose positions count from 0, as if they were put in one after the other. */
  addRows(
    rows: readonly UsageRows[],
    layoutOf: (meterId: string) => MeterLayout | undefined,
  ): void {
    const first = this.nextPosition;
    for (const ofMeter of rows) {
      const layout = layoutOf(ofMeter.layout.meterId);
      if (layout === undefined) throw new Error("rows were read by a layout that is not known");
      this.rowsOf(layout).append(ofMeter, first);
      this.#count += ofMeter.count;
    }
  }

  /** A void takes the next position, an amendment that of the row that was put in before. */
  correct(correction: Omit<CorrectionEntry, "position">): void {
    const position = this.nextPosition - (correction.digest === undefined ? 0 : 1);
    if (correction.digest === undefined) this.#count++;
    this.#corrections.push({ ...correction, position });
  }

  step(entry: Omit<BackfillEntry, "position">): void {
    this.#backfills.push({ ...entry, position: this.nextPosition });
    this.#count++;
  }

  /** Keeps the hash of a uid that is only final once this group is committed. */
  mark(hash: Uint32Array): void {
    this.#reserveMarks(1);
    const at = this.#markCount++ * 3;
    this.#marks[at] = hash[0] ?? 0;
    this.#marks[at + 1] = hash[1] ?? 0;
    this.#marks[at + 2] = hash[2] ?? 0;
  }

  /** Keeps hashes, three words of each. */
  addMarks(marks: Uint32Array): void {
    const count = marks.length / 3;
    this.#reserveMarks(count);
    this.#marks.set(marks, this.#markCount * 3);
    this.#markCount += count;
  }

  /** Three words of each hash that was marked. */
  get marks(): Uint32Array {
    return this.#marks.subarray(0, this.#markCount * 3);
  }

  #reserveMarks(count: number): void {
    const needed = (this.#markCount + count) * 3;
    if (needed <= this.#marks.length) return;
    const marks = new Uint32Array(Math.max(this.#marks.length * 2, needed));
    marks.set(this.#marks);
    this.#marks = marks;
  }

  savepoint(): Savepoint {
    const rows = new Map(this.#rows.values().map((buffer) => [buffer, buffer.count]));
    return { count: this.#count, marks: this.#markCount, rows };
  }

  /** Remembers the uids marked since the savepoint as received; false, and none of them remembered, when one is known. */
  addMarked({ marks }: Savepoint, uids: UidMemory, atMs: number): boolean {
    return uids.addAllIfNew(this.#marks.subarray(marks * 3, this.#markCount * 3), atMs);
  }

  /** Undoes what a request has put in since the savepoint; with `uids`, where its marks are remembered. */
  rollback({ count, marks, rows }: Savepoint, uids?: UidMemory): void {
    for (const buffer of this.#rows.values()) buffer.truncate(rows.get(buffer) ?? 0);
    this.#count = count;
    if (uids === undefined) this.#markCount = marks;
    else this.#unmark(marks, uids);
  }

  sealed(): UsageGroup {
    return {
      receivedAtMs: this.#receivedAtMs,
      firstPosition: this.firstPosition,
      count: this.#count,
      corrections: this.#corrections,
      backfills: this.#backfills,
      rows: [...this.#rows.values()].filter((rows) => rows.count > 0),
    };
  }

  settle(outcome: CommitOutcome): void {
    this.#outcome.resolve(outcome);
  }

  /** Takes the marks back, then tells who waits: nobody can meet a mark whose row does not exist. */
  fail(outcome: CommitOutcome, uids: UidMemory): void {
    this.#unmark(0, uids);
    this.#outcome.resolve(outcome);
  }

  #unmark(from: number, uids: UidMemory): void {
    for (let at = from * 3; at < this.#markCount * 3; at += 3) {
      uids.forget(this.#marks.subarray(at, at + 3));
    }
    this.#markCount = from;
  }
}
