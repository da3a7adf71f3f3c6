import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TextValues } from "../../ports/usage-log.ts";
import { list, unlist } from "./text-listing.ts";

const columnOf = (texts: readonly string[]): TextValues => {
  const encoded = texts.map((text) => Buffer.from(text));
  let end = 0;
  const ends = Uint32Array.from(encoded, ({ length }) => (end += length));
  const bytes = new Uint8Array(Buffer.concat(encoded));
  return { kind: "text", bytes, ends, present: { bits: new Uint8Array() } };
};

const contentOf = ({ bytes, ends }: TextValues) => ({ bytes: [...bytes], ends: [...ends] });

describe("a list of texts", () => {
  test("has each text once, then the number of each row's, in the place of the column", () => {
    const column = columnOf(["eu", "us", "eu", "eu", "us"]);
    expect(list(column)).toBe(true);
    // Two texts of two bytes each; 4 bytes of texts and 5 of numbers in the 10 that the column had.
    expect(contentOf(column)).toEqual({
      bytes: [...Buffer.from("euus"), 0, 1, 0, 0, 1, 0],
      ends: [0xffff_ffff, 2, 2, 2, 0],
    });
  });

  test.each([
    ["every row has a text of its own", Array.from({ length: 300 }, (_, row) => `text ${row}`)],
    ["the numbers would take more room than the texts", ["a", "", "a", "", "a"]],
    ["the lengths would take more room than the ends", ["eu-west", "us-east"]],
  ])("is not made when %s", (_, texts) => {
    const column = columnOf(texts);
    expect(list(column)).toBe(false);
    expect(contentOf(column)).toEqual(contentOf(columnOf(texts)));
    expect(unlist(column)).toBe(false);
  });

  test("is not made of what looks like one", () => {
    const column = columnOf(["eu", "eu", "eu", "eu"]);
    column.ends[0] = 0xffff_ffff;
    expect(list(column)).toBe(false);
  });

  test("gives every column of texts back to the byte", () => {
    const few = fc.array(fc.string({ unit: "binary", maxLength: 20 }), {
      minLength: 1,
      maxLength: 8,
    });
    const columns = few.chain((texts) =>
      fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: 400 }),
    );
    let listed = 0;
    fc.assert(
      fc.property(columns, (texts) => {
        const column = columnOf(texts);
        const isListed = list(column);
        expect(unlist(column)).toBe(isListed);
        expect(contentOf(column)).toEqual(contentOf(columnOf(texts)));
        if (isListed) listed++;
      }),
    );
    expect(listed).toBeGreaterThan(0);
  });
});
