import { describe, expect, test } from "vitest";
import { Decimal } from "../exact/decimal.ts";
import { environmentOf, type Lookup } from "./environment.ts";
import { evaluate } from "./evaluator.ts";
import { parse } from "./parser.ts";
import type { Input } from "./value.ts";

const rates: Lookup = (table, keys) => {
  if (table !== "discount_vol_rates") return "NO_TABLE";
  const row = keys.join("/") === "UK" || keys.join("/") === "acme/5" ? { rate: 0.8 } : undefined;
  return row === undefined
    ? "NO_ROW"
    : new Map<string, Input>([
        ["rate", row.rate],
        ["label", "loyal"],
        ["note", null],
      ]);
};

/** The value as text, strings in quotes; or the code of the error. */
const outcomeOf = (text: string, values: Record<string, Input> = {}): string => {
  const parsing = parse(text);
  if (!parsing.ok) return parsing.error.code;
  const environment = environmentOf(new Map(Object.entries(values)), rates);
  const evaluation = evaluate(parsing.calculation, environment);
  if (!evaluation.ok) return evaluation.error.code;
  const { value } = evaluation;
  if (typeof value === "string") return `"${value}"`;
  return value instanceof Decimal ? value.toString() : String(value);
};

type Case = readonly [text: string, values: Record<string, Input>, outcome: string];

const table = (cases: readonly Case[]): void => {
  test.each(cases)("%s with %o is %s", (text, values, outcome) => {
    expect(outcomeOf(text, values)).toBe(outcome);
  });
};

describe("the examples of the semantics page", () => {
  table([
    // 5.1
    ["Math.round(2.5)", {}, "3"],
    ["Math.abs(-2)", {}, "2"],
    ['IN("completed","succeeded") ? "true" : "false"', {}, '"true"'],
    ["DateTime.TS_FMT", {}, "\"yyyy-MM-dd'T'HH:mm:ss.SSSX\""],
    // 5.2
    ["myDataField", { myDataField: 7 }, "7"],
    ["Math.round(123.456, 2)", {}, "123.46"],
    ["Math.floor(1789, -2)", {}, "1700"],
    ["Math.ceil(1.001, 2)", {}, "1.01"],
    // 10 GiB at the UK's rate of 0.8; an unknown country falls back to 1
    [
      'gib * Lookup.findNumber("discount_vol_rates","rate",1,"country")',
      { gib: 10, country: "UK" },
      "8",
    ],
    [
      'gib * Lookup.findNumber("discount_vol_rates","rate",1,"country")',
      { gib: 10, country: "FR" },
      "10",
    ],
    // 7: 1,250 requests less 100 for each of 5 apps
    [
      "Math.max(aggregation.requests - 100 * aggregation.max_apps, 0)",
      { "aggregation.requests": 1250, "aggregation.max_apps": 5 },
      "750",
    ],
    [
      "Math.max(aggregation.requests - 100 * aggregation.max_apps, 0)",
      { "aggregation.requests": 250, "aggregation.max_apps": 3 },
      "0",
    ],
    // 7, the trap: only the last term is divided. 60 + 60 + 60/60
    [
      "aggregation.watch_seconds+aggregation.test_seconds+aggregation.live_seconds/60",
      {
        "aggregation.watch_seconds": 60,
        "aggregation.test_seconds": 60,
        "aggregation.live_seconds": 60,
      },
      "121",
    ],
  ]);

  const rule =
    "(new.amountSpent >= ((new.amount*90)/100)) AND ((old.amountSpent <= ((old.amount*90)/100)) OR (old.amountSpent == null))";
  table([
    // 22: fires when 90 % of 1,000 is reached, once
    [
      rule,
      { "new.amountSpent": 900, "new.amount": 1000, "old.amountSpent": 899, "old.amount": 1000 },
      "true",
    ],
    [
      rule,
      { "new.amountSpent": 900, "new.amount": 1000, "old.amountSpent": null, "old.amount": 1000 },
      "true",
    ],
    [
      rule,
      { "new.amountSpent": 950, "new.amount": 1000, "old.amountSpent": 901, "old.amount": 1000 },
      "false",
    ],
    [
      rule,
      { "new.amountSpent": 899, "new.amount": 1000, "old.amountSpent": 0, "old.amount": 1000 },
      "false",
    ],
  ]);
});

describe("precedence", () => {
  table([
    ["2 + 3 * 4", {}, "14"],
    ["(2 + 3) * 4", {}, "20"],
    ["20 / 2 * 5", {}, "50"],
    ["10 - 4 - 3", {}, "3"],
    ["2 ^ 3 ^ 2", {}, "512"],
    ["2 * 3 ^ 2", {}, "18"],
    ["-2 ^ 2", {}, "4"],
    ["2 ^ -2", {}, "0.25"],
    ["- - 3", {}, "3"],
    ["1 + 1 == 2", {}, "true"],
    ["1 < 2 == true", {}, "true"],
    ["true OR true AND false", {}, "true"],
    ["false ? 1 : false ? 2 : 3", {}, "3"],
    ["1 > 2 OR 2 > 1 ? 1 + 1 : 0", {}, "2"],
  ]);
});

