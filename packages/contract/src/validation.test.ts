import { expect, test } from "vitest";
import { z } from "zod";
import { Problem } from "./problem.ts";
import { validate } from "./validation.ts";

const refusal = (input: unknown) => {
  try {
    validate(z.object({ list: z.array(z.object({ id: z.string() })) }), input);
  } catch (error) {
    if (error instanceof Problem) return error.fields;
    throw error;
  }
  return [];
};

test("of very many mistakes the first hundred are named, and the others counted", () => {
  const list = Array.from({ length: 103 }, () => ({}));
  const named = (length: number) =>
    Array.from({ length }, (_, index) => ({ field: `list[${index}].id`, message: "is required" }));
  expect(refusal({ list: list.slice(0, 100) })).toEqual(named(100));
  const others = { field: "body", message: "has 3 more mistakes" };
  expect(refusal({ list })).toEqual([...named(100), others]);
});
