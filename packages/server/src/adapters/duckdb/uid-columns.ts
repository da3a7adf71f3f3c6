import type { TextValues } from "../../ports/usage-log.ts";
import { literal } from "./cells.ts";
import type { ColumnSource } from "./chunk-writer.ts";
import {
  codeOf,
  type NumberForm,
  numberForms,
  tailStart,
  textCode,
  uuidCode,
  writeNumber,
  writeUuid,
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

/** Rows with the uid, in whichever way it was stored. */
export const uidCondition = (uid: string): string => {
  const bytes = new Uint8Array(Buffer.from(uid));
  const end = bytes.length;
  const split = numberForms.flatMap((form) => {
    const from = tailStart(form, bytes, { start: 0, end });
    if (from === end) return [];
    const head = literal(Buffer.from(bytes.subarray(0, from)).toString());
    const code = codeOf(form, bytes, { from, end });
    return `uid_head = ${head} AND uid_form = ${code} AND ${tailSql(form, { bytes, from, end })}`;
  });
  const ways = [`uid_head = ${literal(uid)} AND uid_form = ${textCode}`, ...split];
  return `((${ways.join(") OR (")}))`;
};

const tailSql = (
  form: NumberForm,
  tail: { readonly bytes: Uint8Array; readonly from: number; readonly end: number },
): string => {
  if (form === "uuid")
    return `uid_uuid = '${Buffer.from(tail.bytes.subarray(tail.from)).toString()}'`;
  const words = new Int32Array(2);
  writeNumber(form, tail, { words, at: 0 });
  return `uid_number = ${new BigInt64Array(words.buffer)[0]}`;
};

/** A form is taken when heads change with one row in so many at most: those that all differ are better left in a text. */
const rowsPerHead = 4;

interface Head {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const isSame = (one: Head, other: Head): boolean => {
  if (one.end - one.start !== other.end - other.start) return false;
  const offset = other.start - one.start;
  for (let at = one.start; at < one.end; at++) {
    if (one.bytes[at] !== other.bytes[at + offset]) return false;
  }
  return true;
};

/** Makes the columns of a table's uids, in one form for each run of rows. */
export class UidSplitter {
  /** The last uid of the run before, so that short runs know what heads look like. */
  #last = new Uint8Array();

  columns(uids: TextValues, count: number): readonly ColumnSource[] {
    const form = numberForms.find((candidate) => this.#fits(candidate, uids, count));
    const { bytes, ends } = uids;
    this.#last = bytes.slice(count < 2 ? 0 : ends[count - 2], ends[count - 1]);
    if (form !== undefined) return splitColumns(form, uids, count);
    const codes = new Int16Array(count).fill(textCode);
    return [
      { kind: "text", values: uids },
      { kind: "int16", values: codes },
      { kind: "null" },
      { kind: "null" },
    ];
  }

  /** Whether every uid has a tail of the form, and few have another head than the one before. */
  #fits(form: NumberForm, { bytes, ends }: TextValues, count: number): boolean {
    const last = this.#last;
    const lastEnd = tailStart(form, last, { start: 0, end: last.length });
    let before: Head = { bytes: last, start: 0, end: lastEnd };
    let changes = 0;
    let start = 0;
    for (let row = 0; row < count; row++) {
      const end = ends[row] ?? 0;
      const to = tailStart(form, bytes, { start, end });
      if (to === end) return false;
      const head = { bytes, start, end: to };
      if (!isSame(before, head)) changes++;
      before = head;
      start = end;
    }
    return changes * rowsPerHead <= count;
  }
}

const splitColumns = (
  form: NumberForm,
  { bytes, ends, present }: TextValues,
  count: number,
): readonly ColumnSource[] => {
  const heads = new Uint8Array(ends[count - 1] ?? 0);
  const headEnds = new Uint32Array(count);
  const codes = new Int16Array(count);
  const words = new Int32Array(count * (form === "uuid" ? 4 : 2));
  let length = 0;
  let start = 0;
  for (let row = 0; row < count; row++) {
    const end = ends[row] ?? 0;
    const from = tailStart(form, bytes, { start, end });
    for (let at = start; at < from; at++) heads[length++] = bytes[at] ?? 0;
    headEnds[row] = length;
    codes[row] = codeOf(form, bytes, { from, end });
    if (form === "uuid") writeUuid({ bytes, from, end }, { words, at: row * 4 });
    else writeNumber(form, { bytes, from, end }, { words, at: row * 2 });
    start = end;
  }
  return [
    { kind: "text", values: { kind: "text", bytes: heads, ends: headEnds, present } },
    { kind: "int16", values: codes },
    form === "uuid" ? { kind: "null" } : { kind: "int64", values: { words } },
    form === "uuid" ? { kind: "int128", values: words } : { kind: "null" },
  ];
};
