import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { expect, test } from "vitest";
import { connect } from "./client.ts";
import { inspect, whileLocked } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

const url = ownDatabase();
const { world, wallets: opened, restart } = walletWorld(() => ({ DATABASE_URL: url() }));

/** Kills the server when the usage store has been corrected and the wallet has not: the account's row is held meanwhile. */
const killBeforeTheWallet = (correct: () => Promise<unknown>): Promise<void> =>
  whileLocked(url(), "SELECT FROM ledger_account FOR UPDATE", async (waiting) => {
    // It never gets an answer; a refusal comes first and fails the test.
    const refused = correct().then(() => undefined);
    await Promise.race([refused, waiting("ledger_account")]);
    refused.catch(() => undefined);
    await world().server.kill();
  });

const what = { region: "UK", tier: "Standard" };

/** 1.00 a unit: 6 and 3 of 100 are used; then the first is voided, or becomes 2, and nobody ever asks again. */
test.each([
  { verb: "void", body: {}, bill: 3 },
  { verb: "amend", body: { measurement: { measure: { amount: 2 }, what } }, bill: 5 },
])("a $verb that a crash cut off from the wallet: the close catches up", async (correction) => {
  const wallets = opened();
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
  const code = world().fresh("cut");
  const id = await wallets.account(code);
  await world().attach(id, plan.id);
  await wallets.grant(code, "100");
  for (const [uid, amount] of Object.entries({ first: 6, second: 3 })) {
    const measurement = { uid: `${code}-${uid}`, account: code, meter: meter.code };
    const ts = "2024-05-15T12:00:00Z";
    const measurements = [{ ...measurement, ts, what, measure: { amount } }];
    await wallets.post("measurements", { measurements });
  }
  await killBeforeTheWallet(() =>
    wallets.post(`measurements/${code}-first/${correction.verb}`, {
      reason: "it was wrong",
      ...correction.body,
    }),
  );
  await restart();
  const balance = async (): Promise<unknown> => {
    const { body } = await wallets.client.call("GET", `accounts/${id}/wallet`);
    return body;
  };
  expect(await balance()).toMatchObject({ accounts: [{ balance: "91" }] });
  expect(await world().lines(id, "2024-06-01")).toEqual([
    `USAGE ${correction.bill}`,
    `BALANCE_CONSUMED -${correction.bill}`,
    "TOTAL 0",
  ]);
  expect(await balance()).toMatchObject({ accounts: [{ balance: String(100 - correction.bill) }] });
});

test("usage that was charged and that the usage store refuses is an event", async () => {
  const client = await connect(world().server);
  const measurement = { uid: "lost", meter: "gone", account: "gone", ts: "2024-05-15T12:00:00Z" };
  await inspect(url(), (pool) =>
    pool.query("INSERT INTO usage_outbox (org_id, measurements, count) VALUES ($1, $2, 1)", [
      world().server.orgId,
      JSON.stringify([measurement]),
    ]),
  );
  for (let tries = 0; tries < 100; tries += 1) {
    const { body } = await client.call("GET", "events?eventName=authorization.usage.refused");
    const { data } = z.object({ data: z.array(z.unknown()) }).parse(body);
    if (data.length === 0) {
      await delay(100);
      continue;
    }
    expect(data).toMatchObject([{ m3terEvent: { eventData: { newDto: { measurement } } } }]);
    return;
  }
  throw new Error("no event was raised");
});
