import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

const { wallets: opened } = walletWorld();

const bills = z.object({
  data: z.array(
    z.looseObject({
      billTotal: z.number(),
      lineItems: z.array(z.looseObject({ lineItemType: z.string(), subtotal: z.number() })),
    }),
  ),
});

/**
 * 0.25 a unit. The wallet of 10.00 pays 30 units (7.50) and then refuses 20 (5.00); 10 more were metered after the
 * fact (2.50), which empties it. The bill: 40 units = 10.00, of which the wallet paid 10.00.
 */
test("what the wallet paid is on the bill once, as balance consumption", async () => {
  const wallets = opened();
  await wallets.meter("calls");
  await wallets.account("acme");
  await wallets.plan("acme", {
    cumulative: true,
    pricingBands: [{ lowerLimit: 0, unitPrice: 0.25, fixedPrice: 0 }],
  });
  await wallets.grant("acme", "10");
  const ts = new Date(Date.now() - 1000).toISOString();
  const call = (uid: string, units: number) => ({ uid, account: "acme", ts, measure: { units } });
  expect(await wallets.authorize(call("one", 30))).toMatchObject({ decision: "allow" });
  expect(await wallets.authorize(call("two", 20))).toMatchObject({ decision: "deny" });
  await wallets.post("measurements", { measurements: [{ ...call("three", 10), meter: "calls" }] });
  expect(await wallets.wallet("acme")).toMatchObject({ balance: "0" });
  await delay(1_000);
  await wallets.post("billjobs", { accountIds: [wallets.idOf("acme")] });
  for (let tries = 0; tries < 100; tries += 1) {
    const { body } = await wallets.client.call(
      "GET",
      `bills?accountId=${wallets.idOf("acme")}&additional=lineItems`,
    );
    const [bill] = bills.parse(body).data;
    if (bill !== undefined) {
      const lines = bill.lineItems.map(({ lineItemType, subtotal }) => [lineItemType, subtotal]);
      expect(lines).toEqual([
        ["USAGE", 10],
        ["BALANCE_CONSUMED", -10],
      ]);
      expect(bill.billTotal).toBe(0);
      return;
    }
    await delay(100);
  }
  throw new Error("no bill was made");
});
