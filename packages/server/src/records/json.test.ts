import { Problem } from "@turnpike/contract/problem.ts";
import { expect, test } from "vitest";
import { parseJson } from "./json.ts";

const long = "0.12345678901234567891";

const refused = (text: string): unknown => {
  try {
    return parseJson(Buffer.from(text));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [error.code, error.fields];
  }
};

test.each([
  [`{"measure": ${long}}`, "measure"],
  [`{"used": {"ts": ${long}}}`, "used.ts"],
  [`{"used": {"ts": 1}, "ts": ${long}}`, "ts"],
  [
    `{"authorizations": [{}, {"id": "a", "measure": {"units": ${long}}}]}`,
    "authorizations[1].measure.units",
  ],
  [`{"__proto__": {"units": ${long}}}`, "__proto__.units"],
  [`[1, [${long}, 1e999]]`, "[1][0]"],
  [long, "body"],
])("a number that a double would change is named by its path: %s", (text, field) => {
  expect(refused(text)).toEqual(["INEXACT_NUMBER", [{ field, message: `is ${long}` }]]);
});

test("what is nested too deeply to be named is refused for that", () => {
  const message = "is nested too deeply";
  const nested = `${"[".repeat(100)}${long}${"]".repeat(100)}`;
  const field = "[0]".repeat(64);
  expect(refused(nested)).toEqual(["VALIDATION_FAILED", [{ field, message }]]);
});

test("long texts, and long numbers that a double holds, are taken", () => {
  const text = '{"uid": "12345678901234567890", "n": 0.2500000000000000}';
  expect(parseJson(Buffer.from(text))).toEqual({ uid: "12345678901234567890", n: 0.25 });
});

test("a body of very many values is refused before anything is made of them", () => {
  const lists = (items: number): string =>
    JSON.stringify(Array.from({ length: 10 }, () => Array.from({ length: items }, () => ({}))));
  expect(refused(lists(4_999))).toHaveLength(10);
  const message = "holds more than 50000 values";
  expect(refused(lists(5_000))).toEqual(["VALIDATION_FAILED", [{ field: "body", message }]]);
});
