import { expect, test } from "vitest";
import { z } from "zod";
import { inspect, whileLocked } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** What a bill job does about calls whose usage has not reached the usage store. May 2024 is billed on June 1. */

const url = ownDatabase();
const { world, wallets, restart } = walletWorld(() => ({ DATABASE_URL: url() }));

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

/** A child of the parent, with 10 dollars or without a wallet. */
const open = async (parentAccountId: string, funds = "10") => {
  const { id, code } = await world().account({ parentAccountId });
  if (funds !== "0") await wallets().grant(code, funds);
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

/** A family that shares a plan, each of which is billed for its share: 100 at 0.10, those above at 0.05. */
const found = async () => {
  const productId = await world().product();
  const { code: meter, id: meterId } = await world().meter(productId);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meterId);
  await world().price({ planId: plan.id, aggregationId }, [
    [0, 0.1],
    [100, 0.05],
  ]);
  const parent = await world().account();
  await world().attach(parent.id, plan.id, { childBillingMode: "CHILD" });
  return { parent, meter };
};

const start = (...accounts: readonly { readonly id: string }[]): Promise<string> =>
  world().startJob({ billDate: june, accountIds: accounts.map(({ id }) => id) });

/** Once a run has made the bill of the one it is still there, and has none of the other. */
const waits = async (
  jobId: string,
  { billed, waiting }: Readonly<Record<"billed" | "waiting", { readonly id: string }>>,
): Promise<void> => {
  await expect.poll(() => world().bills(billed.id, june), { timeout: 60_000 }).toHaveLength(1);
  expect(await world().get(`billjobs/${jobId}`)).toMatchObject({ status: "RUNNING", pending: 1 });
  expect(await world().bills(waiting.id, june)).toEqual([]);
};

test("a child's wallet pays its share once the usage of all that share a price is known", async () => {
  const [{ parent, meter }, other] = [await found(), await found()];
  const [first, second] = [await open(parent.id), await open(parent.id)];
  let jobId = "";
  await whileUndelivered(
    () => first.use(meter, 90),
    async () => {
      // 10 × 0.10 and 50 × 0.05, behind the first child's 90.
      expect(await second.use(meter, 60)).toMatchObject({ amount: "3.5" });
      // Alone, 60 cost 6.00: nobody pays 2.50 for what the other's usage makes cheaper.
      jobId = await start(second, other.parent);
      await waits(jobId, { billed: other.parent, waiting: second });
      expect(await second.wallet()).toMatchObject({ accounts: [{ balance: "6.5" }] });
    },
  );
  expect(await world().finish(jobId)).toMatchObject({ pending: 0 });
  // The pool's 150 cost 12.50, of which the second child's share is 60 / 150.
  expect(await world().bills(second.id, june)).toMatchObject([{ billTotal: 0 }]);
  expect(await world().lines(second.id, june)).toEqual([
    "USAGE 5",
    "BALANCE_CONSUMED -5",
    "TOTAL 0",
  ]);
  expect(await second.wallet()).toMatchObject({ accounts: [{ balance: "5" }] });
});

test("a child without a wallet is billed its share once the usage of its siblings is known", async () => {
  const [{ parent, meter }, other] = [await found(), await found()];
  const [paying, invoiced] = [await open(parent.id), await open(parent.id, "0")];
  const { code } = z
    .object({ code: z.string() })
    .parse(await world().get(`accounts/${invoiced.id}`));
  await world().use(meter, code, [["2024-05-15", 60]]);
  let jobId = "";
  await whileUndelivered(
    () => paying.use(meter, 90),
    async () => {
      jobId = await start(invoiced, other.parent);
      await waits(jobId, { billed: other.parent, waiting: invoiced });
      // Killed, the run waits on.
      await world().server.kill();
      await restart();
    },
  );
  await world().finish(jobId);
  expect(await world().bills(invoiced.id, june)).toMatchObject([{ billTotal: 5 }]);
});

test("a run that has waited for an hour says whose usage it does not know, and makes no bill of it", async () => {
  const [{ parent, meter }, other] = [await found(), await found()];
  const child = await open(parent.id);
  await whileUndelivered(
    () => child.use(meter, 90),
    async () => {
      const jobId = await start(child, other.parent);
      await waits(jobId, { billed: other.parent, waiting: child });
      await change(
        `UPDATE bill_job SET dt_created = dt_created - interval '1 hour' WHERE id = '${jobId}'`,
      );
      expect(await world().finish(jobId)).toMatchObject({
        pending: 0,
        failures: [{ accountId: child.id, failures: [{ failure: "USAGE_UNDER_WAY" }] }],
      });
      expect(await world().bills(child.id, june)).toEqual([]);
    },
  );
  // The next run finds all of it.
  expect((await world().lines(child.id, june)).at(-1)).toBe("TOTAL 0");
});

test("usage that the usage store has refused is not waited for", async () => {
  const { parent, meter } = await found();
  const child = await open(parent.id);
  await change("ALTER TABLE usage_outbox ALTER refusal SET DEFAULT 'invalid'");
  await child.use(meter, 90);
  await change("ALTER TABLE usage_outbox ALTER refusal DROP DEFAULT");
  // Nothing was measured: what was paid goes back.
  expect(await world().lines(child.id, june)).toEqual(["TOTAL 0"]);
  expect(await child.wallet()).toMatchObject({ accounts: [{ balance: "10" }] });
});

test("what a plan took comes back once the usage of its time is known, as what is missing is taken then", async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const minimal = await world().plan(productId, { minimumSpend: 6 });
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId: minimal.id, aggregationId }, [[0, 1]]);
  const [parent, { parent: other }] = [await world().account(), await found()];
  const { id, use, wallet } = await open(parent.id);
  let jobId = "";
  const attached = await world().attach(id, minimal.id, { childBillingMode: "CHILD" });
  await use(meter.code, 1);
  await world().bill(id, june);
  expect(await wallet()).toMatchObject({ accounts: [{ balance: "4" }] });
  await whileUndelivered(
    () => use(meter.code, 2),
    async () => {
      // Beside the minimum, until it is known that it is below that.
      expect(await wallet()).toMatchObject({ accounts: [{ balance: "2" }] });
      await world().api.call("DELETE", `accountplans/${attached}`);
      await world().attach(id, minimal.id, { childBillingMode: "CHILD" });
      jobId = await start({ id }, other);
      await expect.poll(() => world().bills(other.id, june), { timeout: 60_000 }).toHaveLength(1);
      expect(await wallet()).toMatchObject({ accounts: [{ balance: "2" }] });
    },
  );
  await world().finish(jobId);
  expect(await wallet()).toMatchObject({ accounts: [{ balance: "4" }] });
});
