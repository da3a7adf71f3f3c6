import type { RowsAhead } from "../../ingest/read-ahead.ts";
import { type Allocate, decodeBatch, encodeBatch } from "../journal/batch-codec.ts";

/** Rows that were read ahead, in memory that one thread hands to the other. */
export interface PackedRows {
  readonly edition: number;
  /** Marks, then the rows as a batch of the journal. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly marks: number;
}

/** Columns begin at multiples of eight bytes. */
const roomOf = (marks: number): number => (marks * 4 + 7) & ~7;

/** Every byte is written, so none has to be cleared before. */
const allocate: Allocate = (length) => new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);

export const packRows = ({ edition, rows, marks }: RowsAhead): PackedRows => {
  const count = rows.reduce((sum, ofMeter) => sum + ofMeter.count, 0);
  const batch = { sequence: 0, firstPosition: 0, count, receivedAtMs: 0, accounts: [] };
  const room = roomOf(marks.length);
  const bytes = encodeBatch({ ...batch, corrections: [], rows }, room, allocate);
  new Uint32Array(bytes.buffer).set(marks);
  return { edition, bytes, marks: marks.length };
};

/** The rows and marks lie in what was packed. */
export const unpackRows = ({ edition, bytes, marks }: PackedRows): RowsAhead => ({
  edition,
  rows: decodeBatch(bytes.subarray(roomOf(marks))).rows,
  marks: new Uint32Array(bytes.buffer, 0, marks),
});
