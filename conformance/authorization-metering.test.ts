import { describe, expect, test } from "vitest";
import { z } from "zod";
import { waitForRelay } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Which measurements calls leave in the usage store, where several requests share a uid. */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

const ts = "2024-05-15T12:00:00Z";
const usageRows = z.object({
  data: z.array(z.looseObject({ amount: z.coerce.number(), region: z.string() })),
});

/** An account with 100 dollars, and a meter that nothing prices, or a price of 1.00. */
const open = async ({ isPriced = false } = {}) => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const account = world().fresh("metered");
  const id = await wallets().account(account);
  if (isPriced) {
    const plan = await world().plan(productId);
    const aggregationId = await world().aggregation(meter.id);
    await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
    await world().attach(id, plan.id);
  }
  await wallets().grant(account, "100");
  const body = (name: string, units: number, more: object = {}) => ({
    uid: `${account}-${name}`,
    account,
    meter: meter.code,
    mode: "charge",
    amount: String(units),
    asset: "USD",
    measure: { amount: units },
    what: { region: "UK", tier: "Standard" },
    ts,
    ...more,
  });
  return {
    body,
    batch: (...authorizations: object[]) =>
      wallets().post("authorizations/batch", { authorizations }),
    /** The units and the region of each measurement. */
    measured: async (): Promise<string[]> => {
      await waitForRelay(url());
      const { data } = usageRows.parse(
        await wallets().post("usage/query", {
          startDate: "2024-05-01T00:00:00Z",
          endDate: "2024-06-01T00:00:00Z",
          accountIds: [id],
        }),
      );
      return data.map(({ amount, region }) => `${amount} ${region}`).toSorted();
    },
  };
};

const small = { what: { region: "small", tier: "" } };
const large = { what: { region: "large", tier: "" } };

describe("one uid in several requests meters what was charged", () => {
  test.each([
    ["a check", { mode: "check" }],
    ["a dry run", { dryRun: true }],
  ])("after %s in the same batch", async (_name, first) => {
    const { body, batch, measured } = await open();
    await batch(body("u", 50, { ...small, ...first }), body("u", 7, large));
    expect(await measured()).toEqual(["7 large"]);
  });

  test.each([
    ["a check", { mode: "check" }],
    ["another content", {}],
  ])("before %s in the same batch", async (_name, second) => {
    const { body, batch, measured } = await open();
    await batch(body("u", 7, large), body("u", 50, { ...small, ...second }));
    expect(await measured()).toEqual(["7 large"]);
  });

  test("after an invalid request in the same batch", async () => {
    const { body, batch, measured } = await open({ isPriced: true });
    const priced = { amount: undefined, asset: undefined };
    const invalid = { ...priced, ...small, measure: { amount: -1 } };
    await batch(body("u", 0, invalid), body("u", 7, { ...priced, ...large }));
    expect(await measured()).toEqual(["7 large"]);
  });

  test("beside checks that are sent at once", async () => {
    const { body, measured } = await open();
    const checks = Array.from({ length: 20 }, () => body("u", 50, { ...small, mode: "check" }));
    await Promise.all(
      [...checks, body("u", 7, large)].map((one) => wallets().post("authorizations", one)),
    );
    expect(await measured()).toEqual(["7 large"]);
  });
});
