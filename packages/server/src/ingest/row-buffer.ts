import type {
  DecimalValues,
  Int64Values,
  MeterLayout,
  PresenceBits,
  TextValues,
  UsageRows,
} from "../ports/usage-log.ts";
import type { NumberCategory } from "../ports/usage-store.ts";
import { numberCategories } from "../ports/usage-store.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import { decimalParts, partsOf, shortMantissa, shortScale } from "./decimal-parts.ts";
import type { MeterField } from "../ports/usage-directory.ts";

const two32 = 4_294_967_296;
const firstRows = 256;

/** 64-bit integers in the byte order of the machine, written from doubles without a BigInt each. */
export class Int64Column {
  words = new Int32Array(firstRows * 2);

  set(row: number, value: number): void {
    const high = Math.floor(value / two32);
    this.words[row * 2] = value - high * two32;
    this.words[row * 2 + 1] = high;
  }

  setBig(row: number, value: bigint): void {
    this.words[row * 2] = Number(BigInt.asIntN(32, value));
    this.words[row * 2 + 1] = Number(value >> 32n);
  }

  append(row: number, { words }: Int64Values, count: number): void {
    this.words.set(words.subarray(0, count * 2), row * 2);
  }

  grow(rows: number): void {
    const words = new Int32Array(rows * 2);
    words.set(this.words);
    this.words = words;
  }
}

/** One bit per row: set where there is a value. */
export class Presence {
  bits = new Uint8Array(firstRows / 8);

  set(row: number, isPresent: boolean): void {
    const byte = this.bits[row >> 3] ?? 0;
    const bit = 1 << (row & 7);
    this.bits[row >> 3] = isPresent ? byte | bit : byte & ~bit;
  }

  /** What stands behind the last row is anything. */
  append(row: number, { bits }: PresenceBits, count: number): void {
    const shift = row & 7;
    let at = row >> 3;
    let carried = (this.bits[at] ?? 0) & ((1 << shift) - 1);
    for (let from = 0; from < (count + 7) >> 3; from++) {
      carried |= (bits[from] ?? 0) << shift;
      this.bits[at++] = carried;
      carried >>= 8;
    }
    this.bits[at] = carried;
  }

