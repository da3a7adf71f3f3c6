import { expect, test } from "vitest";
import { rowOfGroup } from "./usage-rows.ts";

const names = { meters: new Map(), accounts: new Map() };
const sum = { meterId: "m", fieldCode: "calls", method: "SUM" } as const;

test("a group has the keys that were asked for, also of dimensions that are called like others", () => {
  const dimensions = { accountId: "a-17", time: "noon" };
  const row = rowOfGroup({ dimensions, values: ["1.50"] }, [sum], names);
  expect(JSON.stringify(row)).toBe('{"accountId":"a-17","time":"noon","m.calls.SUM":1.50}');
});

test("a group of neither account nor time has no columns for them", () => {
  const row = rowOfGroup({ dimensions: {}, values: [null] }, [sum], names);
  expect(Object.keys(row)).toEqual(["m.calls.SUM"]);
});