describe("numbers", () => {
  table([
    ["0.1 + 0.2", {}, "0.3"],
    ["a * 3", { a: 0.1 }, "0.3"],
    ["1e3 + .5", {}, "1000.5"],
    ["9007199254740993 + 2", {}, "9007199254740995"],
    ["1 / 8", {}, "0.125"],
    ["Math.round(1 / 3, 34) * 3", {}, `0.${"9".repeat(34)}`],
    ["-7 % 3", {}, "-1"],
    ["7 % -3", {}, "1"],
    ["7.5 % 0.2", {}, "0.1"],
    ["1 / 0", {}, "DIVISION_BY_ZERO"],
    ["1 % 0", {}, "DIVISION_BY_ZERO"],
    ["Math.PI", {}, "3.141592653589793238462643383279503"],
    ["Math.max(1, 3, 2)", {}, "3"],
    ["Math.min(1, -3, 2)", {}, "-3"],
    ["Math.pow(2, 10)", {}, "1024"],
    ["Math.floor(-1.5)", {}, "-2"],
    ["Math.ceil(-1.5)", {}, "-1"],
    ["Math.round(-2.5)", {}, "-3"],
    ["Math.round(2.45, 1)", {}, "2.5"],
    ["Math.round(1250, -2)", {}, "1300"],
    ["Math.ceil(1, -3)", {}, "1000"],
    ["Math.round(2.5, 0.5)", {}, "BAD_ARGUMENT"],
    ["a", { a: Number.NaN }, "OUT_OF_RANGE"],
    ["a", { a: 1e308 }, `1${"0".repeat(308)}`],
    ["-a", { a: -0 }, "0"],
  ]);
});

describe("null", () => {
  table([
    ["a + 1", { a: null }, "NULL_OPERAND"],
    ["a + 1", {}, "NULL_OPERAND"],
    ['a + "x"', { a: null }, "NULL_OPERAND"],
    ["-a", { a: null }, "NULL_OPERAND"],
    ["Math.abs(a)", { a: null }, "NULL_OPERAND"],
    ["isnull(a, 2) * 3", { a: null }, "6"],
    ["isnull(a, 2) * 3", { a: 5 }, "15"],
    ["isnull(a * 3, 2)", { a: null }, "2"],
    ["isnull(a / 0, 2)", { a: 1 }, "DIVISION_BY_ZERO"],
    ["isnull(1, a / 0)", { a: 1 }, "1"],
    ["isnull(a, a + 1)", { a: null }, "NULL_OPERAND"],
    ["a == null", { a: null }, "true"],
    ["a != null", { a: 0 }, "true"],
    ["a <= 1", { a: null }, "false"],
    ["a > 1", { a: null }, "false"],
    ["a ? 1 : 2", { a: null }, "2"],
    ["true AND a", { a: null }, "false"],
    ["Number(a)", { a: null }, "null"],
    ['isnull(String(a), "none")', { a: null }, '"none"'],
    ["null", {}, "null"],
  ]);
});

describe("strings, conditions and types", () => {
  table([
    ['"a" + "b"', {}, '"ab"'],
    ['region + "-" + 1.50', { region: "eu" }, '"eu-1.5"'],
    ['1 + 2 + "x"', {}, '"3x"'],
    ['"x" + 1 + 2', {}, '"x12"'],
    ['"is " + true', {}, '"is true"'],
    [String.raw`"a \"quoted\" \\ word"`, {}, String.raw`"a "quoted" \ word"`],
    ['"a" < "b"', {}, "true"],
    ['"a" == "A"', {}, "false"],
    ['1 == "1"', {}, "false"],
    ["1.0 == 1", {}, "true"],
    ["true != false", {}, "true"],
    ['"a" < 1', {}, "WRONG_TYPE"],
    ["true < false", {}, "WRONG_TYPE"],
    ['"a" - 1', {}, "WRONG_TYPE"],
    ["1 + true", {}, "WRONG_TYPE"],
    ["1 AND true", {}, "WRONG_TYPE"],
    ['"true" ? 1 : 2', {}, "WRONG_TYPE"],
    ["false AND 1 / 0 > 1", {}, "false"],
    ["true OR 1 / 0 > 1", {}, "true"],
    ["true AND 1 / 0 > 1", {}, "DIVISION_BY_ZERO"],
    ["true ? 1 : 1 / 0", {}, "1"],
  ]);
});

describe("IN", () => {
  table([
    ['IN(status, "completed", "succeeded")', { status: "succeeded" }, "true"],
    ['IN(status, "completed", "succeeded")', { status: "failed" }, "false"],
    ['IN(status, "completed")', { status: null }, "false"],
    ["IN(n, 1, 2.0, 3)", { n: 2 }, "true"],
    ['IN(String(n), "1", "2")', { n: 2 }, "true"],
    ['IN("eu", home, work)', { home: "us", work: "eu" }, "true"],
    ['IN("", 0, null, false)', {}, "false"],
    ['IN(status == "a", n > 1)', { status: "b", n: 2 }, "true"],
    ['IN(status == "a", n > 1)', { status: "b", n: 1 }, "false"],
    ["IN(flag)", { flag: true }, "true"],
    ["IN(true, 1 / 0 > 1)", {}, "true"],
  ]);
});

