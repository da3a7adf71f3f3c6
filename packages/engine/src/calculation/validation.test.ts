import { describe, expect, test } from "vitest";
import { identifiers } from "./identifiers.ts";
import { parse } from "./parser.ts";
import type { Calculation } from "./syntax.ts";
import { type Scope, validate } from "./validation.ts";

const calculationOf = (text: string): Calculation => {
  const parsing = parse(text);
  if (!parsing.ok) throw new Error(parsing.error.message);
  return parsing.calculation;
};

const problemsOf = (text: string, scope: Scope): string[] =>
  validate(calculationOf(text), scope).map(
    ({ code, message, position }) => `${position.offset} ${code}: ${message}`,
  );

const measured: Scope = {
  fields: new Set(["gib", "country", "ets"]),
  hasMeasurement: true,
  customFields: new Map([["account", new Set(["tier"])]]),
  lookupTables: new Map([
    [
      "rates",
      {
        fields: new Map([
          ["rate", "NUMBER"],
          ["label", "STRING"],
        ]),
        keys: ["country"],
      },
    ],
  ]),
};

describe("a derived field", () => {
  test.each([
    ["gib * 2 + ts + ets + timestamp.receivedAt", []],
    ['account + account.customFields.tier + "x"', []],
    ['Lookup.findNumber("rates", "rate", 1, "country")', []],
    ['Lookup.exists("rates", "country") AND Lookup.exists("rates", country + "")', []],
    ["gib + gb", ["6 UNKNOWN_NAME: there is no field gb here"]],
    [
      "b + gib + a",
      ["0 UNKNOWN_NAME: there is no field b here", "10 UNKNOWN_NAME: there is no field a here"],
    ],
    [
      "plan.rate * account.level",
      [
        "0 UNKNOWN_NAME: there is no custom field rate of plan here",
        "12 UNKNOWN_NAME: there is no custom field level of account here",
      ],
    ],
    ["aggregation.requests", ["0 UNKNOWN_NAME: there is no aggregation with the code requests"]],
    ["new.amount", ["0 UNKNOWN_NAME: the event has no field new.amount"]],
    [
      'Lookup.findNumber("rate", "rate", 1, "land")',
      [
        "18 UNKNOWN_TABLE: there is no lookup table with the code rate",
        "37 UNKNOWN_NAME: there is no field land here",
      ],
    ],
    [
      'Lookup.findNumber("rates", "price", 1, "country", "gib")',
      [
        "0 WRONG_ARGUMENT_COUNT: the lookup table rates has 1 key fields: country",
        "27 UNKNOWN_NAME: the lookup table rates has no field price",
      ],
    ],
    [
      'Lookup.findNumber("rates", "label", 1, "country")',
      ["27 WRONG_TYPE: the field label of the lookup table rates is a STRING, not a NUMBER"],
    ],
  ])("%s", (text, problems) => {
    expect(problemsOf(text, measured)).toEqual(problems);
  });
});

describe("other places", () => {
  test("a compound aggregation has no measurement", () => {
    expect(problemsOf("aggregation.a + ts", { aggregations: new Set(["a"]) })).toEqual([
      "16 UNKNOWN_NAME: there is no field ts here",
    ]);
    expect(problemsOf("timestamp.ts", {})).toEqual([
      "0 UNKNOWN_NAME: there is no measurement here to take timestamp.ts from",
    ]);
  });

  test("an event field is known with all that lies beneath it", () => {
    const eventFields = new Set(["new.amount", "new.customFields"]);
    expect(problemsOf("new.amount > new.customFields.limit", { eventFields })).toEqual([]);
    expect(problemsOf("new.amountSpent > old.amount", { eventFields })).toEqual([
      "0 UNKNOWN_NAME: the event has no field new.amountSpent",
      "18 UNKNOWN_NAME: the event has no field old.amount",
    ]);
  });
});

describe("identifiers", () => {
  test("come in the order of the text, each with its kind and place", () => {
    const text =
      'a + Lookup.findNumber("rates", "rate", account.tier, "b")\n* aggregation.c + new.d.e';
    const { names, lookups } = identifiers(calculationOf(text));
    expect(
      names.map(({ reference, position }) => [reference.kind, reference.name, position.offset]),
    ).toEqual([
      ["field", "a", 0],
      ["customField", "account.tier", 39],
      ["field", "b", 53],
      ["aggregation", "aggregation.c", 60],
      ["event", "new.d.e", 76],
    ]);
    expect(lookups).toEqual([{ table: "rates", position: { offset: 4, line: 1, column: 5 } }]);
  });

  test("a table whose code is computed has no name yet", () => {
    expect(identifiers(calculationOf('Lookup.exists("a" + b, "c")')).lookups).toEqual([
      { table: undefined, position: { offset: 0, line: 1, column: 1 } },
    ]);
  });
});
