import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

test("requests of one turn go on together, step by step, and later ones by themselves", async () => {
  const turns = createTurns();
  const steps: string[] = [];
  const request = async (name: string): Promise<void> => {
    steps.push(`${name} arrives`);
    await turns();
    steps.push(`${name} begins`);
    await Promise.resolve();
    steps.push(`${name} ends`);
  };
  const first = request("a");
  const second = request("b");
  await nextTurn();
  await request("c");
  await Promise.all([first, second]);
  expect(steps).toEqual([
    "a arrives",
    "b arrives",
    "a begins",
    "b begins",
    "a ends",
    "b ends",
    "c arrives",
    "c begins",
    "c ends",
  ]);
});
