import type { LookupKeyValue } from "@turnpike/engine/calculation/environment.ts";
import { expect, test } from "vitest";
import type { DerivedMeterField } from "../ports/usage-directory.ts";
import { Derivation, type Surroundings } from "./derivation.ts";

const measurement = {
  uid: "a",
  meter: "m",
  account: "acme",
  tsMicros: Date.UTC(2024, 4, 1) * 1000,
  etsMicros: undefined,
  fields: { measure: { n: 6, fed: 9 }, what: { model: "small" } },
  fieldCount: 3,
  source: {},
} as const;

const around = {
  receivedAtMs: Date.UTC(2024, 4, 2),
  customFields: { "account.tier": 2, "organization.zone": "EU" },
  lookup: (table: string, [key]: readonly LookupKeyValue[]) => {
    if (table !== "rates") return "NO_TABLE";
    return key === "small" ? new Map([["rate", 0.5]]) : "NO_ROW";
  },
} satisfies Surroundings;

/** `code = calculation`, of numbers, or of text where the code begins with t. */
const derive = (...lines: readonly string[]): string[] => {
  const derivedFields = lines.map((line): DerivedMeterField => {
    const [code = "", calculation = ""] = line.split(/ = (.*)/);
    return { code, category: code.startsWith("t") ? "WHAT" : "MEASURE", calculation };
  });
  return new Derivation({ dataFields: [], derivedFields })
    .derive(measurement, around)
    .map(([code, derived]) =>
      "value" in derived ? `${code}: ${String(derived.value)}` : `${code} ! ${derived.problem}`,
    );
};

test("every field comes after those that it names, and the answer keeps the meter's order", () => {
  expect(derive("c = b + 1", "b = a * 2", "a = n / 4")).toEqual(["c: 4", "b: 3", "a: 1.5"]);
});

test("a result is of the type that its category asks for", () => {
  expect(derive("t = n * 2", 'tag = model + "/" + account', "x = model", "y = null")).toEqual([
    "t: 12",
    "tag: small/acme",
    expect.stringMatching(/^x ! .*string.*number/),
    "y: null",
  ]);
});

test("what every object inherits is no field", () => {
  const absent = ["x = isnull(absent, 1)", "y = isnull(account.absent, 1)"];
  const inherited = ["x = isnull(constructor, 1)", "y = isnull(account.constructor, 1)"];
  const prototype = ["x = isnull(__proto__, 1)", "y = isnull(account.__proto__, 1)"];
  expect(derive(...absent)).toEqual(["x: 1", "y: 1"]);
  expect(derive(...inherited)).toEqual(["x: 1", "y: 1"]);
  expect(derive(...prototype)).toEqual(["x: 1", "y: 1"]);
});

test("what goes wrong in one field is null in the next", () => {
  expect(derive("a = 1 / (n - 6)", "b = isnull(a, 5)", "c = a + 1", "d = n +")).toEqual([
    expect.stringMatching(/^a ! /),
    "b: 5",
    expect.stringMatching(/^c ! /),
    expect.stringMatching(/^d ! /),
  ]);
});

test("fields that name each other have no value, and the others theirs", () => {
  expect(derive("a = b + 1", "b = a + 1", "c = isnull(a, n)", "s = s")).toEqual([
    expect.stringMatching(/^a ! .*circle/),
    expect.stringMatching(/^b ! .*circle/),
    "c: 6",
    expect.stringMatching(/^s ! .*circle/),
  ]);
});

test("a value that was sent under the code of a derived field is not that field", () => {
  expect(derive("fed = n * 2", "b = fed + 1")).toEqual(["fed: 12", "b: 13"]);
});

test("custom fields and lookup tables are there, and one that is not is a problem", () => {
  expect(
    derive(
      "a = n * account.tier",
      "t = organization.customFields.zone",
      "b = n * account.discount",
      'c = n * Lookup.findNumber("rates", "rate", 1, "model")',
      'd = n * Lookup.findNumber("rates", "rate", 1, "account")',
      'e = n * Lookup.findNumber("fees", "rate", 1, "model")',
      'f = n * Lookup.findNumber("rates", "price", 1, "model")',
    ),
  ).toEqual([
    "a: 12",
    "t: EU",
    expect.stringMatching(/^b ! .*account\.discount/),
    "c: 3",
    "d: 6",
    expect.stringMatching(/^e ! .*no published lookup table/),
    expect.stringMatching(/^f ! .*no field/),
  ]);
});

test("a field depends on the receipt by itself or by what it names, unless a data field has that name", () => {
  const derivedFields = ["a = receivedAt - ts", "b = a + 1", "c = n + ts"].map((line) => {
    const [code = "", calculation = ""] = line.split(" = ");
    return { code, category: "MEASURE", calculation } as const;
  });
  const own = [{ code: "receivedAt", category: "MEASURE" } as const];
  expect(new Derivation({ dataFields: [], derivedFields }).byReceipt).toEqual(new Set(["a", "b"]));
  expect(new Derivation({ dataFields: own, derivedFields }).byReceipt).toEqual(new Set());
});
