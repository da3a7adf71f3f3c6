/** The file cannot be read on from here; the message says why. */
export class MalformedFile extends Error {
  override readonly name = "MalformedFile";
}

/** A row of a file, as it stands there. */
export interface FileRow {
  /** From 0. */
  readonly index: number;
  readonly text: string;
}

/** Longer than any measurement can be, and short enough to hold. */
const rowBytesMax = 1024 * 1024;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const newline = 0x0a;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);
const space = new Set([0x20, 0x09, 0x0a, 0x0d]);
/** What editors and shells of Windows write before a text in UTF-8. */
const byteOrderMark = new Set([0xef, 0xbb, 0xbf]);

/**
 * Finds where the rows of a file begin and end without reading what is in them: a bare JSON array, or values one a
 * line. Holds one row at a time, however large the file is.
 */
class RowSplitter {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #rows = 0;
  /** Of brackets within the row. */
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #kind: "unknown" | "array" | "lines" | "ended" = "unknown";
  #isAfterComma = false;

  *push(piece: Uint8Array): Generator<FileRow> {
    let start = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at] ?? 0;
      if (this.#isText) {
        this.#readText(byte);
        continue;
      }
      if (byte === quote) this.#isText = true;
      if (this.#kind === "unknown" && !space.has(byte) && !byteOrderMark.has(byte)) {
        this.#kind = byte === 0x5b ? "array" : "lines";
        if (this.#kind === "array") {
          start = at + 1;
          continue;
        }
      }
      if (this.#kind === "ended" && !space.has(byte)) {
        throw new MalformedFile("there is something after the array");
      }
      if (this.#endsRow(byte)) {
        const row = this.#take(piece.subarray(start, at), byte);
        start = at + 1;
        if (row !== undefined) yield row;
      } else if (opening.has(byte)) this.#depth += 1;
      else if (closing.has(byte)) this.#depth -= 1;
    }
    this.#keep(piece.subarray(start));
  }

  *end(): Generator<FileRow> {
    if (this.#kind === "array") throw new MalformedFile("the array does not end");
    if (this.#kind === "unknown") throw new MalformedFile("the file is empty");
    if (this.#kind === "ended") return;
    const row = this.#take(new Uint8Array(), newline);
    if (row !== undefined) yield row;
  }

  #readText(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (byte === backslash) this.#isEscaped = true;
    else if (byte === quote) this.#isText = false;
  }

  #endsRow(byte: number): boolean {
    if (this.#kind === "lines") return byte === newline;
    if (this.#kind !== "array" || this.#depth > 0) return false;
    return byte === comma || closing.has(byte);
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0 || this.#kind === "ended") return;
    this.#bytes += part.length;
    if (this.#bytes > rowBytesMax) {
      throw new MalformedFile(`row ${this.#rows} is longer than ${rowBytesMax} bytes`);
    }
    this.#pieces.push(part.slice());
  }

  /** The row that ends with `byte`; undefined for a blank line and for what is between the brackets of `[]`. */
  #take(part: Uint8Array, byte: number): FileRow | undefined {
    this.#keep(part);
    const text = this.#decode();
    this.#pieces = [];
    this.#bytes = 0;
    const isBlank = text.trim() === "";
    if (this.#kind === "lines") return isBlank ? undefined : this.#row(text);
    const isEnd = byte !== comma;
    if (isEnd && byte !== 0x5d) throw new MalformedFile("the array does not end with a bracket");
    const isEmptyArray = isEnd && this.#rows === 0 && !this.#isAfterComma;
    this.#isAfterComma = !isEnd;
    if (isEnd) this.#kind = "ended";
    if (!isBlank) return this.#row(text);
    if (isEmptyArray) return undefined;
    throw new MalformedFile(`row ${this.#rows} is empty`);
  }

  #row(text: string): FileRow {
    const index = this.#rows;
    this.#rows += 1;
    return { index, text };
  }

  #decode(): string {
    try {
      return this.#decoder.decode(Buffer.concat(this.#pieces, this.#bytes));
    } catch (cause) {
      throw new MalformedFile(`row ${this.#rows} is not UTF-8`, { cause });
    }
  }
}

/** The rows of a file in order. Throws MalformedFile where it is neither a JSON array nor lines of JSON. */
export async function* splitRows(source: AsyncIterable<Uint8Array>): AsyncGenerator<FileRow> {
  const splitter = new RowSplitter();
  for await (const piece of source) yield* splitter.push(piece);
  yield* splitter.end();
}

/** The value of a row. Throws MalformedFile when it is not JSON. */
export const parseRow = ({ index, text }: FileRow): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MalformedFile(`row ${index} is not valid JSON`, { cause });
  }
};
