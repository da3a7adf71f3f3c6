import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RowBuffer } from "./row-buffer.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 50);
const layout = {
  orgId: "org",
  meterId: "meter",
  fields: [
    { code: "n", category: "MEASURE" },
    { code: "who", category: "WHO" },
  ],
} as const;

const anyRow = fc.record({
  account: fc.nat(),
  ts: fc.maxSafeInteger(),
  ets: fc.option(fc.maxSafeInteger()),
  uid: fc.string({ maxLength: 4 }),
  n: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  who: fc.option(fc.string({ unit: "grapheme", maxLength: 3 })),
});
type Row = typeof anyRow extends fc.Arbitrary<infer T> ? T : never;

const put = (into: RowBuffer, { account, ts, ets, uid, n, who }: Row, position: number): void => {
  const row = into.count;
  const [numbers, texts] = into.fields;
  if (numbers?.kind !== "decimal" || texts?.kind !== "text") throw new Error("another layout");
  into.positions.set(row, position);
  into.accounts[row] = account;
  into.ts.set(row, ts);
  into.ets.set(row, ets ?? 0);
  into.etsPresent.set(row, ets !== null);
  into.uids.set(row, uid);
  into.extras.clear(row);
  // A row that is not there has anything in these.
  numbers.mantissas.set(row, 0);
  numbers.scales[row] = 0;
  if (n === null) numbers.clear(row);
  else numbers.set(row, n);
  if (who === null) texts.clear(row);
  else texts.set(row, who);
  into.commitRow();
};

const bufferOf = (rows: readonly Row[], firstPosition = 0): RowBuffer => {
  const buffer = new RowBuffer(layout);
  for (const [index, row] of rows.entries()) put(buffer, row, firstPosition + index);
  return buffer;
};

const contents = ({ positions, accounts, ts, ets, etsPresent, uids, fields, count }: RowBuffer) =>
  Array.from({ length: count }, (_, row) => [
    ...[positions, ts, ets].map(({ words }) => [...words.subarray(row * 2, row * 2 + 2)]),
    accounts[row],
    etsPresent.get(row),
    ...[uids, ...fields].map((column) => {
      if (!column.present.get(row)) return null;
      return column.kind === "text"
        ? Buffer.from(column.bytes.subarray(column.start(row), column.ends[row])).toString()
        : [...column.mantissas.words.subarray(row * 2, row * 2 + 2), column.scales[row]];
    }),
  ]);

test("rows that are appended together are those that are put in one by one", () => {
  fc.assert(
    fc.property(
      // Beyond the rows that a buffer begins with, and at any place of a byte of bits.
      fc.array(fc.array(anyRow, { minLength: 1, maxLength: 40, size: "max" }), {
        minLength: 1,
        maxLength: 12,
        size: "max",
      }),
      anyRow,
      (parts, last) => {
        const appended = new RowBuffer(layout);
        for (const rows of parts) appended.append(bufferOf(rows), 7 + appended.count);
        const all = parts.flat();
        expect(contents(appended)).toEqual(contents(bufferOf(all, 7)));
        put(appended, last, 7 + all.length);
        expect(contents(appended)).toEqual(contents(bufferOf([...all, last], 7)));
      },
    ),
    { numRuns: runs },
  );
});
