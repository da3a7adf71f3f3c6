import type { TextValues } from "../../ports/usage-log.ts";
import { literal, literalRows } from "./cells.ts";
import type { ColumnSource } from "./chunk-writer.ts";
import {
  codeOf,
  type NumberForm,
  numberForms,
  readTail,
  textCode,
  uuidCode,
  wordsOf,
} from "./uid-parts.ts";

/** The columns of a table that hold its uids (`uid-parts.ts`); the compression is named where one always wins. */
export const uidColumns = ["uid_head", "uid_form", "uid_number", "uid_uuid"] as const;
export const uidColumnsSql: readonly string[] = [
  "uid_head VARCHAR",
  "uid_form SMALLINT USING COMPRESSION bitpacking",
  "uid_number BIGINT USING COMPRESSION bitpacking",
  "uid_uuid UUID USING COMPRESSION bitpacking",
];

/** The uid of a row that has these columns. It costs half a microsecond: put it where few rows are left. */
export const uidSql = (rows: string): string =>
  `(${rows}.uid_head || CASE ${rows}.uid_form WHEN ${textCode} THEN ''
     WHEN ${uuidCode} THEN ${rows}.uid_uuid::VARCHAR
     ELSE lower(to_base(${rows}.uid_number, (${rows}.uid_form // 100)::INTEGER, (${rows}.uid_form % 100)::INTEGER))
   END)`;

/**
 * The ways in which uids can have been stored, as rows of SQL: which of the uids, and the columns of a row that has it,
 * by their names.
 */
export const uidWaysSql = (uids: readonly string[]): string =>
  literalRows(
    {
      nth: "INTEGER",
      uid_head: "VARCHAR",
      uid_form: "SMALLINT",
      uid_number: "BIGINT",
      uid_uuid: "UUID",
    } satisfies Record<"nth" | (typeof uidColumns)[number], string>,
    uids.flatMap((uid, nth) => waysOf(uid).map((way) => [nth, ...way])),
  );

/** Of two relations with these columns: rows with one uid. A tail that a form has not is NULL. */
export const isSameUidSql = (one: string, other: string): string =>
  `${one}.uid_head = ${other}.uid_head AND ${one}.uid_form = ${other}.uid_form
   AND ${one}.uid_number IS NOT DISTINCT FROM ${other}.uid_number
   AND ${one}.uid_uuid IS NOT DISTINCT FROM ${other}.uid_uuid`;

/** Cells of SQL in the order of the columns. */
const waysOf = (uid: string): readonly (readonly (string | number)[])[] => {
  const bytes = new Uint8Array(Buffer.from(uid));
  const end = bytes.length;
  const split = numberForms.flatMap((form) => {
    const words = new Int32Array(wordsOf(form));
    const from = readTail(form, { bytes, start: 0, end }, { words, at: 0 });
    if (from === end) return [];
    const head = literal(Buffer.from(bytes.subarray(0, from)).toString());
    const code = codeOf(form, bytes, { from, end });
    const tail =
      form === "uuid"
        ? ["NULL", `'${Buffer.from(bytes.subarray(from)).toString()}'`]
        : [`${new BigInt64Array(words.buffer)[0]}`, "NULL"];
    return [[head, code, ...tail]];
  });
  return [[literal(uid), textCode, "NULL", "NULL"], ...split];
};

/** A form is taken when heads change with one row in so many at most: those that all differ are better left in a text. */
const rowsPerHead = 4;

/** The tails of a run of uids. */
interface Tails {
  /** Where each begins. */
  readonly starts: Uint32Array;
  readonly words: Int32Array;
}

/** Makes the columns of a table's uids, in one form for each run of rows. */
export class UidSplitter {
  /** The last uid of the run before, so that short runs know what heads look like. */
  #last = new Uint8Array();

  columns(uids: TextValues, count: number): readonly ColumnSource[] {
    const last = this.#last;
    const { bytes, ends } = uids;
    this.#last = bytes.slice(count < 2 ? 0 : ends[count - 2], ends[count - 1]);
    for (const form of numberForms) {
      const tails = tailsOf(form, { last, uids, count });
      if (tails !== undefined) return splitColumns(form, uids, tails);
    }
    const codes = new Int16Array(count).fill(textCode);
    return [
      { kind: "text", values: uids },
      { kind: "int16", values: codes },
      { kind: "null" },
      { kind: "null" },
    ];
  }
}

interface Run {
  /** The uid before the first. */
  readonly last: Uint8Array;
  readonly uids: TextValues;
  readonly count: number;
}

/** Undefined when a uid has no tail of the form, or too many have another head than the one before. */
const tailsOf = (form: NumberForm, { last, uids, count }: Run): Tails | undefined => {
  const { bytes, ends } = uids;
  const nowhere = { words: new Int32Array(wordsOf("uuid")), at: 0 };
  const first = { bytes, start: 0, end: ends[0] ?? 0 };
  if (readTail(form, first, nowhere) === first.end) return undefined;
  let head = last.subarray(0, readTail(form, { bytes: last, start: 0, end: last.length }, nowhere));
  const starts = new Uint32Array(count);
  const width = wordsOf(form);
  const words = new Int32Array(count * width);
  let changes = 0;
  let start = 0;
  for (let row = 0; row < count; row++) {
    const end = ends[row] ?? 0;
    const from = readTail(form, { bytes, start, end }, { words, at: row * width });
    if (from === end) return undefined;
    starts[row] = from;
    if (!isHead(head, bytes, { start, from })) {
      changes++;
      head = bytes.subarray(start, from);
    }
    start = end;
  }
  return changes * rowsPerHead <= count ? { starts, words } : undefined;
};

const isHead = (
  head: Uint8Array,
  bytes: Uint8Array,
  { start, from }: { readonly start: number; readonly from: number },
): boolean => {
  if (from - start !== head.length) return false;
  for (let at = 0; at < head.length; at++) if (head[at] !== bytes[start + at]) return false;
  return true;
};

const splitColumns = (
  form: NumberForm,
  { bytes, ends, present }: TextValues,
  { starts, words }: Tails,
): readonly ColumnSource[] => {
  const count = starts.length;
  const heads = new Uint8Array(ends[count - 1] ?? 0);
  const headEnds = new Uint32Array(count);
  const codes = new Int16Array(count);
  let length = 0;
  let at = 0;
  for (let row = 0; row < count; row++) {
    const from = starts[row] ?? 0;
    const end = ends[row] ?? 0;
    while (at < from) heads[length++] = bytes[at++] ?? 0;
    headEnds[row] = length;
    codes[row] = codeOf(form, bytes, { from, end });
    at = end;
  }
  return [
    { kind: "text", values: { kind: "text", bytes: heads, ends: headEnds, present } },
    { kind: "int16", values: codes },
    form === "uuid" ? { kind: "null" } : { kind: "int64", values: { words } },
    form === "uuid" ? { kind: "int128", values: words } : { kind: "null" },
  ];
};
