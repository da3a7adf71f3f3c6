import { describe, expect, test } from "vitest";
import { Decimal } from "../exact/decimal.ts";
import { compileCompoundAggregation } from "./compound-aggregation.ts";
import { environmentOf } from "./environment.ts";
import type { CompiledCalculation } from "./evaluator.ts";
import { parse } from "./parser.ts";
import { compileCondition, compileNumber, compileText } from "./results.ts";
import type { Calculation } from "./syntax.ts";
import type { Input, Value } from "./value.ts";

const calculationOf = (text: string): Calculation => {
  const parsing = parse(text);
  if (!parsing.ok) throw new Error(parsing.error.message);
  return parsing.calculation;
};

const outcomeOf = (run: CompiledCalculation, values: Record<string, Input> = {}): unknown => {
  const evaluation = run(environmentOf(new Map(Object.entries(values))));
  if (!evaluation.ok) return `${evaluation.error.code}: ${evaluation.error.message}`;
  const value: Value = evaluation.value;
  return value instanceof Decimal ? value.toNumber() : value;
};

describe("a result that has to be of a type", () => {
  test.each([
    [compileNumber, "1 + 1", 2],
    [compileNumber, "null", null],
    [compileNumber, '"2"', "WRONG_TYPE: the result is a string where a number is needed"],
    [compileNumber, "1 == 1", "WRONG_TYPE: the result is a boolean where a number is needed"],
    [compileNumber, "1 / 0", "DIVISION_BY_ZERO: 1 / 0 divides by zero"],
    [compileText, '"a" + 1', "a1"],
    [compileText, "1.50", "1.5"],
    [compileText, "1 < 2", "true"],
    [compileText, "null", null],
    [compileCondition, "1 < 2", true],
    [compileCondition, "null", false],
    [compileCondition, "1", "WRONG_TYPE: the result is a number where true or false is needed"],
  ] as const)("%o of %s", (compileTo, text, outcome) => {
    expect(outcomeOf(compileTo(calculationOf(text)))).toBe(outcome);
  });
});

describe("a compound aggregation", () => {
  const sum = calculationOf("isnull(aggregation.a, 0) + aggregation.b * organization.rate");
  const values = { "aggregation.b": 3, "organization.rate": 2 };

  test("is null when an aggregation that it refers to is null", () => {
    expect(outcomeOf(compileCompoundAggregation(sum, false), values)).toBe(null);
  });

  test("is evaluated with nulls when told so", () => {
    expect(outcomeOf(compileCompoundAggregation(sum, true), values)).toBe(6);
  });

  test("fails where it computes with a null that it was told to evaluate", () => {
    const missing = { "aggregation.a": 1, "organization.rate": 2 };
    expect(outcomeOf(compileCompoundAggregation(sum, true), missing)).toMatch(/^NULL_OPERAND/);
  });

  test("may refer to no aggregation at all", () => {
    const flat = calculationOf("account.seats * 2");
    expect(outcomeOf(compileCompoundAggregation(flat, false), { "account.seats": 4 })).toBe(8);
  });
});
