import * as fc from "fast-check";
import { expect, test } from "vitest";
import { anyRow, bufferOf, layout, putRow } from "../adapters/journal/random-batches.suite.ts";
import { RowBuffer } from "./row-buffer.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 50);

/** Positions follow each other, from 1. */
const row = anyRow.map((one) => ({ ...one, gap: 1 }));

const contents = (rows: RowBuffer) =>
  Array.from({ length: rows.count }, (_, at) => [
    ...[rows.positions, rows.ts, rows.ets].map(({ words }) => [
      ...words.subarray(at * 2, at * 2 + 2),
    ]),
    rows.accounts[at],
    rows.etsPresent.get(at),
    ...[rows.uids, rows.extras, ...rows.fields].map((column) => {
      if (!column.present.get(at)) return null;
      return column.kind === "text"
        ? Buffer.from(column.bytes.subarray(column.start(at), column.ends[at])).toString()
        : [...column.mantissas.words.subarray(at * 2, at * 2 + 2), column.scales[at]];
    }),
  ]);

test("rows that are appended together are those that are put in one by one", () => {
  fc.assert(
    fc.property(
      // Beyond the rows that a buffer begins with, and at any place of a byte of bits.
      fc.array(fc.array(row, { minLength: 1, maxLength: 40, size: "max" }), {
        minLength: 1,
        maxLength: 12,
        size: "max",
      }),
      row,
      (parts, last) => {
        const appended = new RowBuffer(layout);
        for (const rows of parts) appended.append(bufferOf(rows), appended.count);
        const all = parts.flat();
        expect(contents(appended)).toEqual(contents(bufferOf(all)));
        putRow(appended, all.length + 1, last);
        expect(contents(appended)).toEqual(contents(bufferOf([...all, last])));
      },
    ),
    { numRuns: runs },
  );
});