  get(row: number): boolean {
    return ((this.bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;
  }

  grow(rows: number): void {
    const bits = new Uint8Array(rows / 8);
    bits.set(this.bits);
    this.bits = bits;
  }
}

/** Numbers as exact decimals: `mantissa × 10^-scale`. */
export class DecimalColumn {
  readonly kind = "decimal";
  readonly mantissas = new Int64Column();
  readonly present = new Presence();
  scales = new Int16Array(firstRows);

  /** `mantissa` is a safe integer and, with a scale above 0, no multiple of ten. */
  setParts(row: number, mantissa: number, scale: number): void {
    this.present.set(row, true);
    this.mantissas.set(row, mantissa);
    this.scales[row] = scale;
  }

  /** Keeps 18 significant digits, which fit 64 bits: calculations may give a hundred. */
  setDecimal(row: number, value: Decimal): void {
    const { mantissa, scale } = partsOf(value);
    this.present.set(row, true);
    this.mantissas.setBig(row, mantissa);
    this.scales[row] = scale;
  }

  set(row: number, value: number): void {
    this.present.set(row, true);
    const scale = shortScale(value);
    if (scale >= 0) {
      this.mantissas.set(row, shortMantissa(value, scale));
      this.scales[row] = scale;
      return;
    }
    const parts = decimalParts(value);
    this.mantissas.setBig(row, parts.mantissa);
    this.scales[row] = parts.scale;
  }

  clear(row: number): void {
    this.present.set(row, false);
  }

  append(row: number, { mantissas, scales, present }: DecimalValues, count: number): void {
    this.mantissas.append(row, mantissas, count);
    this.present.append(row, present, count);
    this.scales.set(scales.subarray(0, count), row);
  }

  grow(rows: number): void {
    this.mantissas.grow(rows);
    this.present.grow(rows);
    const scales = new Int16Array(rows);
    scales.set(this.scales);
    this.scales = scales;
  }
}

const firstTextBytes = 4096;
const encoder = new TextEncoder();

/** Strings as UTF-8, one after the other. */
export class TextColumn {
  readonly kind = "text";
  readonly present = new Presence();
  bytes = new Uint8Array(firstTextBytes);
  ends = new Uint32Array(firstRows);

  /** Where the text of a row begins, which is where the row before it ends. */
  start(row: number): number {
    return row === 0 ? 0 : (this.ends[row - 1] ?? 0);
  }

  /** Makes room for so many bytes in a row and returns where they go; `end` closes the row. */
  reserve(row: number, length: number): number {
    const start = this.start(row);
    if (start + length > this.bytes.length) {
      const bytes = new Uint8Array(Math.max(this.bytes.length * 2, start + length));
      bytes.set(this.bytes);
      this.bytes = bytes;
    }
    return start;
  }

  end(row: number, end: number): void {
    this.ends[row] = end;
    this.present.set(row, true);
  }

  set(row: number, value: string): void {
    const start = this.reserve(row, value.length * 3);
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      if (code > 0x7f) {
        const { written } = encoder.encodeInto(value, this.bytes.subarray(start));
        this.end(row, start + written);
        return;
      }
      this.bytes[start + at] = code;
    }
    this.end(row, start + value.length);
  }

  clear(row: number): void {
    this.ends[row] = this.start(row);
    this.present.set(row, false);
  }

  append(row: number, { bytes, ends, present }: TextValues, count: number): void {
    const length = ends[count - 1] ?? 0;
    const start = this.reserve(row, length);
    this.bytes.set(bytes.subarray(0, length), start);
    for (let at = 0; at < count; at++) this.ends[row + at] = start + (ends[at] ?? 0);
    this.present.append(row, present, count);
  }

  grow(rows: number): void {
    const ends = new Uint32Array(rows);
    ends.set(this.ends);
    this.ends = ends;
    this.present.grow(rows);
  }
}

export type FieldColumn = DecimalColumn | TextColumn;

const numeric: ReadonlySet<string> = new Set(numberCategories);

export const isNumeric = (field: MeterField): field is MeterField & { category: NumberCategory } =>
  numeric.has(field.category);

/** Rows of one meter on their way to the store, by column. A row exists once `commitRow` has counted it. */
export class RowBuffer implements UsageRows {
  readonly layout: MeterLayout;
  readonly positions = new Int64Column();
  readonly ts = new Int64Column();
  readonly ets = new Int64Column();
  readonly etsPresent = new Presence();
  accounts = new Int32Array(firstRows);
  readonly uids = new TextColumn();
  /** Fields that the meter does not define, as JSON; null when there are none. */
  readonly extras = new TextColumn();
  readonly fields: readonly FieldColumn[];
  count = 0;
  #capacity = firstRows;

  constructor(layout: MeterLayout) {
    this.layout = layout;
    this.fields = layout.fields.map((field) =>
      isNumeric(field) ? new DecimalColumn() : new TextColumn(),
    );
  }

  commitRow(): void {
    this.count++;
    this.#makeRoom();
  }

  /** Adds rows of the same layout, at their positions behind the first. */
  append(rows: UsageRows, firstPosition: number): void {
    const first = this.count;
    const { count } = rows;
    this.count += count;
    this.#makeRoom();
    for (let row = 0; row < count; row++) {
      this.positions.set(first + row, firstPosition + (rows.positions.words[row * 2] ?? 0));
    }
    this.accounts.set(rows.accounts.subarray(0, count), first);
    this.ts.append(first, rows.ts, count);
    this.ets.append(first, rows.ets, count);
    this.etsPresent.append(first, rows.etsPresent, count);
    this.uids.append(first, rows.uids, count);
    this.extras.append(first, rows.extras, count);
    for (const [index, column] of this.fields.entries()) {
      const from = rows.fields[index];
      if (column.kind === "text" && from?.kind === "text") column.append(first, from, count);
      else if (column.kind === "decimal" && from?.kind === "decimal")
        column.append(first, from, count);
      else throw new Error("rows of one layout have the same kinds of columns");
    }
  }

  /** There is always room for the next row. */
  #makeRoom(): void {
    if (this.count < this.#capacity) return;
    while (this.#capacity <= this.count) this.#capacity *= 2;
    const { positions, ts, ets, etsPresent, uids, extras, fields } = this;
    for (const column of [positions, ts, ets, etsPresent, uids, extras, ...fields]) {
      column.grow(this.#capacity);
    }
    const accounts = new Int32Array(this.#capacity);
    accounts.set(this.accounts);
    this.accounts = accounts;
  }

  /** Drops the rows from there on. */
  truncate(count: number): void {
    this.count = count;
  }
}
