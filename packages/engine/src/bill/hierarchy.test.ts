import { describe, expect, test } from "vitest";
import { parentBillDate, poolOf } from "./hierarchy.ts";
import { at, on } from "./sample-facts.ts";

describe("the pool of a parent's plan, judged per product and per instant ([R], 14.2)", () => {
  const parent = { active: { start: at("2024-01-01") }, productIds: ["storage"] };
  const child = (productId: string, start: string, end?: string) => ({
    account: { id: "child", code: "child" },
    plans: [{ productId, active: { start: at(start), end: end === undefined ? end : at(end) } }],
  });
  const shown = (given: ReturnType<typeof child>) =>
    poolOf(parent, [given]).flatMap(({ periods }) =>
      periods.map(
        ({ start, end }) =>
          `${start.toString().slice(0, 10)} ${end?.toString().slice(0, 10) ?? "open"}`,
      ),
    );

  test.each([
    ["a plan for another product keeps it in", child("login", "2024-01-01"), ["2024-01-01 open"]],
    [
      "a plan from June takes it out then",
      child("storage", "2024-06-10"),
      ["2024-01-01 2024-06-10"],
    ],
    [
      "a plan for June takes it out for June",
      child("storage", "2024-06-01", "2024-07-01"),
      ["2024-01-01 2024-06-01", "2024-07-01 open"],
    ],
    ["a plan all along keeps it out", child("storage", "2023-01-01"), []],
  ])("%s", (_name, given, expected) => {
    expect(shown(given)).toEqual(expected);
  });
});

test("a child's weeks stand on the parent's monthly bill that contains their end", () => {
  const parent = { anchor: on("2022-01-01"), frequency: "MONTHLY", interval: 1 } as const;
  const billOf = (covering: string) => parentBillDate(parent, on(covering)).toString();
  expect(billOf("2024-06-17")).toBe("2024-07-01");
  expect(billOf("2024-07-01")).toBe("2024-07-01");
  expect(billOf("2024-07-03")).toBe("2024-08-01");
});
