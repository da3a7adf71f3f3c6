import { metadataLengthMax, uidLengthMax } from "@turnpike/contract/usage/measurement-rules.ts";
import { epochDay, monthLength } from "./instant.ts";
import type { DecimalColumn, Int64Column, RowBuffer, TextColumn } from "./row-buffer.ts";
import type { Literal, Shape, Slot } from "./shape.ts";

/** Integers of so many digits are exact in a double, and no two decimals of so many digits share one. */
const digitsMax = 15;
const quote = 0x22;
const zero = 0x30;
const nowhere = -1;

/** Finds the number of an account by the bytes of its code; undefined when it is not known yet. */
export interface AccountsByBytes {
  number(hash: number, bytes: Uint8Array, range: Range): number | undefined;
}

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** 1 for each byte that stands for itself in a string: printable ASCII but for the quote and the backslash. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 0x20 && byte <= 0x7e && byte !== quote && byte !== 0x5c),
);

const isDigit = (byte: number): boolean => byte >= zero && byte <= 0x39;

/**
 * Reads measurements of a known shape from the bytes of a body straight into the row that a buffer begins next: no
 * object, no string. Methods return where the value ends, or -1 for whatever is not perfectly ordinary; the general
 * reader takes it from there, so nothing is decided here but what the fast road may carry.
 */
