import { array, assert, property, string } from "fast-check";
import { expect, test } from "vitest";
import { formatCsv, parseCsv } from "./csv.ts";

test("what is written is read back", () => {
  const row = array(string(), { minLength: 2, maxLength: 4 });
  assert(
    property(array(row), (rows) => {
      expect(parseCsv(formatCsv(rows))).toEqual(rows);
    }),
    { numRuns: Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200) },
  );
});
