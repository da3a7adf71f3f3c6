import { groupsOf } from "./binary-arrays.ts";

/**
 * Rows as COPY takes them in its binary form, in one message: PostgreSQL puts them on their pages without a plan, an
 * expression or a copy of its own for each, and here each value is written once, where it is sent from.
 * https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-BINARY-FORMAT
 */
export class RowBytes {
  #bytes: Buffer;
  #at = messageHead;

  constructor(rows: number) {
    this.#bytes = Buffer.allocUnsafe(messageHead + signature.length + rows * usualRowBytes);
    this.#at += signature.copy(this.#bytes, this.#at);
  }

  row(fields: number): void {
    this.#word(fields);
  }

  text(value: string | null): void {
    if (value === null) {
      this.#long(nullLength);
      return;
    }
    // A UTF-16 unit takes at most three bytes.
    this.#ensure(4 + value.length * 3);
    const size = this.#bytes.write(value, this.#at + 4);
    this.#bytes.writeInt32BE(size, this.#at);
    this.#at += 4 + size;
  }

  bytes(value: Buffer): void {
    this.#long(value.length);
    this.#ensure(value.length);
    this.#at += value.copy(this.#bytes, this.#at);
  }

  /** A `bigint` column. */
  time(value: number | null): void {
    if (value === null) {
      this.#long(nullLength);
      return;
    }
    this.#long(8);
    const high = Math.floor(value / 2 ** 32);
    this.#long(high);
    this.#long((value - high * 2 ** 32) | 0);
  }

  /** A `numeric` column. Most amounts of a row are zero. */
  numeric(value: bigint): void {
    if (value === 0n) {
      this.#ensure(zero.length);
      this.#at += zero.copy(this.#bytes, this.#at);
      return;
    }
    const groups = groupsOf(value < 0n ? -value : value);
    this.#long(8 + groups.length * 2);
    this.#word(groups.length);
    this.#word(Math.max(groups.length - 1, 0));
    this.#word(value < 0n ? negative : 0);
    this.#word(0);
    for (let nth = groups.length - 1; nth >= 0; nth -= 1) this.#word(groups[nth] ?? 0);
  }

  /** The whole: CopyData with all rows, then CopyDone. */
  message(): Buffer {
    this.#word(endOfRows);
    this.#bytes.writeUInt8(copyData, 0);
    this.#bytes.writeInt32BE(this.#at - 1, 1);
    this.#ensure(copyDone.length);
    this.#at += copyDone.copy(this.#bytes, this.#at);
    return this.#bytes.subarray(0, this.#at);
  }

  #word(value: number): void {
    this.#ensure(2);
    this.#bytes[this.#at] = value >> 8;
    this.#bytes[this.#at + 1] = value & 0xff;
    this.#at += 2;
  }

  #long(value: number): void {
    this.#ensure(4);
    this.#bytes.writeInt32BE(value, this.#at);
    this.#at += 4;
  }

  #ensure(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe((this.#bytes.length + size) * 2);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const endOfRows = -1;
const nullLength = -1;
const negative = 0x4000;
/** Of no group of digits, behind its length. */
const zero = Buffer.from("\0\0\0\x08\0\0\0\0\0\0\0\0", "latin1");
/** A message is a letter and its length, which counts itself. */
const messageHead = 5;
const copyData = "d".charCodeAt(0);
const copyDone = Buffer.from("c\0\0\0\x04", "latin1");
/** An authorization's; more makes room for itself. */
const usualRowBytes = 2048;
