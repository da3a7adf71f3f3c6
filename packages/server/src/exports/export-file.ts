import type { exportFileFormats } from "@turnpike/contract/sync/export-schedule.ts";
import { formatCsv } from "../records/csv.ts";

export type Row = Readonly<Record<string, unknown>>;
export type Format = (typeof exportFileFormats)[number];

/** What goes into one file: pages of rows, as often as they are asked for, and the columns of a table of them. */
export interface Source {
  readonly name: string;
  readonly columns: () => Promise<readonly string[]>;
  readonly pages: () => AsyncIterable<readonly Row[]>;
}

/** A text as it is, nothing for nothing, anything else as JSON writes it. */
const cell = (value: unknown): string => {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
};

async function* csv({ columns, pages }: Source): AsyncGenerator<string> {
  const names = await columns();
  yield formatCsv([names]);
  for await (const rows of pages()) {
    yield formatCsv(rows.map((row) => names.map((name) => cell(row[name]))));
  }
}

async function* lines({ pages }: Source): AsyncGenerator<string> {
  for await (const rows of pages()) yield rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** The file as it is written. */
export async function* fileOf(source: Source, format: Format): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const text of format === "CSV" ? csv(source) : lines(source)) {
    yield encoder.encode(text);
  }
}

export const fileName = ({ name }: Source, format: Format): string =>
  `${name}.${format.toLowerCase()}`;

/** Every key of the rows, in the order in which they are first met: rows of one kind need not have the same. */
export const keysOf = async (pages: AsyncIterable<readonly Row[]>): Promise<string[]> => {
  const keys = new Set<string>();
  for await (const rows of pages) {
    for (const row of rows) for (const key of Object.keys(row)) keys.add(key);
  }
  return [...keys];
};