describe("casts", () => {
  table([
    ['Number("1.50") + 1', {}, "2.5"],
    ['Number("1e2")', {}, "100"],
    ["Number(true)", {}, "1"],
    ['Number("0x10")', {}, "BAD_ARGUMENT"],
    ['Number("")', {}, "BAD_ARGUMENT"],
    ['Number("Infinity")', {}, "BAD_ARGUMENT"],
    ["String(1.50)", {}, '"1.5"'],
    ["String(false)", {}, '"false"'],
    ['Boolean("true")', {}, "true"],
    ["Boolean(0)", {}, "false"],
    ['Boolean("yes")', {}, "BAD_ARGUMENT"],
  ]);
});

describe("names", () => {
  table([
    ["$a_1 + _b", { $a_1: 1, _b: 2 }, "3"],
    ["größe", { größe: 4 }, "4"],
    ["account.tier", { "account.tier": "gold" }, '"gold"'],
    ["account.customFields.tier", { "account.tier": "gold" }, '"gold"'],
    ["planTemplate.customFields.rate", { "planTemplate.rate": 2 }, "2"],
    ["new.customFields.tier", { "new.customFields.tier": "gold" }, '"gold"'],
    // an hour in milliseconds
    [
      "(timestamp.ets - timestamp.ts) / 3600000",
      { "timestamp.ts": 0, "timestamp.ets": 5_400_000 },
      "1.5",
    ],
    ["ets - ts", { "timestamp.ts": 5, "timestamp.ets": 8 }, "3"],
    ["receivedAt", { "timestamp.receivedAt": 9 }, "9"],
    ["account", { account: "acme" }, '"acme"'],
    // the meter's own field of that code wins, even when it is empty
    ["ts", { ts: 1, "timestamp.ts": 5 }, "1"],
    ["ts", { ts: null, "timestamp.ts": 5 }, "null"],
    ["new + IN + Math", { new: 1, IN: 2, Math: 3 }, "6"],
    ["constructor", {}, "null"],
  ]);
});

describe("lookups", () => {
  table([
    [
      'Lookup.findString("discount_vol_rates","label","none","country")',
      { country: "UK" },
      '"loyal"',
    ],
    ['Lookup.findString("discount_vol_rates","label","none","country")', {}, '"none"'],
    [
      'Lookup.findNumber("discount_vol_rates","rate",1,"account","tier")',
      { account: "acme", tier: 5 },
      "0.8",
    ],
    [
      'Lookup.findNumber("discount_vol_rates","rate",1,"account.region")',
      { "account.region": "UK" },
      "0.8",
    ],
    ['Lookup.findNumber("discount_vol_rates","rate",1,"U" + "K")', {}, "0.8"],
    ['Lookup.findNumber("discount_vol_rates","rate",1,country)', { country: "UK" }, "0.8"],
    ['Lookup.exists("discount_vol_rates","country")', { country: "UK" }, "true"],
    ['Lookup.exists("discount_vol_rates","country")', { country: "FR" }, "false"],
    ['Lookup.exists("discount_vol_rates","country")', { country: null }, "false"],
    [
      'Lookup.findString("discount_vol_rates","note","none","country")',
      { country: "UK" },
      '"none"',
    ],
    ['Lookup.findNumber("discount_vol_rates","rate",1 / 0,"country")', { country: "UK" }, "0.8"],
    [
      'Lookup.findNumber("discount_vol_rates","label",1,"country")',
      { country: "UK" },
      "WRONG_TYPE",
    ],
    [
      'Lookup.findNumber("discount_vol_rates","rate","x","country")',
      { country: "FR" },
      "WRONG_TYPE",
    ],
    [
      'Lookup.findNumber("discount_vol_rates","price",1,"country")',
      { country: "UK" },
      "UNKNOWN_NAME",
    ],
    ['Lookup.findNumber("other","rate",1,"country")', { country: "UK" }, "UNKNOWN_TABLE"],
  ]);
});

describe("an error", () => {
  const errorOf = (text: string, values: Record<string, Input>): unknown => {
    const parsing = parse(text);
    if (!parsing.ok) return parsing;
    return evaluate(parsing.calculation, environmentOf(new Map(Object.entries(values))));
  };

  test("points at the operand that is null and names it", () => {
    expect(errorOf("1 +\n  bytes * 2", { bytes: null })).toEqual({
      ok: false,
      error: {
        code: "NULL_OPERAND",
        message: "bytes is null where a number is needed; isnull(…, …) gives a value instead",
        position: { offset: 6, line: 2, column: 3 },
      },
    });
  });

  test("points at the division and quotes it", () => {
    expect(errorOf("100 * (a / b)", { a: 1, b: 0 })).toEqual({
      ok: false,
      error: {
        code: "DIVISION_BY_ZERO",
        message: "(a / b) divides by zero",
        position: { offset: 6, line: 1, column: 7 },
      },
    });
  });
});
