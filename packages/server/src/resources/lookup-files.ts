import type { LookupFileType } from "@turnpike/contract/catalog/operations.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { formatCsv, parseCsv } from "../records/csv.ts";
import type { Revision } from "./lookup-data.ts";

type Item = Readonly<Record<string, unknown>>;

const parseLine = (line: string, number: number): Item => {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below, with the line's number.
  }
  throw fieldProblem("VALIDATION_FAILED", `line ${number}`, "is not a JSON object");
};

const fromCsv = ({ fields }: Revision, text: string): Item[] => {
  const [header = [], ...lines] = parseCsv(text);
  const typeOf = new Map(fields.map(({ name, type }) => [name, type]));
  const read = (name: string, cell: string): unknown => {
    if (cell === "" && typeOf.get(name) === "NUMBER") return undefined;
    return typeOf.get(name) === "NUMBER" && Number.isFinite(Number(cell)) ? Number(cell) : cell;
  };
  return lines.map((cells, index) => {
    if (cells.length !== header.length) {
      const message = `has ${cells.length} cells, the header ${header.length}`;
      throw fieldProblem("VALIDATION_FAILED", `line ${index + 2}`, message);
    }
    const entries = header.map((name, column) => [name, read(name, cells[column] ?? "")] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  });
};

/** The items of an uploaded file. VALIDATION_FAILED naming the line. */
export const readLookupFile = (
  revision: Revision,
  type: LookupFileType,
  body: Uint8Array,
): Item[] => {
  const text = new TextDecoder().decode(body);
  if (type === "text/csv") return fromCsv(revision, text);
  return text
    .split(/\r?\n/)
    .flatMap((line, index) => (line.trim() === "" ? [] : [parseLine(line, index + 1)]));
};

const cell = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value) : "";

/** The file of the items: CSV with a header in the order of the schema, or one JSON object a line. */
export const writeLookupFile = (
  { fields }: Revision,
  type: LookupFileType,
  items: readonly Item[],
): string => {
  const names = fields.map(({ name }) => name);
  if (type !== "text/csv") {
    return items.map((item) => `${JSON.stringify(item, names)}\n`).join("");
  }
  return formatCsv([names, ...items.map((item) => names.map((name) => cell(item[name])))]);
};
