import { anything, assert, bigInt, dictionary, oneof, property, string } from "fast-check";
import { expect, test } from "vitest";
import { canonicalPrinter, canonicalText, jsonText } from "./json-text.ts";

const seed = process.env["TURNPIKE_SEED"];
const settings = {
  numRuns: Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 1000),
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

/** Data as requests and rows hold it, with the strings that are hard to quote. */
const data = anything({
  key: string({ unit: "binary" }),
  values: [bigInt(), string({ unit: "binary" }), string()],
  withBigInt: true,
  withNullPrototype: false,
});

const withReplacer = (value: unknown): string | undefined =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "bigint" ? inner.toString() : inner,
  );

test("says what JSON.stringify says", () => {
  assert(
    property(data, (value) => {
      expect(jsonText(value)).toBe(withReplacer(value) ?? "null");
    }),
    settings,
  );
});

test("is canonical: the order of the keys makes no difference, the content does", () => {
  assert(
    property(dictionary(string(), oneof(data, dictionary(string(), data))), (value) => {
      const turned = Object.fromEntries(Object.entries(value).reverse());
      expect(canonicalText(turned)).toBe(canonicalText(value));
      expect(JSON.parse(canonicalText(value))).toEqual(JSON.parse(jsonText(value)));
    }),
    settings,
  );
});

test("prints known fields as it prints any", () => {
  assert(
    property(dictionary(string({ unit: "binary" }), data), (value) => {
      const names = ["not there", ...Object.keys(value).reverse()];
      expect(canonicalPrinter(names)(value)).toBe(canonicalText(value));
    }),
    settings,
  );
});
