import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

const { wallets } = walletWorld();
beforeAll(() => wallets().meter("calls"));

const body = async (path: string): Promise<unknown> =>
  (await wallets().client.call("GET", path)).body;

describe("grants that the server makes", () => {
  test("have names that no caller can take", async () => {
    for (const code of ["names", "names-other"]) await wallets().account(code);
    const grant = { account: "names-other", asset: "USD", amount: "1" };
    const topUp = { account: "names-other", asset: "USD", creditAmount: "1" };
    for (const [path, request, field] of [
      ["grants", { ...grant, id: "g#rollover" }, "id"],
      ["topups", { ...topUp, id: "t#1" }, "id"],
      ["refunds", { uid: "r#1", of: "c" }, "uid"],
    ] as const)
      expect(await wallets().client.call("POST", path, request)).toMatchObject({
        status: 400,
        body: { errors: [{ field }] },
      });
  });

  test("are there whatever another account has called its own", async () => {
    const end = Date.now() + 1_000;
    const rollover = { max: "8", expiresAfterSeconds: 3600 };
    const expiresAt = new Date(end).toISOString();
    await wallets().grant("names", "10", { id: "g", expiresAt, rollover });
    await wallets().post("topups", { id: "t", account: "names", asset: "USD", creditAmount: "5" });
    for (const id of ["g.rollover", "t.topUp"]) await wallets().grant("names-other", "1", { id });
    await wallets().post("topups/t/confirm", { payment: "names-pay" });
    await delay(end + 100 - Date.now());
    const charge = await wallets().charge("names", "names-charge", "1");
    expect(charge).toMatchObject({ decision: "allow", remaining: { account: "12" } });
    expect(await body("grants/g%23rollover")).toMatchObject({ amount: "8", remaining: "7" });
    expect(await body("grants/t%23topUp")).toMatchObject({ amount: "5", account: "names" });
  });
});
