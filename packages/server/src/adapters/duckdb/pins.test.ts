import { expect, test } from "vitest";
import { Pins } from "./pins.ts";

const nothing = (): Promise<void> => Promise.resolve();

test("a query can tell whether a move began beside it", async () => {
  const pins = new Pins();
  const before = await pins.pin(nothing);
  expect(pins.moves).toBe(before);
  const moving = Promise.withResolvers<void>();
  const move = pins.move(() => moving.promise);
  const order: string[] = [];
  await expect.poll(() => pins.moves).not.toBe(before);
  const pinned = pins.pin(async () => void order.push("pinned"));
  order.push("moved");
  moving.resolve();
  await move;
  expect(await pinned).toBe(pins.moves);
  expect(order).toEqual(["moved", "pinned"]);
});

test("a move waits for everybody who holds, and queries may begin meanwhile", async () => {
  const pins = new Pins();
  const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holding = [pins.hold(() => one.promise), pins.hold(() => other.promise)];
  let isMoved = false;
  const move = pins.move(async () => void (isMoved = true));
  await pins.pin(nothing);
  one.resolve();
  await holding[0];
  await pins.pin(nothing);
  expect(isMoved).toBe(false);
  other.resolve();
  await move;
  expect(isMoved).toBe(true);
});

test("who begins to hold while a move waits for its turn is waited for", async () => {
  const pins = new Pins();
  const [beginning, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const pinned = pins.pin(() => beginning.promise);
  let isMoved = false;
  const move = pins.move(async () => void (isMoved = true));
  const holding = pins.hold(() => held.promise);
  beginning.resolve();
  await pinned;
  await pins.pin(nothing);
  expect(isMoved).toBe(false);
  held.resolve();
  await holding;
  await move;
  expect(isMoved).toBe(true);
});