export class ShapeReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #accounts: AccountsByBytes;
  /** The minute that the last ts was in, and its text in words: events of a body are mostly of one minute. */
  readonly #minuteWords = new Int32Array(4);
  #minuteMicros = Number.NaN;
  #micros = 0;

  constructor(bytes: Uint8Array, accounts: AccountsByBytes) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#accounts = accounts;
  }

  /** Reads one measurement into the buffer's next row, without its uid's verdict; `tsMax` is in epoch microseconds. */
  read(shape: Shape, from: number, into: { rows: RowBuffer; tsMax: number }): number {
    const { rows, tsMax } = into;
    let at = from;
    let ts = 0;
    let ets = Infinity;
    for (const slot of shape.slots) {
      at = this.#literal(slot.before, at);
      if (at === nowhere) return nowhere;
      at = this.#value(slot, at, rows);
      if (at === nowhere) return nowhere;
      if (slot.kind === "ts") ts = this.#micros;
      if (slot.kind === "ets") ets = this.#micros;
    }
    if (ts > tsMax || ets < ts) return nowhere;
    rows.etsPresent.set(rows.count, shape.hasEts);
    rows.extras.clear(rows.count);
    return this.#literal(shape.after, at);
  }

  #value({ kind, field }: Slot, at: number, rows: RowBuffer): number {
    const row = rows.count;
    if (kind === "account") return this.#account(rows, at);
    if (kind === "uid") return this.#text(rows.uids, row, { at, max: uidLengthMax, min: 1 });
    if (kind === "ts") return this.#instant(rows.ts, row, at);
    if (kind === "ets") return this.#instant(rows.ets, row, at);
    const column = rows.fields[field];
    if (kind === "number") {
      return column?.kind === "decimal" ? this.#number(column, row, at) : nowhere;
    }
    const limits = { at, max: metadataLengthMax, min: 0 };
    return column?.kind === "text" ? this.#text(column, row, limits) : nowhere;
  }

  #literal({ bytes, words }: Literal, at: number): number {
    const end = at + bytes.length;
    if (end > this.bytes.length) return nowhere;
    let from = at;
    for (let i = 0; i < words.length; i++, from += 8) {
      if (this.#view.getFloat64(from, true) !== words[i]) return nowhere;
    }
    for (let i = words.length * 8; from < end; i++, from++) {
      if (this.bytes[from] !== bytes[i]) return nowhere;
    }
    return end;
  }

  /** Printable ASCII without escapes, copied to the column. */
  #text(column: TextColumn, row: number, limits: { at: number; max: number; min: number }): number {
    const { at: from, max, min } = limits;
    const start = column.reserve(row, max);
    const { bytes } = this;
    const target = column.bytes;
    const shift = start - from;
    const limit = Math.min(from + max, bytes.length);
    let at = from;
    for (; at < limit; at++) {
      const byte = bytes[at] ?? 0;
      if (isPlain[byte] === 0) break;
      target[shift + at] = byte;
    }
    if (bytes[at] !== quote || at - from < min) return nowhere;
    column.end(row, shift + at);
    return at;
  }

  #account(rows: RowBuffer, from: number): number {
    const { bytes } = this;
    let at = from;
    let hash = 0x811c9dc5;
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (isPlain[byte] === 0) break;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (bytes[at] !== quote) return nowhere;
    const number = this.#accounts.number(hash, bytes, { start: from, end: at });
    if (number === undefined) return nowhere;
    rows.accounts[rows.count] = number;
    return at;
  }

  /** At most 15 digits without exponent; trailing zeros after the point are not kept. */
  #number(column: DecimalColumn, row: number, from: number): number {
    const { bytes } = this;
    const isNegative = bytes[from] === 0x2d;
    const first = isNegative ? from + 1 : from;
    let at = first;
    let mantissa = 0;
    for (let byte = bytes[at] ?? 0; isDigit(byte); byte = bytes[++at] ?? 0) {
      mantissa = mantissa * 10 + byte - zero;
    }
    const whole = at - first;
    if (whole === 0 || (whole > 1 && bytes[first] === zero)) return nowhere;
    let scale = 0;
    if (bytes[at] === 0x2e) {
      const point = at++;
      for (let byte = bytes[at] ?? 0; isDigit(byte); byte = bytes[++at] ?? 0) {
        mantissa = mantissa * 10 + byte - zero;
      }
      scale = at - point - 1;
      if (scale === 0) return nowhere;
    }
    if (whole + scale > digitsMax) return nowhere;
    for (; scale > 0 && mantissa % 10 === 0; scale--) mantissa /= 10;
    column.setParts(row, isNegative ? -mantissa : mantissa, scale);
    return at;
  }

  /** `2024-05-01T12:00:00`, with a fraction or without, in UTC. */
  #instant(column: Int64Column, row: number, from: number): number {
    const { bytes } = this;
    if (from + 20 > bytes.length || !this.#readMinute(from) || bytes[from + 16] !== 0x3a) {
      return nowhere;
    }
    const seconds = this.#twoDigits(from + 17);
    if (seconds > 59) return nowhere;
    let at = from + 19;
    let fraction = 0;
    if (bytes[at] === 0x2e) {
      let place = 100_000;
      const point = at++;
      for (let byte = bytes[at] ?? 0; isDigit(byte); byte = bytes[++at] ?? 0) {
        fraction += (byte - zero) * Math.floor(place);
        place /= 10;
      }
      if (at === point + 1 || at > point + 10) return nowhere;
    }
    if (bytes[at] !== 0x5a) return nowhere;
    this.#micros = this.#minuteMicros + seconds * 1_000_000 + fraction;
    column.set(row, this.#micros);
    return at + 1;
  }

  #readMinute(from: number): boolean {
    const view = this.#view;
    const words = this.#minuteWords;
    const first = view.getInt32(from, true);
    const second = view.getInt32(from + 4, true);
    const third = view.getInt32(from + 8, true);
    const fourth = view.getInt32(from + 12, true);
    const isSame =
      first === words[0] && second === words[1] && third === words[2] && fourth === words[3];
    if (isSame) return true;
    this.#minuteMicros = this.#parseMinute(from);
    words.set([first, second, third, fourth]);
    // A text that is no minute must not be taken for the last one.
    if (Number.isNaN(this.#minuteMicros)) words[0] = 0;
    return words[0] !== 0;
  }

  /** `2024-05-01T12:00`; NaN when it is none. */
  #parseMinute(from: number): number {
    const { bytes } = this;
    const year = this.#twoDigits(from) * 100 + this.#twoDigits(from + 2);
    const month = this.#twoDigits(from + 5);
    const day = this.#twoDigits(from + 8);
    const hour = this.#twoDigits(from + 11);
    const minute = this.#twoDigits(from + 14);
    const isPunctuated =
      bytes[from + 4] === 0x2d &&
      bytes[from + 7] === 0x2d &&
      bytes[from + 10] === 0x54 &&
      bytes[from + 13] === 0x3a;
    // The bounds of an exact double are far from these years; the general reader knows them.
    const isDate = year >= 1970 && year < 2200 && month >= 1 && month <= 12 && day >= 1;
    if (!isPunctuated || !isDate || day > monthLength(year, month) || hour > 23 || minute > 59) {
      return Number.NaN;
    }
    return (epochDay(year, month, day) * 1440 + hour * 60 + minute) * 60_000_000;
  }

  /** Infinity when they are not two digits, which no range holds. */
  #twoDigits(at: number): number {
    const tens = this.bytes[at] ?? 0;
    const ones = this.bytes[at + 1] ?? 0;
    return isDigit(tens) && isDigit(ones) ? (tens - zero) * 10 + ones - zero : Infinity;
  }
}
