import { array, assert, asyncProperty, integer, string, boolean, constantFrom } from "fast-check";
import { expect, test } from "vitest";
import { parseCsv } from "./csv.ts";
import { wholeRows } from "./text-pieces.ts";

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}

const collect = async (source: AsyncIterable<string>): Promise<string[]> => {
  const texts: string[] = [];
  for await (const text of source) texts.push(text);
  return texts;
};

const letters = string({ unit: constantFrom("a", ",", '"', "\n", "\r\n", "ä", "😀") });
const sizes = array(integer({ min: 0, max: 7 }));

test("a text comes whole, in pieces that end where lines do", async () => {
  await assert(
    asyncProperty(letters, sizes, boolean(), async (text, at, quotes) => {
      const pieces = await collect(wholeRows(cut(Buffer.from(text), at), { quotes }));
      expect(pieces.join("")).toBe(text);
      expect(pieces.slice(0, -1).every((piece) => piece.endsWith("\n"))).toBe(true);
    }),
  );
});

test("the rows of the pieces are the rows of the whole, quoted line ends included", async () => {
  const cell = letters.map((text) => `"${text.replaceAll('"', '""')}"`);
  await assert(
    asyncProperty(array(array(cell, { minLength: 1 })), sizes, async (rows, at) => {
      const text = rows.map((row) => `${row.join(",")}\n`).join("");
      const pieces = await collect(wholeRows(cut(Buffer.from(text), at), { quotes: true }));
      expect(pieces.flatMap(parseCsv)).toEqual(parseCsv(text));
    }),
  );
});

test.each([
  ["half a letter", Buffer.from([0x61, 0xc3])],
  ["NUL", Buffer.from("a\0b\n")],
  ["a row without end", Buffer.from(`"${"a".repeat(1_100_000)}`)],
])("%s is refused", async (_, bytes) => {
  await expect(collect(wholeRows(cut(bytes, []), { quotes: true }))).rejects.toThrow("file");
});
