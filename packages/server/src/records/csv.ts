/** Quotes do not enclose a whole cell, as where a text breaks off, or a line ends with CR alone. */
export class MalformedCsv extends Error {
  override readonly name = "MalformedCsv";
  /** Of the text, from 0, without empty ones. */
  readonly row: number;

  constructor(row: number) {
    super("is not CSV: quotes enclose whole cells, and lines end with LF or CRLF");
    this.row = row;
  }
}

/**
 * Rows of cells of a CSV text (RFC 4180): quoted cells may hold commas, line ends and doubled quotes. Throws MalformedCsv
 * for anything else: what was meant could only be guessed.
 */
export const parseCsv = (text: string): string[][] => {
  const bare = text.replace(/^\uFEFF/, "");
  const rows: string[][] = [];
  let row: string[] = [];
  let end = 0;
  for (const [all, quoted, plain = "", separator] of bare.matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n][^,\r\n]*)?)(,|\r?\n|$)/gy,
  )) {
    end += all.length;
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (separator === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  if (end < bare.length) throw new MalformedCsv(rows.length);
  return rows;
};

const quotedCell = (cell: string): string =>
  /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

export const formatCsv = (rows: readonly (readonly string[])[]): string =>
  rows.map((row) => `${row.map(quotedCell).join(",")}\r\n`).join("");
