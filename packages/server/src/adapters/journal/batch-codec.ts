import type {
  BackfillEntry,
  CorrectionEntry,
  DecimalValues,
  Int64Values,
  MeterLayout,
  PresenceBits,
  TextValues,
  UsageGroup,
  UsageRows,
} from "../../ports/usage-log.ts";
import type { MeterField } from "../../ports/usage-directory.ts";

/** An account that a batch names for the first time. */
export interface AccountEntry {
  readonly number: number;
  readonly orgId: string;
  readonly accountId: string;
}

/** A group of usage as the journal holds it. */
export interface Batch extends UsageGroup {
  /** Batches are numbered from 1. */
  readonly sequence: number;
  readonly accounts: readonly AccountEntry[];
}

/** Every row has a value, none has, or bits tell which. */
type Quantifier = "all" | "none" | "some";

interface TextPlan {
  readonly rows: Quantifier;
  readonly bytes: number;
}

interface FieldPlan extends MeterField {
  readonly rows: Quantifier;
  /** Of a text. */
  readonly bytes?: number;
}

interface RowsPlan {
  readonly orgId: string;
  readonly meterId: string;
  readonly backfillId?: string | undefined;
  readonly count: number;
  /** The first of positions that follow each other; absent: all of them are stored. */
  readonly firstPosition?: number;
  readonly ets: Quantifier;
  readonly uids: TextPlan;
  readonly extras: TextPlan;
  readonly fields: readonly FieldPlan[];
}

/** The head of a payload, as JSON; the columns of the rows follow in a fixed order. */
interface Plan {
  readonly sequence: number;
  readonly firstPosition: number;
  readonly count: number;
  readonly receivedAtMs: number;
  readonly accounts: readonly AccountEntry[];
  readonly corrections: readonly CorrectionEntry[];
  /** Absent: none. */
  readonly backfills?: readonly BackfillEntry[];
  readonly rows: readonly RowsPlan[];
}

const two32 = 4_294_967_296;

/** Columns begin at multiples of eight bytes, so that they can be read where they lie. */
const aligned = (length: number): number => (length + 7) & ~7;

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Eight rows at a time: most columns have a value in every row or in none. */
const quantify = ({ bits }: PresenceBits, count: number): Quantifier => {
  let every = 0xff;
  let any = 0;
  const whole = count >> 3;
  for (let at = 0; at < whole; at++) {
    const byte = bits[at] ?? 0;
    every &= byte;
    any |= byte;
  }
  const rest = (1 << (count & 7)) - 1;
  const last = (bits[whole] ?? 0) & rest;
  any |= last;
  if (any === 0) return "none";
  return every === 0xff && last === rest ? "all" : "some";
};

/** Gives memory of a length, with anything in it. */
export type Allocate = (length: number) => Uint8Array<ArrayBuffer>;

const newMemory: Allocate = (length) => new Uint8Array(length);

/** Gathers columns; `describe…` add what they describe. */
class Columns {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  describeRows(rows: UsageRows): RowsPlan {
    const { layout, count } = rows;
    const firstPosition = firstOfRun(rows.positions, count);
    if (firstPosition === undefined) this.#addWords(rows.positions, count);
    this.#add(bytesOf(rows.accounts.subarray(0, count)));
    this.#addWords(rows.ts, count);
    const ets = this.#describePresence(rows.etsPresent, count);
    if (ets !== "none") this.#addWords(rows.ets, count);
    return {
      orgId: layout.orgId,
      meterId: layout.meterId,
      backfillId: layout.backfillId,
      count,
      ...(firstPosition === undefined ? {} : { firstPosition }),
      ets,
      uids: this.#describeTexts(rows.uids, count),
      extras: this.#describeTexts(rows.extras, count),
      fields: layout.fields.map(({ code, category }, index) => {
        const column = rows.fields[index];
        if (column === undefined) throw new Error("each field of a layout has a column");
        const described =
          column.kind === "text"
            ? this.#describeTexts(column, count)
            : { rows: this.#describeDecimals(column, count) };
        return { code, category, ...described };
      }),
    };
  }

  /** The payload: the length of the plan, the plan, the columns; `room` bytes are left free before it. */
  write(plan: Plan, room: number, allocate: Allocate): Uint8Array<ArrayBuffer> {
    const head = Buffer.from(JSON.stringify(plan));
    const start = room + aligned(4 + head.length);
    const record = allocate(start + this.#length);
    const put = (bytes: Uint8Array, at: number): void => {
      record.set(bytes, at);
      record.fill(0, at + bytes.length, aligned(at + bytes.length));
    };
    new DataView(record.buffer, record.byteOffset).setUint32(room, head.length, true);
    put(head, room + 4);
    let at = start;
    for (const part of this.#parts) {
      put(part, at);
      at += aligned(part.length);
    }
    return record;
  }

  #add(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += aligned(bytes.length);
  }

  #addWords({ words }: Int64Values, count: number): void {
    this.#add(bytesOf(words.subarray(0, count * 2)));
  }

