import { expect, test } from "vitest";
import { MalformedCsv, parseCsv } from "./csv.ts";

test.each([
  [
    "a,b\n1,2\n",
    [
      ["a", "b"],
      ["1", "2"],
    ],
  ],
  [
    "a,b\r\n1,\r\n",
    [
      ["a", "b"],
      ["1", ""],
    ],
  ],
  ['"x, y","say ""hi""","two\nlines"', [["x, y", 'say "hi"', "two\nlines"]]],
  ["\uFEFFa,b", [["a", "b"]]],
  ["", []],
  ['5" pipe,1', [['5" pipe', "1"]]],
])("%j", (text, rows) => {
  expect(parseCsv(text)).toEqual(rows);
});

test.each([
  ['a,b\n"UK,1\n', 1],
  ['"UK', 0],
  ['a\nb\n"UK"x,1', 2],
  ["a\rb", 0],
])("%j is refused", (text, row) => {
  expect(() => parseCsv(text)).toThrow(MalformedCsv);
  expect(() => parseCsv(text)).toThrow(expect.objectContaining({ row }));
});
