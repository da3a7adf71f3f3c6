import { array, assert, asyncProperty, constantFrom, integer, jsonValue } from "fast-check";
import { expect, test } from "vitest";
import { MalformedFile, parseRow, splitRows } from "./row-splitter.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

/** The text in pieces of any sizes, so that every boundary falls everywhere. */
async function* inPieces(text: string, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const end = at + (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(at, end);
    at = end;
  }
}

const read = async (text: string, sizes: readonly number[] = [7]): Promise<unknown[]> => {
  const values: unknown[] = [];
  for await (const row of splitRows(inPieces(text, sizes))) values.push(parseRow(row));
  return values;
};

test("the rows of an array and of lines are the values that were written, in any pieces", () =>
  assert(
    asyncProperty(
      array(jsonValue()),
      array(integer({ min: 1, max: 20 }), { minLength: 1 }),
      constantFrom(undefined, 1),
      async (values, sizes, indent) => {
        const again: unknown = JSON.parse(JSON.stringify(values));
        expect(await read(JSON.stringify(values, null, indent), sizes)).toEqual(again);
        // A line that begins with a bracket would be an array.
        const lines = values.map((value) => JSON.stringify({ value }));
        if (lines.length === 0) return;
        const rows = values.map((value) => JSON.parse(JSON.stringify({ value })) as unknown);
        expect(await read(lines.join("\r\n\n"), sizes)).toEqual(rows);
      },
    ),
    { numRuns },
  ));

test.each(["[1,2]", " [1,2]", "1\n2"])(
  "%j is read with a byte order mark before it",
  async (text) => {
    expect(await read(`\uFEFF${text}`, [1])).toEqual([1, 2]);
  },
);

test.each([
  ["", "the file is empty"],
  ["\uFEFF", "the file is empty"],
  ["  \n", "the file is empty"],
  ["[1", "the array does not end"],
  ["[1}", "the array does not end with a bracket"],
  ["[1,]", "row 1 is empty"],
  ["[,1]", "row 0 is empty"],
  ["[1]2", "there is something after the array"],
  ['[1,{"a":}]', "row 1 is not valid JSON"],
  ['{"a":1}\n{"a"', "row 1 is not valid JSON"],
])("%j is refused: %s", async (text, message) => {
  await expect(read(text, [65_536])).rejects.toEqual(new MalformedFile(message));
});

test("a row that is too long to be a measurement is refused before all of it is held", async () => {
  const text = `["${"x".repeat(1_100_000)}"]`;
  const refusal = new MalformedFile("row 0 is longer than 1048576 bytes");
  await expect(read(text, [65_536])).rejects.toEqual(refusal);
});
