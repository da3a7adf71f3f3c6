import { describe, expect, test } from "vitest";
import { decimal, sum } from "./decimal.ts";

describe("decimal", () => {
  test("takes a number at the digits that JSON printed", () => {
    expect(decimal(0.1).plus(decimal(0.2)).toString()).toBe("0.3");
  });

  test("sums ten million cents without drift", () => {
    expect(decimal("0.01").times(decimal(10_000_000)).toString()).toBe("100000");
    expect(sum(Array.from({ length: 1000 }, () => decimal(0.001))).toString()).toBe("1");
  });

  test.each(["", ".", "-", "1,5", "NaN", "Infinity", "0x10", "1e99999", "1 2", "--1"])(
    "refuses %j",
    (text) => {
      expect(() => decimal(text)).toThrow(RangeError);
    },
  );

  test("refuses to divide by zero", () => {
    expect(() => decimal(1).div(decimal("0.00"))).toThrow(RangeError);
  });

  test.each([
    ["1e3", "1000"],
    ["-.5", "-0.5"],
    ["1.500", "1.5"],
    ["-0", "0"],
    ["1e-7", "0.0000001"],
  ])("reads %s as %s", (text, expected) => {
    expect(decimal(text).toString()).toBe(expected);
  });
});
