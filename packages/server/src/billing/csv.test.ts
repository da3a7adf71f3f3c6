import { expect, test } from "vitest";
import { csvOf } from "./csv.ts";

test.each([
  ["plain cells", [["a", "b"]], "a,b\r\n"],
  ["an empty cell", [["a", "", "c"]], "a,,c\r\n"],
  ["a comma", [["a,b", "c"]], '"a,b",c\r\n'],
  ["a quote", [['say "hi"']], '"say ""hi"""\r\n'],
  ["a line break", [["two\nlines"]], '"two\nlines"\r\n'],
  [
    "several rows",
    [
      ["h1", "h2"],
      ["1", "2"],
    ],
    "h1,h2\r\n1,2\r\n",
  ],
])("%s", (_case, rows, expected) => {
  expect(csvOf(rows)).toBe(expected);
});
