import { randomUUID } from "node:crypto";
import { futureSkewMs } from "@turnpike/contract/usage/measurement-rules.ts";
import type { MeasurementFailure } from "../ports/usage-store.ts";
import type { LaneOutcome } from "./general-lane.ts";
import { measurementsPerRequestMax } from "./measurement-reader.ts";
import type { MeterWriter } from "./meter-writer.ts";
import type { OpenGroup } from "./open-group.ts";
import type { RowBuffer } from "./row-buffer.ts";
import { learnShape } from "./shape.ts";
import type { Shape } from "./shape.ts";
import { ShapeReader } from "./shape-reader.ts";
import type { AccountsByBytes, Range } from "./shape-reader.ts";
import type { UidHasher } from "./uid-hash.ts";
import { duplicateUid } from "./verdicts.ts";

/** Clients of an organization print few shapes; more would be tried in vain for each measurement. */
const shapesMax = 16;

/** What the bodies of one organization are read with. */
export interface Vocabulary {
  readonly hasher: UidHasher;
  readonly accounts: AccountsByBytes;
  readonly meter: (code: string) => MeterWriter | undefined;
  /** Those that came before, the last one first. */
  readonly shapes: Shape[];
}

export interface OrdinaryBody {
  readonly body: Uint8Array;
  readonly receivedAtMs: number;
}

/** Says whether a uid is new, and remembers it; without it all uids count as new. */
type Remember = (hash: Uint32Array) => boolean;

/**
 * Reads one body of shapes that are known, or can be learned, into the rows and marks of a group: no object in between.
 * Where it gives up the group has to be rolled back.
 */
export class BodyReader {
  readonly #vocabulary: Vocabulary;
  readonly #group: OpenGroup;
  readonly #reader: ShapeReader;
  readonly #remember: Remember | undefined;
  readonly #tsMax: number;
  readonly #failures: MeasurementFailure[] = [];
  #rows: RowBuffer | undefined;
  #stored = 0;
  #at = 0;

  constructor(
    vocabulary: Vocabulary,
    { body, receivedAtMs }: OrdinaryBody,
    into: { readonly group: OpenGroup; readonly remember?: Remember },
  ) {
    this.#vocabulary = vocabulary;
    this.#group = into.group;
    this.#remember = into.remember;
    this.#reader = new ShapeReader(body, vocabulary.accounts);
    this.#tsMax = (receivedAtMs + futureSkewMs) * 1000;
  }

  /** Undefined when the body is not ordinary to its last byte. */
  read(): LaneOutcome | undefined {
    if (!this.#take('{"measurements":[')) return undefined;
    do {
      if (this.#stored + this.#failures.length === measurementsPerRequestMax) return undefined;
      this.#skipSpace();
      if (!this.#measurement()) return undefined;
    } while (this.#take(","));
    if (!this.#take("]}")) return undefined;
    this.#skipSpace();
    const isWhole = this.#at === this.#reader.bytes.length;
    return isWhole ? { stored: this.#stored, failures: this.#failures } : undefined;
  }

  #measurement(): boolean {
    const { shapes } = this.#vocabulary;
    for (let index = 0; index < shapes.length; index++) {
      const shape = shapes[index];
      if (shape === undefined || !this.#read(shape)) continue;
      // The next measurement most likely looks like this one.
      if (index > 0) shapes.unshift(...shapes.splice(index, 1));
      return true;
    }
    return this.#learn();
  }

  #learn(): boolean {
    const { shapes, meter } = this.#vocabulary;
    const shape = learnShape(this.#reader.bytes, this.#at, meter);
    if (shape === undefined || !this.#read(shape)) return false;
    shapes.unshift(shape);
    shapes.length = Math.min(shapes.length, shapesMax);
    return true;
  }

  #read(shape: Shape): boolean {
    const rows = this.#rowsOf(shape);
    const row = rows.count;
    const start = this.#at;
    const end = this.#reader.read(shape, start, { rows, tsMax: this.#tsMax });
    if (end < 0) return false;
    this.#at = end;
    if (shape.hasUid) {
      const { hasher } = this.#vocabulary;
      hasher.hash(rows.uids.bytes, rows.uids.start(row), rows.uids.ends[row] ?? 0);
      if (this.#remember?.(hasher.words) === false) {
        this.#failures.push(this.#duplicate({ start, end }));
        return true;
      }
      this.#group.mark(hasher.words);
    } else {
      rows.uids.set(row, randomUUID());
    }
    this.#group.commitRow(rows);
    this.#stored++;
    return true;
  }

  /** Mostly those of the measurement before. */
  #rowsOf({ meter: { layout } }: Shape): RowBuffer {
    if (this.#rows?.layout !== layout) this.#rows = this.#group.rowsOf(layout);
    return this.#rows;
  }

  #duplicate({ start, end }: Range): MeasurementFailure {
    const text = Buffer.from(this.#reader.bytes.subarray(start, end)).toString("latin1");
    const measurement: { uid: string } = JSON.parse(text);
    return {
      index: this.#stored + this.#failures.length,
      ...duplicateUid(measurement.uid),
      measurement,
    };
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#reader.bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  /** Takes the tokens, with white space before each byte of punctuation; all or nothing matters to nobody. */
  #take(text: string): boolean {
    let isInString = false;
    for (let i = 0; i < text.length; i++) {
      if (!isInString) this.#skipSpace();
      const code = text.charCodeAt(i);
      if (this.#reader.bytes[this.#at] !== code) return false;
      if (code === 0x22) isInString = !isInString;
      this.#at++;
    }
    return true;
  }
}
