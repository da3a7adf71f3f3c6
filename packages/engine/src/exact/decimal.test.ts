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
});
