import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createTurnEnd } from "./turn-end.ts";

test("requests of one turn go on together, step by step, and later ones by themselves", async () => {
  const turnEnd = createTurnEnd();
  const steps: string[] = [];
  const request = async (name: string): Promise<void> => {
    steps.push(`${name} arrives`);
    await turnEnd();
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
