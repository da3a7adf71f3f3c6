import { describe, expect, test } from "vitest";
import { Decimal } from "../exact/decimal.ts";
import { environmentOf } from "./environment.ts";
import { evaluate } from "./evaluator.ts";
import { parse } from "./parser.ts";

const outcomeOf = (text: string): string => {
  const parsing = parse(text);
  if (!parsing.ok) return parsing.error.code;
  const evaluation = evaluate(parsing.calculation, environmentOf(new Map()));
  if (!evaluation.ok) return `${evaluation.error.code}: ${evaluation.error.message}`;
  return evaluation.value instanceof Decimal
    ? evaluation.value.toString()
    : String(evaluation.value);
};

// 2024-02-29T12:30:45.678Z is 1,709,209,845,678 ms: 19,782 days and 45,045.678 s.
describe("DateTime.format", () => {
  test.each([
    ["DateTime.format(1709209845678, DateTime.TS_FMT)", "2024-02-29T12:30:45.678Z"],
    ['DateTime.format(1709209845678, "yyyy-MM-dd")', "2024-02-29"],
    ['DateTime.format(1709209845678, "d/M/yyyy H:m:s.S")', "29/2/2024 12:30:45.6"],
    ["DateTime.format(1709209845678, \"HH'h' 'o''clock'\")", "12h o'clock"],
    ['DateTime.format(1709209845678.9, "SSS SSSSSS XX")', "678 678000 Z"],
    ['DateTime.format(0 - 1, "yyyy-MM-dd HH:mm:ss.SSS")', "1969-12-31 23:59:59.999"],
    ['DateTime.format(0 - 62167219200000, "yyyy-MM-dd")', "0000-01-01"],
    [
      'DateTime.format(253402300800000, "yyyy")',
      "BAD_ARGUMENT: a date in epoch milliseconds lies in the years 0 to 9999",
    ],
    [
      'DateTime.format(1e999, "yyyy")',
      "BAD_ARGUMENT: a date in epoch milliseconds lies in the years 0 to 9999",
    ],
    [
      'DateTime.format(0, "EEE")',
      "BAD_ARGUMENT: EEE is no part of a date pattern; those are yyyy M MM d dd H HH m mm s ss S X",
    ],
    [
      'DateTime.format(0, "MMM")',
      "BAD_ARGUMENT: MMM is no part of a date pattern; those are yyyy M MM d dd H HH m mm s ss S X",
    ],
    ['DateTime.format(0, "yyyy\'T")', "BAD_ARGUMENT: the date pattern has an open quote"],
    [
      `DateTime.format(0, "${"-".repeat(101)}")`,
      "BAD_ARGUMENT: a date pattern has at most 100 characters",
    ],
    [
      'DateTime.format("0", "yyyy")',
      'WRONG_TYPE: "0" is a string where a number is needed; use Number(…)',
    ],
  ])("%s", (text, outcome) => {
    expect(outcomeOf(text)).toBe(outcome);
  });
});

describe("DateTime.parse", () => {
  test.each([
    ['DateTime.parse("2024-02-29T12:30:45.678Z")', "1709209845678"],
    ['DateTime.parse("2024-02-29T12:30:45.678Z", DateTime.TS_FMT)', "1709209845678"],
    ['DateTime.parse("2024-02-29T14:30:45.678+02:00")', "1709209845678"],
    ['DateTime.parse("2024-02-29T07:00:45.678-0530")', "1709209845678"],
    ['DateTime.parse("2024-02-29T12:30:45Z")', "1709209845000"],
    ['DateTime.parse("2024-02-29T12:30:45.678901Z")', "1709209845678.901"],
    ['DateTime.parse("2024-02-29")', "1709164800000"],
    ['DateTime.parse("29/2/2024", "d/M/yyyy")', "1709164800000"],
    ['DateTime.parse("12:30", "HH:mm")', "45000000"],
    ['DateTime.parse("20240229", "yyyyMMdd")', "1709164800000"],
  ])("%s", (text, outcome) => {
    expect(outcomeOf(text)).toBe(outcome);
  });

  test.each([
    ["2023-02-29", "yyyy-MM-dd"],
    ["2024-13-01", "yyyy-MM-dd"],
    ["2024-00-01", "yyyy-MM-dd"],
    ["2024-01-00", "yyyy-MM-dd"],
    ["2024-1-01", "yyyy-MM-dd"],
    ["2024-01-01x", "yyyy-MM-dd"],
    ["24:00", "HH:mm"],
    ["12:60", "HH:mm"],
    ["12+19:00", "HHX"],
    ["", "yyyy"],
  ])("%s is no date of the form %s", (text, pattern) => {
    expect(outcomeOf(`DateTime.parse("${text}", "${pattern}")`)).toBe(
      `BAD_ARGUMENT: the text is no date of the form ${pattern}`,
    );
  });
});
