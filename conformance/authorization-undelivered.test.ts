import { expect, test } from "vitest";
import { inspect, whileLocked } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** What a bill job does about calls whose usage has not reached the usage store. May 2024 is billed on June 1. */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

const june = "2024-06-01";

const change = (statement: string) => inspect(url(), (pool) => pool.query(statement));

/** Usage is born refused, which the relay leaves alone, until it is locked. */
const whileUndelivered = async (
  call: () => Promise<unknown>,
  work: () => Promise<void>,
): Promise<void> => {
  await change("ALTER TABLE usage_outbox ALTER refusal SET DEFAULT 'held'");
  await call();
  await change("ALTER TABLE usage_outbox ALTER refusal DROP DEFAULT");
  // The weakest lock of a row lets it be changed, but not be taken.
  const lock = "SELECT FROM usage_outbox WHERE refusal = 'held' FOR KEY SHARE";
  await whileLocked(url(), lock, async () => {
    await change("UPDATE usage_outbox SET refusal = NULL WHERE refusal = 'held'");
    await work();
  });
};

/** A child of the parent with 10 dollars. */
const open = async (parentAccountId: string) => {
  const { id, code } = await world().account({ parentAccountId });
  await wallets().grant(code, "10");
  return {
    id,
    use: (meter: string, amount: number) =>
      wallets().authorize({
        uid: world().fresh("call"),
        account: code,
        meter,
        ts: "2024-05-15T12:00:00Z",
        measure: { amount },
      }),
    wallet: async (): Promise<unknown> =>
      (await wallets().client.call("GET", `accounts/${id}/wallet`)).body,
  };
};

test("a child's wallet pays its share once the usage of all that share a price is known", async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId: plan.id, aggregationId }, [
    [0, 0.1],
    [100, 0.05],
  ]);
  const parent = await world().account();
  await world().attach(parent.id, plan.id, { childBillingMode: "CHILD" });
  const [first, second] = [await open(parent.id), await open(parent.id)];
  await whileUndelivered(
    () => first.use(meter.code, 90),
    async () => {
      // 10 × 0.10 and 50 × 0.05, behind the first child's 90.
      expect(await second.use(meter.code, 60)).toMatchObject({ amount: "3.5" });
      // Alone, 60 cost 6.00: nobody pays 2.50 for what the other's usage makes cheaper.
      await world().bill(second.id, june);
      expect(await second.wallet()).toMatchObject({ accounts: [{ balance: "6.5" }] });
    },
  );
  // The pool's 150 cost 12.50, of which the second child's share is 60 / 150.
  expect(await world().lines(second.id, june)).toEqual([
    "USAGE 5",
    "BALANCE_CONSUMED -5",
    "TOTAL 0",
  ]);
  expect(await second.wallet()).toMatchObject({ accounts: [{ balance: "5" }] });
});
