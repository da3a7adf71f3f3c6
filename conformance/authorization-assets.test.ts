import { beforeAll, describe, expect, test } from "vitest";
import type { Answer } from "./client.ts";
import { inspect, waitForLock } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Amounts are told in the digits of their asset: it stays where any were counted or told. */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));
const client = () => wallets().client;
beforeAll(() => wallets().meter("calls"));

const refusal = (errorCode: string, field: string) => ({
  errorCode,
  message: expect.stringContaining(`: ${field} `),
});

test.each([0, 2, 6, 18])("money of %d digits is counted in six at least", async (scale) => {
  const code = `MONEY${scale}`;
  const fields = { code, name: code, kind: "fiat" };
  const { id, version } = await client().create("assets", { ...fields, scale });
  const path = `assets/${id}`;
  expect((await client().call("GET", path)).body).toMatchObject({ ...fields, scale });
  expect((await client().call("GET", path)).body).not.toHaveProperty("statedScale");
  const account = code.toLowerCase();
  await wallets().account(account);
  await wallets().grant(account, "1", { asset: code });
  const charge = await wallets().charge(account, `${account}-1`, "0.000001", { asset: code });
  expect(charge).toMatchObject({ decision: "allow", remaining: { account: "0.999999" } });
  const budget = { code, asset: code, window: "day", limit: "0.000001", scope: { account } };
  const { id: budgetId } = await client().create("budgets", budget);
  await wallets().hold(account, `${account}-2`, "0.000001", { asset: code });
  expect((await client().call("GET", `budgets/${budgetId}`)).body).toMatchObject({
    held: "0.000001",
  });
  // What it says of itself again is no change; what wallets count in must not change.
  const again = await client().call("PUT", path, { ...fields, name: "Money", scale, version });
  expect(again).toMatchObject({ status: 200, body: { scale } });
  const finer = { ...fields, scale: 7, version: version + 1 };
  expect(await client().call("PUT", path, finer)).toMatchObject({
    status: 400,
    body: refusal("RULE_VIOLATED", "scale"),
  });
});

describe("an asset", () => {
  let assets = 0;
  const open = async () => {
    const [code, account] = [`A${(assets += 1)}`, world().fresh("account")];
    await wallets().account(account);
    const { id } = await wallets().asset(code, 6);
    return { code, account, path: `assets/${id}` };
  };
  type Opened = Awaited<ReturnType<typeof open>>;
  const limit = { window: "day", limit: "1" };
  const since = { rate: "2", effectiveAt: "2024-01-01T00:00:00Z" };
  const uses: Readonly<Record<string, (opened: Opened) => Promise<unknown>>> = {
    "a grant that begins tomorrow": ({ code, account }) =>
      wallets().post("grants", {
        account,
        asset: code,
        amount: "1",
        effectiveAt: new Date(Date.now() + 86_400_000).toISOString(),
      }),
    "a top-up that is not paid yet": ({ code, account }) =>
      wallets().post("topups", { account, asset: code, creditAmount: "1" }),
    "a charge that was refused": ({ code, account }) =>
      wallets().charge(account, world().fresh("call"), "1.5", { asset: code }),
    "a hold of nothing": ({ code, account }) =>
      wallets().hold(account, world().fresh("call"), "0", { asset: code }),
    "a lease that was refused": ({ code, account }) =>
      wallets().post("leases", { account, asset: code, amount: "1.5", ttlSeconds: 60 }),
    "a budget": ({ code }) => client().create("budgets", { code, asset: code, ...limit }),
    "a rate from it": ({ code }) =>
      client().create("assetrates", { from: code, to: "USD", ...since }),
    "a rate to it": ({ code }) =>
      client().create("assetrates", { from: "USD", to: code, ...since }),
    "an automatic top-up": ({ code, account }) =>
      client().create("autotopups", {
        code,
        account,
        asset: code,
        threshold: "1",
        creditAmount: "1",
        paymentMethod: "card",
      }),
  };

  test.each(Object.keys(uses))("is not removed under %s", async (use) => {
    const opened = await open();
    await uses[use]?.(opened);
    expect(await client().call("DELETE", opened.path)).toMatchObject({
      status: 400,
      body: refusal("RECORD_IN_USE", "code"),
    });
  });

  test("is removed while nothing names it, or it was only asked what can be paid in it", async () => {
    const { code, account, path } = await open();
    const check = { mode: "check", asset: code };
    expect(await wallets().charge(account, world().fresh("call"), "1", check)).toMatchObject({
      decision: "deny",
    });
    await client().remove(path);
  });

  const first: Readonly<Record<string, (opened: Opened) => Promise<Answer>>> = {
    "a charge": ({ code, account }) => {
      const body = { uid: world().fresh("call"), account, meter: "calls", mode: "charge" };
      return client().call("POST", "authorizations", { ...body, amount: "1", asset: code });
    },
    "a grant": ({ code, account }) =>
      client().call("POST", "grants", { account, asset: code, amount: "1" }),
    "a top-up": ({ code, account }) =>
      client().call("POST", "topups", { account, asset: code, creditAmount: "1" }),
    "a debt limit": ({ code, account }) =>
      client().call("PUT", `accounts/${wallets().idOf(account)}/wallet/${code}`, {
        mode: "hard",
        debtLimit: "1",
      }),
  };

  test.each(Object.keys(first))(
    "that is removed under the first of all, %s, has none",
    async (use) => {
      const opened = await open();
      await inspect(url(), async (pool) => {
        const removing = await pool.connect();
        await removing.query("BEGIN");
        await removing.query("DELETE FROM record WHERE id = $1", [opened.path.split("/")[1]]);
        const asked = first[use]?.(opened);
        await waitForLock(pool, "INTO ledger_record");
        await removing.query("COMMIT");
        removing.release();
        expect(await asked).toMatchObject({
          status: 400,
          body: refusal("REFERENCE_NOT_FOUND", "asset"),
        });
      });
    },
  );
});
