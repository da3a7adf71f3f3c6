import { createHash, type Hash } from "node:crypto";
import type {
  CorrectionEntry,
  DecimalValues,
  Int64Values,
  PresenceBits,
  TextValues,
  UsageRows,
} from "../../ports/usage-log.ts";
import type { AccountNumbers } from "./accounts.ts";

/** What the first batch is chained to. */
export const noHash = "0".repeat(64);

/** What a link of the chain holds together. */
export interface HashedBatch {
  readonly previousHash: string;
  readonly sequence: number;
  readonly firstPosition: number;
  readonly count: number;
  readonly receivedAtMs: number;
  /** One for each meter. */
  readonly rows: readonly UsageRows[];
  readonly corrections: readonly CorrectionEntry[];
}

const bytesOf = (array: Int32Array | Uint32Array | Int16Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const isPresent = ({ bits }: PresenceBits, row: number): boolean =>
  ((bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;

/** Eight rows at a time: most columns have a value in every row or in none. */
const quantityPresent = (presence: PresenceBits, count: number): "all" | "none" | "some" => {
  let every = 0xff;
  let any = 0;
  const whole = count >> 3;
  for (let at = 0; at < whole; at++) {
    every &= presence.bits[at] ?? 0;
    any |= presence.bits[at] ?? 0;
  }
  for (let row = whole << 3; row < count; row++) {
    if (isPresent(presence, row)) any = 1;
    else every = 0;
  }
  if (any === 0) return "none";
  return every === 0xff ? "all" : "some";
};

/** The rows that have a value; undefined when all have one, which is the rule. */
const presentRows = (presence: PresenceBits, count: number): Uint32Array | undefined => {
  const quantity = quantityPresent(presence, count);
  if (quantity === "all") return undefined;
  if (quantity === "none") return new Uint32Array();
  const rows: number[] = [];
  for (let row = 0; row < count; row++) if (isPresent(presence, row)) rows.push(row);
  return rows.length === count ? undefined : Uint32Array.from(rows);
};

/** The values of those rows; buffers are used again, so rows without a value hold what an earlier one left. */
const pick = (values: Int32Array | Int16Array, rows: Uint32Array, width: number): Int32Array => {
  const picked = new Int32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    for (let word = 0; word < width; word++) {
      picked[index * width + word] = values[row * width + word] ?? 0;
    }
  }
  return picked;
};

const addLine = (hash: Hash, content: unknown): void => {
  hash.update(`${JSON.stringify(content)}\n`);
};

const addWords = (hash: Hash, { words }: Int64Values, rows: Uint32Array | number): void => {
  const values = typeof rows === "number" ? words.subarray(0, rows * 2) : pick(words, rows, 2);
  hash.update(bytesOf(values));
};

const addScales = (hash: Hash, scales: Int16Array, rows: Uint32Array | number): void => {
  const values = typeof rows === "number" ? scales.subarray(0, rows) : pick(scales, rows, 1);
  hash.update(bytesOf(values));
};

const addPresence = (hash: Hash, present: PresenceBits, count: number): Uint32Array | number => {
  const rows = presentRows(present, count);
  addLine(hash, rows?.length ?? "all");
  if (rows !== undefined) hash.update(bytesOf(rows));
  return rows ?? count;
};

/** A row without a text has an empty one here, and no place among those that have one. */
const addTexts = (hash: Hash, { bytes, ends, present }: TextValues, count: number): void => {
  addPresence(hash, present, count);
  hash.update(bytesOf(ends.subarray(0, count)));
  hash.update(bytes.subarray(0, ends[count - 1]));
};

const addDecimals = (hash: Hash, { mantissas, scales, present }: DecimalValues, count: number) => {
  const rows = addPresence(hash, present, count);
  addWords(hash, mantissas, rows);
  addScales(hash, scales, rows);
};

const hasValues = ({ present }: DecimalValues | TextValues, count: number): boolean =>
  quantityPresent(present, count) !== "none";

/** Columns without a value do not count: a field that a meter gains later adds one to all of its rows. */
const addFields = (hash: Hash, { layout, fields, count }: UsageRows): void => {
  const columns = layout.fields.flatMap((field, index) => {
    const column = fields[index];
    return column !== undefined && hasValues(column, count)
      ? [{ name: JSON.stringify([field.category, field.code]), column }]
      : [];
  });
  columns.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, column } of columns) {
    addLine(hash, name);
    if (column.kind === "text") addTexts(hash, column, count);
    else addDecimals(hash, column, count);
  }
};

const addRows = (hash: Hash, rows: UsageRows, accounts: AccountNumbers): void => {
  const { layout, count } = rows;
  addLine(hash, [layout.orgId, layout.meterId, count]);
  const numbers = rows.accounts.subarray(0, count);
  const distinct = [...new Set(numbers)].sort((a, b) => a - b);
  addLine(
    hash,
    distinct.map((number) => accounts.at(number)),
  );
  addWords(hash, rows.positions, count);
  hash.update(bytesOf(numbers));
  addWords(hash, rows.ts, count);
  addWords(hash, rows.ets, addPresence(hash, rows.etsPresent, count));
  addTexts(hash, rows.uids, count);
  addTexts(hash, rows.extras, count);
  addFields(hash, rows);
};

const nameOf = ({ layout }: UsageRows): string => JSON.stringify([layout.orgId, layout.meterId]);

/** SHA-256 over the previous link, the record of the batch and its rows, column by column, in hexadecimal. */
export const batchHash = (batch: HashedBatch, accounts: AccountNumbers): string => {
  const { previousHash, sequence, firstPosition, count, receivedAtMs, corrections } = batch;
  const hash = createHash("sha256");
  addLine(hash, [previousHash, sequence, firstPosition, count, receivedAtMs]);
  const sorted = [...batch.rows].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  for (const rows of sorted) addRows(hash, rows, accounts);
  for (const entry of corrections) {
    const { orgId, uid, position, hides, digest, correctedBy, reason } = entry;
    addLine(hash, [orgId, uid, position, hides, digest ?? null, correctedBy, reason]);
  }
  return hash.digest("hex");
};
