import type { Int64Values, TextValues, UsageRows } from "../../ports/usage-log.ts";
import { decodeBatch } from "./batch-codec.ts";
import { list, unlist } from "./text-listing.ts";

/**
 * Columns of numbers as a compressor likes them, of the same length and in the same place: what mostly rises as the
 * differences of its values, and the bytes of one significance together, the first of every value before the second of
 * every value. Texts of one length are put apart in the same way. The plan of a payload stays as it is and tells where
 * its columns lie, so that packing can be undone for any values.
 */
interface Column {
  readonly bytes: Uint8Array;
  /** Of a value. */
  readonly width: number;
  /** What its values are the differences of, when they are: in 32 bits, or in 64. */
  readonly rising?: Uint32Array | Int64Values;
}

/** Below it the columns are a few rows long: nothing to be won. */
const payloadBytesMin = 1024;

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const numbersOf = (array: Int32Array | Int16Array, width: number): Column => ({
  bytes: bytesOf(array),
  width,
});

const risingWords = (rising: Int64Values): Column => ({
  bytes: bytesOf(rising.words),
  width: 8,
  rising,
});

const risingEnds = ({ ends }: TextValues): Column => ({
  bytes: bytesOf(ends),
  width: 4,
  rising: ends,
});

const textsOf = ({ fields, uids, extras }: UsageRows): readonly TextValues[] => [
  uids,
  extras,
  ...fields.filter((field) => field.kind === "text"),
];

const numberColumns = (rows: UsageRows): readonly Column[] => [
  risingWords(rows.positions),
  numbersOf(rows.accounts, 4),
  risingWords(rows.ts),
  risingWords(rows.ets),
  ...textsOf(rows).map(risingEnds),
  ...rows.fields.flatMap((field) =>
    // Quantities do not rise: their differences would only be longer.
    field.kind === "decimal"
      ? [numbersOf(field.mantissas.words, 8), numbersOf(field.scales, 2)]
      : [],
  ),
];

/** The length that all texts have; 1 when it is not the same. */
const widthOf = ({ bytes, ends }: TextValues): number => {
  const width = ends[0] ?? 1;
  if (width * ends.length !== bytes.length) return 1;
  for (let row = 1; row < ends.length; row++) {
    if (ends[row] !== (row + 1) * width) return 1;
  }
  return width;
};

/** Known when `ends` are what they were. */
const textColumn = (texts: TextValues): Column => ({ bytes: texts.bytes, width: widthOf(texts) });

/** The rows of a payload; none when the payload is no batch, or too short. */
const rowsOf = (payload: Uint8Array<ArrayBuffer>): readonly UsageRows[] => {
  if (payload.length < payloadBytesMin) return [];
  try {
    return decodeBatch(payload).rows;
  } catch {
    return [];
  }
};

/** Whether a column lies in the payload: those without any value do not. */
const liesIn = (payload: Uint8Array, { bytes }: Column): boolean =>
  bytes.buffer === payload.buffer &&
  bytes.byteOffset + bytes.length <= payload.byteOffset + payload.length;

/** Used for one column after the other: new memory for each would have V8 collect all the time. */
let spare = new Uint8Array(65_536);
let zeros = new Uint8Array(65_536);

const copyOf = (bytes: Uint8Array): Uint8Array => {
  if (spare.length < bytes.length) {
    spare = new Uint8Array(bytes.length * 2);
    zeros = new Uint8Array(bytes.length * 2);
  }
  spare.set(bytes);
  return spare.subarray(0, bytes.length);
};

/** The bytes of one significance of all values, after each other. */
const split = ({ bytes, width }: Column): void => {
  if (width < 2) return;
  const values = copyOf(bytes);
  let to = 0;
  for (let plane = 0; plane < width; plane++) {
    for (let at = plane; at < bytes.length; at += width) bytes[to++] = values[at] ?? 0;
  }
};

const join = ({ bytes, width }: Column): void => {
  if (width < 2) return;
  const planes = copyOf(bytes);
  const rows = bytes.length / width;
  bytes.fill(0);
  for (let plane = 0; plane < width; plane++) {
    // Most numbers are small: most planes have nothing to put anywhere.
    let from = plane * rows;
    const values = planes.subarray(from, from + rows);
    if (Buffer.compare(values, zeros.subarray(0, rows)) === 0) continue;
    for (let at = plane; at < bytes.length; at += width) bytes[at] = planes[from++] ?? 0;
  }
};

/** Modulo 2^64, so that any values come back. */
const subtractWords = ({ words }: Int64Values): void => {
  for (let at = words.length - 2; at >= 2; at -= 2) {
    const low = (words[at] ?? 0) >>> 0;
    const lowBefore = (words[at - 2] ?? 0) >>> 0;
    words[at] = low - lowBefore;
    words[at + 1] = (words[at + 1] ?? 0) - (words[at - 1] ?? 0) - (low < lowBefore ? 1 : 0);
  }
};

const addWords = ({ words }: Int64Values): void => {
  for (let at = 2; at < words.length; at += 2) {
    const low = ((words[at] ?? 0) >>> 0) + ((words[at - 2] ?? 0) >>> 0);
    words[at] = low;
    words[at + 1] = (words[at + 1] ?? 0) + (words[at - 1] ?? 0) + (low > 0xffff_ffff ? 1 : 0);
  }
};

const subtract = ({ rising }: Column): void => {
  if (rising === undefined) return;
  if ("words" in rising) return subtractWords(rising);
  for (let row = rising.length - 1; row > 0; row--) {
    rising[row] = (rising[row] ?? 0) - (rising[row - 1] ?? 0);
  }
};

const add = ({ rising }: Column): void => {
  if (rising === undefined) return;
  if ("words" in rising) return addWords(rising);
  for (let row = 1; row < rising.length; row++) {
    rising[row] = (rising[row] ?? 0) + (rising[row - 1] ?? 0);
  }
};

/** Packs the columns of a payload where they lie; `unpackColumns` undoes it. */
export const packColumns = (payload: Uint8Array<ArrayBuffer>): void => {
  const isOurs = (column: Column) => liesIn(payload, column);
  for (const rows of rowsOf(payload)) {
    for (const texts of textsOf(rows).filter((ofRows) => isOurs(textColumn(ofRows)))) {
      if (!list(texts)) split(textColumn(texts));
    }
    for (const column of numberColumns(rows).filter(isOurs)) {
      subtract(column);
      split(column);
    }
  }
};

export const unpackColumns = (payload: Uint8Array<ArrayBuffer>): void => {
  const isOurs = (column: Column) => liesIn(payload, column);
  for (const rows of rowsOf(payload)) {
    for (const column of numberColumns(rows).filter(isOurs)) {
      join(column);
      add(column);
    }
    for (const texts of textsOf(rows).filter((ofRows) => isOurs(textColumn(ofRows)))) {
      if (!unlist(texts)) join(textColumn(texts));
    }
  }
};
