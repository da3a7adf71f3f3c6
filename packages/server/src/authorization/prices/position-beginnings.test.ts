import { pino } from "pino";
import { expect, test } from "vitest";
import { emptyPosition } from "@turnpike/engine/ledger/price.ts";
import type { Position } from "@turnpike/engine/ledger/rows.ts";
import { createBeginnings } from "./position-beginnings.ts";

const logger = pino({ level: "silent" });

const begun = (id: string): Position => ({
  ...emptyPosition(id),
  posted: 7n,
  before: 7n,
});

const opened = (read: (ids: readonly string[]) => Promise<readonly Position[]>) => {
  const clock = { now: 0 };
  const asked: string[][] = [];
  const beginnings = createBeginnings({
    read: (_, ids) => {
      asked.push([...ids]);
      return read(ids);
    },
    logger,
    now: () => clock.now,
  });
  const of = async (...ids: string[]) => [...(await beginnings.of("org", ids)).values()];
  return {
    clock,
    asked,
    of,
    known: (id: string) => beginnings.known("org", new Set([id])).get(id),
  };
};

test("what was read is known for a while, also that nothing was measured", async () => {
  const { clock, asked, of, known } = opened(async () => [begun("used")]);
  expect(await of("used", "unused")).toEqual([begun("used"), emptyPosition("unused")]);
  expect(known("used")).toEqual(begun("used"));
  expect(await of("unused", "used", "another")).toHaveLength(3);
  expect(asked).toEqual([["used", "unused"], ["another"]]);
  clock.now = 10_000;
  expect(known("used")).toBeUndefined();
});

test("what cannot be read begins at nothing", async () => {
  const { of } = opened(() => Promise.reject(new Error("no usage store")));
  expect(await of("used")).toEqual([emptyPosition("used")]);
});

test("nobody waits for what takes too long", { timeout: 10_000 }, async () => {
  const { of } = opened(() => new Promise(() => {}));
  expect(await of("used")).toEqual([emptyPosition("used")]);
});
