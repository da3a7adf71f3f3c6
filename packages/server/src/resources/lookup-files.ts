import type { LookupFileType } from "@turnpike/contract/catalog/operations.ts";
import { fieldProblem, type Problem } from "@turnpike/contract/problem.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { formatCsv, MalformedCsv, parseCsv } from "../records/csv.ts";
import { parseJson } from "../records/json.ts";
import { wholeRows } from "../records/text-pieces.ts";
import type { Revision } from "./lookup-data.ts";

type Item = Readonly<Record<string, unknown>>;

const refuse = (line: number, message: string): Problem =>
  fieldProblem("VALIDATION_FAILED", `line ${line}`, message);

const parseLine = (text: string, line: number): Item => {
  try {
    const value = parseJson(Buffer.from(text));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch (error) {
    throw refuse(line, error instanceof Error ? error.message : String(error));
  }
  throw refuse(line, "is not a JSON object");
};

const numeral = /^-?\d+(\.\d+)?([eE][+-]?\d{1,3})?$/;

/** A number of a cell; a text that is none stays what it is, for the schema to refuse. */
const readNumber = (cell: string, line: number): unknown => {
  if (!numeral.test(cell)) return cell;
  const value = Number(cell);
  if (Number.isFinite(value) && decimal(value).eq(decimal(cell))) return value;
  throw refuse(line, `has a number of more digits than are kept: ${cell}`);
};

/** Reads the rows of a CSV file one after the other: the first one names the columns. */
const csvReader = ({ fields }: Revision): ((cells: string[], line: number) => Item | undefined) => {
  const typeOf = new Map(fields.map(({ name, type }) => [name, type]));
  let header: readonly string[] | undefined;
  return (cells, line) => {
    if (header === undefined) {
      header = cells;
      return undefined;
    }
    if (cells.length !== header.length) {
      throw refuse(line, `has ${cells.length} cells, the header ${header.length}`);
    }
    const entries = header.flatMap((name, column) => {
      const cell = cells[column] ?? "";
      if (typeOf.get(name) !== "NUMBER") return [[name, cell] as const];
      return cell === "" ? [] : [[name, readNumber(cell, line)] as const];
    });
    return Object.fromEntries(entries);
  };
};

/** The rows of a piece that stands behind so many lines. */
const rowsOf = (text: string, before: number): string[][] => {
  try {
    return parseCsv(text);
  } catch (error) {
    if (error instanceof MalformedCsv) throw refuse(before + error.row + 1, error.message);
    throw error;
  }
};

async function* csvItems(
  revision: Revision,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Item[]> {
  const read = csvReader(revision);
  let line = 0;
  for await (const text of wholeRows(source, { quotes: true })) {
    const rows = rowsOf(text, line).map((cells) => read(cells, (line += 1)));
    yield rows.filter((item) => item !== undefined);
  }
}

async function* jsonItems(source: AsyncIterable<Uint8Array>): AsyncGenerator<Item[]> {
  let line = 0;
  for await (const text of wholeRows(source, { quotes: false })) {
    const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
    yield lines.flatMap((one) => {
      line += 1;
      return one.trim() === "" ? [] : [parseLine(one, line)];
    });
  }
}

/** The items of an uploaded file, as many at a time as a piece of it holds. VALIDATION_FAILED naming the line. */
export const readLookupFile = (
  revision: Revision,
  type: LookupFileType,
  source: AsyncIterable<Uint8Array>,
): AsyncIterable<Item[]> => (type === "text/csv" ? csvItems(revision, source) : jsonItems(source));

const cell = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

/** The file of the items: CSV with a header in the order of the schema, or one JSON object a line. */
export async function* writeLookupFile(
  { fields }: Revision,
  type: LookupFileType,
  pages: AsyncIterable<readonly Item[]>,
): AsyncGenerator<Uint8Array> {
  const names = fields.map(({ name }) => name);
  const isCsv = type === "text/csv";
  if (isCsv) yield Buffer.from(formatCsv([names]));
  for await (const items of pages) {
    yield Buffer.from(
      isCsv
        ? formatCsv(items.map((item) => names.map((name) => cell(item[name]))))
        : items.map((item) => `${JSON.stringify(item, names)}\n`).join(""),
    );
  }
}