  #describePresence(present: PresenceBits, count: number): Quantifier {
    const rows = quantify(present, count);
    if (rows === "some") this.#add(present.bits.subarray(0, (count + 7) >> 3));
    return rows;
  }

  #describeTexts({ bytes, ends, present }: TextValues, count: number): TextPlan {
    const rows = this.#describePresence(present, count);
    if (rows === "none") return { rows, bytes: 0 };
    const length = ends[count - 1] ?? 0;
    this.#add(bytesOf(ends.subarray(0, count)));
    this.#add(bytes.subarray(0, length));
    return { rows, bytes: length };
  }

  #describeDecimals({ mantissas, scales, present }: DecimalValues, count: number): Quantifier {
    const rows = this.#describePresence(present, count);
    if (rows === "none") return rows;
    this.#addWords(mantissas, count);
    this.#add(bytesOf(scales.subarray(0, count)));
    return rows;
  }
}

const integerAt = ({ words }: Int64Values, row: number): number =>
  ((words[row * 2] ?? 0) >>> 0) + (words[row * 2 + 1] ?? 0) * two32;

/** Positions rise: they follow each other when the last is as far from the first as there are rows. */
const firstOfRun = (positions: Int64Values, count: number): number | undefined => {
  const first = integerAt(positions, 0);
  return integerAt(positions, count - 1) - first === count - 1 ? first : undefined;
};

/** A batch as bytes, with `room` bytes, a multiple of eight, left free before them. */
export const encodeBatch = (
  batch: Batch,
  room: number,
  allocate: Allocate = newMemory,
): Uint8Array<ArrayBuffer> => {
  const { sequence, firstPosition, count, receivedAtMs, accounts, corrections, backfills } = batch;
  const columns = new Columns();
  const rows = batch.rows.map((ofMeter) => columns.describeRows(ofMeter));
  const head = { sequence, firstPosition, count, receivedAtMs };
  const steps = backfills === undefined || backfills.length === 0 ? {} : { backfills };
  return columns.write({ ...head, accounts, corrections, ...steps, rows }, room, allocate);
};

/** Reads columns in the order in which they were written, where they lie. */
class ColumnReader {
  readonly #payload: Uint8Array<ArrayBuffer>;
  #at: number;

  constructor(payload: Uint8Array<ArrayBuffer>, start: number) {
    this.#payload = payload;
    this.#at = start;
  }

  rows(plan: RowsPlan): UsageRows {
    const { orgId, meterId, backfillId, count, firstPosition } = plan;
    const layout: MeterLayout = {
      orgId,
      meterId,
      ...(backfillId === undefined ? {} : { backfillId }),
      fields: plan.fields.map(({ code, category }) => ({ code, category })),
    };
    const positions =
      firstPosition === undefined ? this.#words(count) : runOf(firstPosition, count);
    const accounts = new Int32Array(...this.#take(count, 4));
    const ts = this.#words(count);
    const etsPresent = this.#presence(plan.ets, count);
    const ets = plan.ets === "none" ? emptyWords(count) : this.#words(count);
    const uids = this.#texts(plan.uids, count);
    const extras = this.#texts(plan.extras, count);
    const fields = plan.fields.map((field) =>
      field.bytes === undefined
        ? this.#decimals(field.rows, count)
        : this.#texts({ rows: field.rows, bytes: field.bytes }, count),
    );
    return { layout, count, positions, accounts, ts, ets, etsPresent, uids, extras, fields };
  }

  /** The arguments of a typed array of so many elements. */
  #take(count: number, width: number): [ArrayBuffer, number, number] {
    const start = this.#payload.byteOffset + this.#at;
    this.#at += aligned(count * width);
    return [this.#payload.buffer, start, count];
  }

  #words(count: number): Int64Values {
    return { words: new Int32Array(...this.#take(count * 2, 4)) };
  }

  #presence(rows: Quantifier, count: number): PresenceBits {
    if (rows === "some") return { bits: new Uint8Array(...this.#take((count + 7) >> 3, 1)) };
    return { bits: new Uint8Array((count + 7) >> 3).fill(rows === "all" ? 0xff : 0) };
  }

  #texts({ rows, bytes }: TextPlan, count: number): TextValues {
    const present = this.#presence(rows, count);
    if (rows === "none") {
      return { kind: "text", bytes: new Uint8Array(), ends: new Uint32Array(count), present };
    }
    const ends = new Uint32Array(...this.#take(count, 4));
    return { kind: "text", bytes: new Uint8Array(...this.#take(bytes, 1)), ends, present };
  }

  #decimals(rows: Quantifier, count: number): DecimalValues {
    const present = this.#presence(rows, count);
    const mantissas = rows === "none" ? emptyWords(count) : this.#words(count);
    const scales =
      rows === "none" ? new Int16Array(count) : new Int16Array(...this.#take(count, 2));
    return { kind: "decimal", mantissas, scales, present };
  }
}

const emptyWords = (count: number): Int64Values => ({ words: new Int32Array(count * 2) });

const runOf = (first: number, count: number): Int64Values => {
  const words = new Int32Array(count * 2);
  let low = first % two32;
  let high = Math.floor(first / two32);
  for (let at = 0; at < words.length; at += 2) {
    words[at] = low;
    words[at + 1] = high;
    if (++low < two32) continue;
    low = 0;
    high++;
  }
  return { words };
};

/** The batch of a payload whose hash was checked; its columns lie in the payload, which begins at a multiple of eight. */
export const decodeBatch = (payload: Uint8Array<ArrayBuffer>): Batch => {
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  const plan: Plan = JSON.parse(Buffer.from(payload.subarray(4, 4 + length)).toString());
  const reader = new ColumnReader(payload, aligned(4 + length));
  return { ...plan, rows: plan.rows.map((rows) => reader.rows(rows)) };
};
