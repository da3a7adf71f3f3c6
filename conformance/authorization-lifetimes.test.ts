import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/** How long a hold lasts, and what comes after its end. */

const { wallets } = walletWorld();
beforeAll(() => wallets().meter("calls"));

test("an extension lasts longer and holds more, or is refused", async () => {
  await wallets().account("ext");
  await wallets().grant("ext", "10");
  await wallets().hold("ext", "ext", "4");
  const more = { sequence: 1, ttlSeconds: 7200, addAmount: "3" };
  expect(await wallets().act("ext", "extend", more)).toMatchObject({ holds: "7" });
  expect(await wallets().act("ext", "extend", more)).toMatchObject({ replayed: true });
  const tooMuch = { sequence: 2, ttlSeconds: 60, addAmount: "9" };
  expect(await wallets().status("authorizations/ext/extend", tooMuch)).toBe(409);
});

/** Extensions that do not say which they are. */
describe("a heartbeat", () => {
  const open = async (code: string, more: Readonly<Record<string, unknown>>) => {
    await wallets().account(code);
    await wallets().grant(code, "10");
    await wallets().hold(code, code, "1", more);
  };

  test("keeps a hold open as often as it comes, with the same words", async () => {
    await open("beats", { ttlSeconds: 4 });
    for (let beat = 1; beat <= 5; beat += 1) {
      await delay(1_000);
      expect(await wallets().act("beats", "extend", { ttlSeconds: 4 })).toMatchObject({
        state: "HELD",
        replayed: false,
      });
    }
    expect(await wallets().wallet("beats")).toMatchObject({ held: "1" });
  });

  test("is none that has a number, and holds more each time that it says so", async () => {
    await open("adds", {});
    const extend = (body: Readonly<Record<string, unknown>>) =>
      wallets().act("adds", "extend", { ttlSeconds: 7200, ...body });
    expect(await extend({ addAmount: "1" })).toMatchObject({ holds: "2" });
    expect(await extend({ addAmount: "2" })).toMatchObject({ holds: "4" });
    expect(await extend({ addAmount: "2" })).toMatchObject({ holds: "6", replayed: false });
    const first = { sequence: 1, addAmount: "1" };
    expect(await extend(first)).toMatchObject({ holds: "7", replayed: false });
    expect(await extend(first)).toMatchObject({ holds: "7", replayed: true });
    expect(await extend({})).toMatchObject({ holds: "7", replayed: false });
  });
});

test("a hold that expired is settled late under reject where the account still has as much", async () => {
  await wallets().account("late");
  await wallets().grant("late", "10");
  await wallets().hold("late", "late", "6", { ttlSeconds: 1, settleOverage: "reject" });
  await delay(1_100);
  await wallets().charge("late", "late-charge", "7");
  const settle = (amount: string) =>
    wallets().client.call("POST", "authorizations/late/settle", { sequence: 1, amount });
  expect(await settle("3.000001")).toMatchObject({
    status: 409,
    body: { errorCode: "OVERAGE_REJECTED" },
  });
  expect(await wallets().wallet("late")).toMatchObject({ available: "3", debt: "0" });
  expect(await settle("3")).toMatchObject({ status: 200, body: { state: "SETTLED_LATE" } });
  expect(await wallets().wallet("late")).toMatchObject({ available: "0", debt: "0" });
});
