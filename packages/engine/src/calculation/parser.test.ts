import { describe, expect, test } from "vitest";
import { parse } from "./parser.ts";

/** `offset code: sentence`, or `ok`. */
const problemOf = (text: string): string => {
  const parsing = parse(text);
  if (parsing.ok) return "ok";
  const { code, message, position } = parsing.error;
  return `${position.offset} ${code}: ${message}`;
};

describe("what is not in the language", () => {
  test.each([
    ["", "0 EMPTY: a calculation cannot be empty"],
    [" \n ", "0 EMPTY: a calculation cannot be empty"],
    ["a = 1", "2 UNEXPECTED_CHARACTER: = has no meaning here; compare with =="],
    ["a && b", "2 UNEXPECTED_CHARACTER: & has no meaning here; write AND"],
    ["!a", "0 UNEXPECTED_CHARACTER: ! has no meaning here; there is no !; compare with == false"],
    ["'a'", "0 UNEXPECTED_CHARACTER: ' has no meaning here; strings stand in double quotes"],
    ["1 # 2", "2 UNEXPECTED_CHARACTER: # has no meaning here"],
    ["1 💥 2", "2 UNEXPECTED_CHARACTER: 💥 has no meaning here"],
    ['a + "b', "4 UNTERMINATED_STRING: this string has no closing quote"],
    [
      String.raw`"a\nb"`,
      String.raw`2 UNEXPECTED_CHARACTER: \n has no meaning in a string; a backslash is \\`,
    ],
    ["1 +", "3 UNEXPECTED_TOKEN: the calculation ends where a value should be"],
    ["1 2", "2 UNEXPECTED_TOKEN: 2 stands where an operator should be"],
    ["(1", "2 UNEXPECTED_TOKEN: the calculation ends where ) should be"],
    ["1)", "1 UNEXPECTED_TOKEN: ) stands where an operator should be"],
    ["a and b", "2 UNEXPECTED_TOKEN: and stands where an operator should be; AND is upper case"],
    ["AND b", "0 UNEXPECTED_TOKEN: AND stands where a value should be"],
    [
      "a ? 1",
      "5 UNEXPECTED_TOKEN: the calculation ends where : and what to take otherwise should be",
    ],
    ["Math.max(1, 2", "13 UNEXPECTED_TOKEN: the calculation ends where , or ) should be"],
    ["2x", "1 BAD_NUMBER: 2 runs into x"],
    ["1e1000", "0 BAD_NUMBER: a number has at most 100 digits and is below 10^1000"],
    ["1e99999999999", "0 BAD_NUMBER: a number has at most 100 digits and is below 10^1000"],
    ["Math.sqrt(2)", "0 UNKNOWN_FUNCTION: there is no function Math.sqrt"],
    ["constructor(2)", "0 UNKNOWN_FUNCTION: there is no function constructor"],
    [
      "DateTime.now()",
      "0 UNKNOWN_FUNCTION: a calculation must give the same answer at any time; use ts or receivedAt",
    ],
    ["1 + Math.pow(2)", "4 WRONG_ARGUMENT_COUNT: Math.pow takes 2 parameters, not 1"],
    ["Math.max(1)", "0 WRONG_ARGUMENT_COUNT: Math.max takes 2 or more parameters, not 1"],
    ["Math.floor()", "0 WRONG_ARGUMENT_COUNT: Math.floor takes 1 to 2 parameters, not 0"],
    ["Math.abs(1, 2)", "0 WRONG_ARGUMENT_COUNT: Math.abs takes 1 parameter, not 2"],
    [
      'Lookup.findNumber("t", "f", 1)',
      "0 WRONG_ARGUMENT_COUNT: Lookup.findNumber takes 4 to 8 parameters, not 3",
    ],
    ['Lookup.exists("t", "a b")', '19 UNKNOWN_NAME: "a b" is not the name of a field'],
    ["customer.tier", "0 UNKNOWN_NAME: customer.tier is not a name that a calculation can use"],
    [
      "account.customFields",
      "0 UNKNOWN_NAME: account.customFields names no custom field; write account.customFields.<name>",
    ],
    [
      "aggregation.a.b",
      "0 UNKNOWN_NAME: aggregation.a.b is not a name that a calculation can use; write aggregation.<code>",
    ],
    [
      "a. b",
      "1 UNEXPECTED_CHARACTER: . has no meaning here; a dot stands only inside a name or a number, without spaces",
    ],
  ])("%s", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test("a position counts lines and columns from one", () => {
    const parsing = parse("a +\r\n  b +\n   )");
    expect(parsing.ok ? undefined : parsing.error.position).toEqual({
      offset: 14,
      line: 3,
      column: 4,
    });
  });
});

describe("bounds", () => {
  test.each([
    ["5,000 characters", "1".padEnd(5000), "ok"],
    ["5,001 characters", "1".padEnd(5001), "0 TOO_LONG: a calculation has at most 5000 characters"],
    ["499 parentheses", `${"(".repeat(499)}1${")".repeat(499)}`, "ok"],
    ["500 operators", `1${"+1".repeat(499)}`, "ok"],
    [
      "a chain of 501",
      `1${"+1".repeat(500)}`,
      "0 TOO_DEEP: a calculation nests at most 500 levels deep",
    ],
    [
      "2,500 parentheses",
      "(".repeat(2500),
      "500 TOO_DEEP: a calculation nests at most 500 levels deep",
    ],
    ["5,000 signs", "-".repeat(5000), "500 TOO_DEEP: a calculation nests at most 500 levels deep"],
    [
      "2,499 powers",
      `2${"^2".repeat(2499)}`,
      "1000 TOO_DEEP: a calculation nests at most 500 levels deep",
    ],
    ["100 digits", "1".repeat(100), "ok"],
    [
      "101 digits",
      "1".repeat(101),
      "0 BAD_NUMBER: a number has at most 100 digits and is below 10^1000",
    ],
    [
      "4,999 zeros",
      "0".repeat(4999),
      "0 BAD_NUMBER: a number has at most 100 digits and is below 10^1000",
    ],
  ])("%s", (_name, text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });
});
