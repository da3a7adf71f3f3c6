import { DuckDBDataChunk } from "@duckdb/node-api";
import type { DuckDBAppender, DuckDBConnection, DuckDBType } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import type { Int64Values, PresenceBits, TextValues } from "../../ports/usage-log.ts";

/** DuckDB's vector size: the most rows one chunk may have. */
const chunkRowsMax = 2048;

/**
 * A column of a table, filled from the arrays of a row buffer. The bindings are called directly because the wrapper
 * takes one boxed value at a time; these copy a vector in one call.
 */
export type ColumnSource =
  | { readonly kind: "int64"; readonly values: Int64Values; readonly present?: PresenceBits }
  | { readonly kind: "int32"; readonly values: Int32Array }
  /** Four words a value, low word first. */
  | { readonly kind: "int128"; readonly values: Int32Array }
  | { readonly kind: "int16"; readonly values: Int16Array; readonly present?: PresenceBits }
  | { readonly kind: "text"; readonly values: TextValues }
  | { readonly kind: "null" };

interface Slice {
  readonly start: number;
  readonly count: number;
}

const copy = (vector: duckdb.Vector, array: Int16Array | Int32Array, slice: Slice): void => {
  const { start, count } = slice;
  const { BYTES_PER_ELEMENT: size, byteOffset, buffer } = array;
  if (!(buffer instanceof ArrayBuffer)) throw new Error("row buffers are not shared memory");
  duckdb.copy_data_to_vector(vector, 0, buffer, byteOffset + start * size, count * size);
};

const copyPresence = (vector: duckdb.Vector, bits: Uint8Array, { start, count }: Slice): void => {
  // Chunks start at multiples of 2048 rows, so their bits start at a whole byte; DuckDB reads 64 at a time.
  const words = new Uint8Array(Math.ceil(count / 64) * 8);
  words.set(bits.subarray(start / 8, start / 8 + Math.ceil(count / 8)));
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, words.buffer, 0, words.byteLength);
};

const areAllPresent = (bits: Uint8Array, { start, count }: Slice): boolean => {
  const end = start + count;
  for (let row = start; row < end;) {
    if ((row & 7) === 0 && row + 8 <= end) {
      if (bits[row >> 3] !== 0xff) return false;
      row += 8;
    } else {
      if (((bits[row >> 3] ?? 0) & (1 << (row & 7))) === 0) return false;
      row++;
    }
  }
  return true;
};

/** DuckDB's string_t: the length, then up to 12 bytes of text in place, or 4 and a pointer to all of them. */
const stringWords = 4;
const inlineBytesMax = 12;
/** One vector's worth, filled anew for each; allocating it each time would keep the collector busy. */
const entries = new Int32Array(chunkRowsMax * stringWords);
const entryBytes = new Uint8Array(entries.buffer);

/**
 * Hands all strings of a slice over as one, then points each row into it. A call for each string would cost a fifth of
 * a microsecond, more than everything else that is done for a row. The long string lives in the vector's own heap, so
 * the slices live as long as the vector does.
 */
const fillTexts = (vector: duckdb.Vector, { bytes, ends }: TextValues, slice: Slice): void => {
  const { start, count } = slice;
  const first = start === 0 ? 0 : (ends[start - 1] ?? 0);
  const heap = bytes.subarray(first, ends[start + count - 1]);
  const { low, high } = heap.length > inlineBytesMax ? heapAddress(vector, heap) : nowhere;
  entries.fill(0, 0, count * stringWords);
  for (let row = 0, from = 0; row < count; row++) {
    const to = (ends[start + row] ?? 0) - first;
    const length = to - from;
    const at = row * stringWords;
    entries[at] = length;
    const shown = length > inlineBytesMax ? 4 : length;
    for (let i = 0; i < shown; i++) entryBytes[at * 4 + 4 + i] = heap[from + i] ?? 0;
    if (length > inlineBytesMax) {
      const address = low + from;
      entries[at + 2] = address;
      entries[at + 3] = address > 0xffff_ffff ? high + 1 : high;
    }
    from = to;
  }
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, count * stringWords * 4);
};

const nowhere = { low: 0, high: 0 };

/** Copies the bytes into the vector's heap and reads where they are from the entry that DuckDB made for them. */
const heapAddress = (vector: duckdb.Vector, heap: Uint8Array) => {
  duckdb.vector_assign_string_element_len(vector, 0, heap);
  const entry = duckdb.vector_get_data(vector, stringWords * 4);
  const words = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  if (words.getUint32(0, true) !== heap.length) throw new Error("row buffers hold valid UTF-8");
  return { low: words.getUint32(8, true), high: words.getUint32(12, true) };
};

const presenceOf = (source: ColumnSource): PresenceBits | undefined =>
  "present" in source ? source.present : undefined;

const fill = (vector: duckdb.Vector, source: ColumnSource, slice: Slice): void => {
  const { start, count } = slice;
  if (source.kind === "int64") {
    copy(vector, source.values.words, { start: start * 2, count: count * 2 });
  } else if (source.kind === "int128") {
    copy(vector, source.values, { start: start * 4, count: count * 4 });
  } else if (source.kind === "text") {
    fillTexts(vector, source.values, slice);
  } else if (source.kind === "null") {
    copyPresence(vector, new Uint8Array(count), { start: 0, count });
  } else {
    copy(vector, source.values, slice);
  }
  const present = source.kind === "text" ? source.values.present : presenceOf(source);
  if (present === undefined || areAllPresent(present.bits, slice)) return;
  copyPresence(vector, present.bits, slice);
};

/** Appends columns to one table inside the transaction of its connection. */
export class ChunkWriter {
  readonly #appender: DuckDBAppender;
  readonly #chunk: DuckDBDataChunk;

  constructor(appender: DuckDBAppender, types: readonly DuckDBType[]) {
    this.#appender = appender;
    this.#chunk = DuckDBDataChunk.create(types);
  }

  static async open(
    connection: DuckDBConnection,
    { schema, table }: { readonly schema: string; readonly table: string },
    types: readonly DuckDBType[],
  ): Promise<ChunkWriter> {
    return new ChunkWriter(await connection.createAppender(table, schema), types);
  }

  write(columns: readonly ColumnSource[], count: number): void {
    for (let start = 0; start < count; start += chunkRowsMax) {
      const slice = { start, count: Math.min(chunkRowsMax, count - start) };
      this.#chunk.reset();
      this.#chunk.rowCount = slice.count;
      for (const [index, column] of columns.entries()) {
        fill(duckdb.data_chunk_get_vector(this.#chunk.chunk, index), column, slice);
      }
      this.#appender.appendDataChunk(this.#chunk);
    }
    this.#appender.flushSync();
  }

  close(): void {
    this.#appender.closeSync();
  }
}
