import { expect, test } from "vitest";
import { type DerivedField, topologicalOrder } from "./derived-field-order.ts";
import { parse } from "./parser.ts";

const fieldsOf = (texts: Record<string, string>): DerivedField[] =>
  Object.entries(texts).map(([code, text]) => {
    const parsing = parse(text);
    if (!parsing.ok) throw new Error(parsing.error.message);
    return { code, calculation: parsing.calculation };
  });

const orderOf = (texts: Record<string, string>): unknown => {
  const order = topologicalOrder(fieldsOf(texts));
  return order.ok ? order.fields.map(({ code }) => code) : order;
};

test("fields that name no other stay as listed", () => {
  expect(orderOf({ b: "x * 2", a: "x", c: "account.a" })).toEqual(["b", "a", "c"]);
});

test("a field comes after those that it names, in lookup keys too", () => {
  expect(
    orderOf({
      total: "net + tax",
      tax: "net * rate",
      rate: 'Lookup.findNumber("t","r",1,"zone")',
      zone: 'country + ""',
      net: "x",
    }),
  ).toEqual(["zone", "rate", "net", "tax", "total"]);
});

test("a circle is named, and where it starts", () => {
  expect(orderOf({ z: "a", a: "1 + b", b: "c", c: "isnull(x, a)" })).toEqual({
    ok: false,
    error: {
      code: "CYCLE",
      message: "derived fields name each other in a circle: a → b → c → a",
      position: { offset: 4, line: 1, column: 5 },
    },
    circle: ["a", "b", "c", "a"],
  });
});

test("a field that names itself is a circle", () => {
  expect(orderOf({ a: "a + 1" })).toMatchObject({ circle: ["a", "a"] });
});
