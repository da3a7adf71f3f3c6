import { setImmediate as endOfTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { lookedUpTogether } from "./together.ts";

test("what is asked for in one turn is looked up at once, each key once, and later turns ask again", async () => {
  const asked: string[] = [];
  const find = lookedUpTogether(async (scope, keys) => {
    asked.push(`${scope}: ${keys.join()}`);
    return new Map(keys.filter((key) => key !== "none").map((key) => [key, `${scope} ${key}`]));
  });
  const found = await Promise.all([
    find("a", "1"),
    find("b", "1"),
    find("a", "2"),
    find("a", "1"),
    find("a", "none"),
  ]);
  expect(found).toEqual(["a 1", "b 1", "a 2", "a 1", undefined]);
  expect(await find("a", "1")).toBe("a 1");
  expect(asked).toEqual(["a: 1,2,none", "b: 1", "a: 1"]);
});

test("a failure is everybody's who asked, and nobody's who asks later", async () => {
  let isBroken = true;
  const find = lookedUpTogether(async (_scope, keys) => {
    if (isBroken) throw new Error("broken");
    return new Map(keys.map((key) => [key, key]));
  });
  const both = [find("a", "1"), find("a", "2")];
  for (const one of both) await expect(one).rejects.toThrow("broken");
  isBroken = false;
  await endOfTurn();
  expect(await find("a", "1")).toBe("1");
});
