import { expect, test } from "vitest";
import { parseCsv } from "./csv.ts";

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
])("%j", (text, rows) => {
  expect(parseCsv(text)).toEqual(rows);
});
