import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { Wallets } from "./authorization-client.ts";
import { brokenInvariants, inspect, waitForLock } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Records that the ledger counts by: what it has counted must stay what it was. */

const url = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));
const client = () => wallets().client;
beforeAll(() => wallets().meter("calls"));

const put = async (path: string, change: object) => {
  const { version, ...stored } = await client().get(path);
  return client().call("PUT", path, { ...stored, ...change, version });
};
const refusedPut = async (path: string, change: object): Promise<unknown> => {
  const { status, body } = await put(path, change);
  expect(status).toBe(400);
  return body;
};
const budget = { asset: "USD", window: "day", limit: "10" };
const refusal = (errorCode: string, field: string) => ({
  errorCode,
  message: expect.stringContaining(`: ${field} `),
});

describe("an account", () => {
  const open = async (): Promise<{ code: string; path: string }> => {
    const code = world().fresh("account");
    return { code, path: `accounts/${await wallets().account(code)}` };
  };
  const known: Readonly<
    Record<string, (account: { code: string; path: string }) => Promise<unknown>>
  > = {
    "that holds money": ({ code }) => wallets().grant(code, "10"),
    "that waits for money": ({ code }) =>
      wallets().post("topups", { account: code, asset: "USD", creditAmount: "5" }),
    "that was refused": ({ code }) => wallets().charge(code, world().fresh("call"), "1"),
    "that is frozen": ({ path }) => client().call("PUT", `${path}/wallet`, { frozen: true }),
  };

  test.each(Object.keys(known))("%s keeps its code, and is not removed", async (state) => {
    const account = await open();
    await known[state]?.(account);
    const { code, path } = account;
    expect(await refusedPut(path, { code: `${code}-new` })).toMatchObject(
      refusal("RULE_VIOLATED", "code"),
    );
    expect(await client().call("DELETE", path)).toMatchObject({
      status: 400,
      body: refusal("RECORD_IN_USE", "code"),
    });
    expect((await put(path, { name: "Another name" })).status).toBe(200);
  });

  const rule = { asset: "USD", threshold: "20", creditAmount: "100", paymentMethod: "card" };
  test.each([
    ["autotopups", (account: string) => ({ ...rule, account })],
    ["budgets", (account: string) => ({ ...budget, scope: { account, feature: "chat" } })],
    ["ratelimits", (account: string) => ({ limit: 1, windowSeconds: 60, scope: { account } })],
    ["concurrencylimits", (account: string) => ({ limit: 1, scope: { account } })],
  ])("that one of the %s names keeps its code, and is not removed", async (kind, fieldsOf) => {
    const { code, path } = await open();
    const { id } = await client().create(kind, { code, ...fieldsOf(code) });
    expect(await refusedPut(path, { code: `${code}-new` })).toMatchObject(
      refusal("RULE_VIOLATED", "code"),
    );
    expect(await client().call("DELETE", path)).toMatchObject({
      status: 400,
      body: { errorCode: "RECORD_IN_USE", message: expect.stringContaining(id) },
    });
    expect((await put(path, { name: "Another name" })).status).toBe(200);
    await client().remove(`${kind}/${id}`);
    expect((await put(path, { code: `${code}-new` })).status).toBe(200);
    await client().remove(path);
  });

  test("that is renamed while an automatic top-up is made for it has none", async () => {
    const { code, path } = await open();
    await inspect(url(), async (pool) => {
      const renaming = await pool.connect();
      await renaming.query("BEGIN");
      await renaming.query(
        `WITH held AS MATERIALIZED (SELECT id FROM record WHERE id = $1 FOR UPDATE)
         UPDATE record SET code = record.code || '-new',
           document = document || jsonb_build_object('code', record.code || '-new')
         FROM held WHERE record.id = held.id`,
        [path.split("/")[1]],
      );
      const made = client().call("POST", "autotopups", { code, account: code, ...rule });
      await waitForLock(pool, "for share");
      await renaming.query("COMMIT");
      renaming.release();
      expect(await made).toMatchObject({
        status: 400,
        body: refusal("REFERENCE_NOT_FOUND", "account"),
      });
    });
  });

  test("may be renamed and removed while only its wallet was looked at", async () => {
    const { code, path } = await open();
    await client().call("GET", `${path}/wallet`);
    await client().call("GET", `grants?account=${code}`);
    expect((await put(path, { code: `${code}-new` })).status).toBe(200);
    await client().remove(path);
  });

  test("that is removed while its first money comes in gets none", async () => {
    const { code, path } = await open();
    await inspect(url(), async (pool) => {
      const removing = await pool.connect();
      await removing.query("BEGIN");
      await removing.query("DELETE FROM record WHERE id = $1", [path.split("/")[1]]);
      const granted = client().call("POST", "grants", {
        account: code,
        asset: "USD",
        amount: "10",
      });
      await waitForLock(pool, "INTO ledger_account");
      await removing.query("COMMIT");
      removing.release();
      expect(await granted).toMatchObject({
        status: 400,
        body: refusal("REFERENCE_NOT_FOUND", "account"),
      });
    });
    await wallets().account(code);
    expect(await client().list(`grants?account=${code}`)).toEqual({ data: [] });
  });
});

describe("a meter", () => {
  const open = async () => {
    const [account, meter] = [world().fresh("account"), world().fresh("meter")];
    await wallets().account(account);
    await wallets().grant(account, "10");
    const { id } = await wallets().meter(meter);
    const ask = (more: object = {}) =>
      client().call("POST", "authorizations", {
        uid: world().fresh("call"),
        account,
        meter,
        mode: "charge",
        amount: "1",
        asset: "USD",
        ...more,
      });
    return { account, meter, path: `meters/${id}`, ask };
  };
  type Opened = Awaited<ReturnType<typeof open>>;
  const uses: Readonly<Record<string, (opened: Opened) => Promise<unknown>>> = {
    "a wallet paid for": ({ ask }) => ask(),
    "a wallet could not pay for": ({ ask }) => ask({ amount: "11" }),
    "money is held for": ({ ask }) => ask({ mode: "hold" }),
    "a wallet was charged for afterwards": ({ account, meter }) =>
      wallets().post("measurements", {
        measurements: [
          {
            uid: world().fresh("call"),
            account,
            meter,
            ts: "2024-05-15T12:00:00Z",
            measure: { units: 1 },
          },
        ],
      }),
    "a grant is for": ({ account, meter }) =>
      wallets().grant(account, "1", { appliesTo: { meters: [meter] } }),
    "a lease was spent on": async ({ account, meter }) => {
      const id = world().fresh("lease");
      const body = { id, account, asset: "USD", amount: "5", ttlSeconds: 60 };
      await wallets().post("leases", body);
      const spends = [{ uid: world().fresh("call"), meter, amount: "1" }];
      await wallets().post(`leases/${id}/report`, { sequence: 1, spends });
    },
  };

  test.each(Object.keys(uses))("that %s keeps its code, and is not removed", async (use) => {
    const opened = await open();
    const { meter, path } = opened;
    await uses[use]?.(opened);
    expect(await refusedPut(path, { code: `${meter}-new` })).toMatchObject(
      refusal("RULE_VIOLATED", "code"),
    );
    expect(await client().call("DELETE", path)).toMatchObject({
      status: 400,
      body: refusal("RECORD_IN_USE", "code"),
    });
    expect((await put(path, { name: "Another name" })).status).toBe(200);
  });

  test("may be renamed and removed while it was only asked what it costs", async () => {
    const { meter, path, ask } = await open();
    expect((await ask({ mode: "check" })).status).toBe(200);
    expect((await ask({ dryRun: true })).status).toBe(200);
    expect((await put(path, { code: `${meter}-new` })).status).toBe(200);
    await client().remove(path);
  });

  const whileChanged = async (statement: string): Promise<void> => {
    const { account, path, ask } = await open();
    expect((await ask({ mode: "check" })).status).toBe(200);
    await inspect(url(), async (pool) => {
      const changing = await pool.connect();
      await changing.query("BEGIN");
      await changing.query(statement, [path.split("/")[1]]);
      const charged = ask();
      await waitForLock(pool, "INTO ledger_record");
      await changing.query("COMMIT");
      changing.release();
      expect(await charged).toMatchObject({
        status: 400,
        body: refusal("REFERENCE_NOT_FOUND", "meter"),
      });
    });
    expect(await wallets().wallet(account)).toMatchObject({ balance: "10" });
  };

  test("that is removed while it is first paid for is not paid for", () =>
    whileChanged("DELETE FROM record WHERE id = $1"));

  test("that is renamed while it is first paid for is not paid for", () =>
    whileChanged(
      `WITH held AS MATERIALIZED (SELECT id FROM record WHERE id = $1 FOR UPDATE)
       UPDATE record SET code = record.code || '-new' FROM held WHERE record.id = held.id`,
    ));
});

describe("a budget", () => {
  const bought = async () => {
    const account = world().fresh("account");
    await wallets().account(account);
    await wallets().grant(account, "100");
    const { id } = await client().create("budgets", {
      code: account,
      scope: { account },
      ...budget,
    });
    return { account, path: `budgets/${id}` };
  };

  test.each([
    ["window", { window: "month" }],
    ["window", { window: { rolling: "PT1H" } }],
    ["timeZone", { timeZone: "Asia/Tokyo" }],
    ["anchor", { anchor: "2024-01-01T06:00:00" }],
    ["asset", { asset: null, unit: "token" }],
    ["scope", { scope: { agent: "bot" } }],
  ])("keeps its %s once something is counted: %j", async (field, change) => {
    const [unused, used] = [await bought(), await bought()];
    await wallets().hold(used.account, world().fresh("hold"), "4");
    expect((await put(unused.path, change)).status).toBe(200);
    expect(await refusedPut(used.path, change)).toMatchObject(refusal("RULE_VIOLATED", field));
    expect(await client().get(used.path)).toMatchObject({ held: "4" });
  });

  test("may change how much it allows, how strictly, and what it tells of", async () => {
    const { account, path } = await bought();
    await wallets().charge(account, world().fresh("call"), "4");
    const change = { limit: "20", mode: "soft", alerts: [50] };
    expect(await put(path, change)).toMatchObject({ status: 200, body: { ...change, used: "4" } });
  });

  test("that is removed while something is held leaves the ledger sound", async () => {
    const { account, path } = await bought();
    const hold = world().fresh("hold");
    await wallets().hold(account, hold, "4");
    await client().remove(path);
    expect(await wallets().settle(hold, "3")).toMatchObject({ state: "SETTLED" });
    expect(await brokenInvariants(url(), world().server.orgId)).toEqual([]);
  });
});

describe("a rate limit", () => {
  const limited = async (limit: object) => {
    const account = world().fresh("account");
    await wallets().account(account);
    await wallets().grant(account, "100");
    const scope = { account };
    const { id } = await client().create("ratelimits", { code: account, scope, ...limit });
    const charge = () => wallets().charge(account, world().fresh("call"), "1");
    return { path: `ratelimits/${id}`, charge };
  };
  const waitMs = ({ reasons }: Awaited<ReturnType<Wallets["charge"]>>): number =>
    Date.parse(String(reasons[0]?.["retryAt"])) - Date.now();

  test("counts on when its window is longer", async () => {
    const { path, charge } = await limited({ limit: 5, windowSeconds: 60 });
    await charge();
    expect((await put(path, { windowSeconds: 120 })).status).toBe(200);
    for (let nth = 0; nth < 4; nth += 1)
      expect(await charge()).toMatchObject({ decision: "allow" });
    const denied = await charge();
    expect(denied).toMatchObject({ reasons: [{ code: "RATE_LIMITED" }] });
    expect(waitMs(denied)).toBeLessThanOrEqual(122_000);
  });

  test("lets through after its own window when it was longer", async () => {
    const { path, charge } = await limited({ limit: 1, windowSeconds: 31 * 86_400 });
    await charge();
    expect(await charge()).toMatchObject({ reasons: [{ code: "RATE_LIMITED" }] });
    await put(path, { windowSeconds: 1 });
    await delay(1_100);
    expect(await charge()).toMatchObject({ decision: "allow" });
  });

  test("owes no more than its own capacity when it was slower", async () => {
    const { path, charge } = await limited({ limit: 1, windowSeconds: 3600, burst: 4 });
    for (let nth = 0; nth < 5; nth += 1) await charge();
    await put(path, { limit: 6, burst: 0 });
    expect(waitMs(await charge())).toBeLessThanOrEqual(600_000);
  });
});

describe("the scope of a limit", () => {
  const product = async () => {
    const code = world().fresh("product");
    return (await client().create("products", { code, name: code })).id;
  };
  const limits: readonly [string, object][] = [
    ["budgets", { unit: "call", window: "day", limit: "1" }],
    ["ratelimits", { limit: 1, windowSeconds: 60 }],
    ["concurrencylimits", { limit: 1 }],
  ];

  test.each(limits)(
    "%s: a product must exist, and stays; what is unknown is refused",
    async (path, limit) => {
      const make = (scope: object) =>
        client().call("POST", path, { code: world().fresh("limit"), scope, ...limit });
      expect(await make({ product: crypto.randomUUID() })).toMatchObject({
        status: 400,
        body: refusal("REFERENCE_NOT_FOUND", "scope.product"),
      });
      expect(await make({ tenant: "x" })).toMatchObject({
        status: 400,
        body: { message: expect.stringContaining("scope must not have tenant") },
      });
      const id = await product();
      expect(await make({ product: id })).toMatchObject({
        status: 200,
        body: { scope: { product: id } },
      });
      expect(await client().refusal("DELETE", `products/${id}`)).toContain(
        "is named as scope.product",
      );
    },
  );

  test("a product's limit leaves the calls of other products alone", async () => {
    const [account, meter, id] = [
      world().fresh("account"),
      world().fresh("meter"),
      await product(),
    ];
    await wallets().account(account);
    await wallets().grant(account, "100");
    await client().put(`meters/${(await wallets().meter(meter)).id}`, {
      ...(await client().get(`meters/${wallets().idOf(meter)}`)),
      productId: id,
    });
    const scope = { product: id.toUpperCase() };
    await client().create("ratelimits", { code: account, scope, limit: 1, windowSeconds: 3600 });
    const charge = (more: object) =>
      wallets().charge(account, world().fresh("call"), "1", { ...more });
    expect(await charge({ meter })).toMatchObject({ decision: "allow" });
    expect(await charge({ meter })).toMatchObject({ reasons: [{ code: "RATE_LIMITED" }] });
    expect(await charge({})).toMatchObject({ decision: "allow" });
  });
});

describe("what the ledger could not decide by is refused", () => {
  const day = { window: "day", limit: "1", asset: "USD" };
  const topUp = { asset: "USD", threshold: "1", creditAmount: "1", paymentMethod: "card" };
  const rate = { from: "USD", to: "EUR", rate: "2", effectiveAt: "2024-01-01T00:00:00Z" };
  const rolling = (duration: string) => ({ ...day, window: { rolling: duration } });
  beforeAll(() => wallets().account("payer"));

  test.each<[string, object, string, string]>([
    ["budgets", { ...day, anchor: "2024-01-01T00:00:00Z" }, "VALIDATION_FAILED", "anchor"],
    [
      "budgets",
      { ...day, anchor: "2024-01-01T00:00:00.1234567890" },
      "VALIDATION_FAILED",
      "anchor",
    ],
    ["budgets", rolling("P999999999Y"), "VALIDATION_FAILED", "window.rolling"],
    ["budgets", rolling("PT9007199254740993S"), "VALIDATION_FAILED", "window.rolling"],
    ["budgets", rolling("PT0S"), "VALIDATION_FAILED", "window.rolling"],
    ["budgets", rolling("PT0.0001S"), "VALIDATION_FAILED", "window.rolling"],
    ["budgets", rolling("P2Y"), "VALIDATION_FAILED", "window.rolling"],
    ["budgets", { ...day, limit: "0.0000001" }, "VALIDATION_FAILED", "limit"],
    ["budgets", { ...day, asset: "EUR" }, "REFERENCE_NOT_FOUND", "asset"],
    ["autotopups", { ...topUp, creditAmount: "0" }, "VALIDATION_FAILED", "creditAmount"],
    ["autotopups", { ...topUp, creditAmount: "1.0000001" }, "VALIDATION_FAILED", "creditAmount"],
    ["autotopups", { ...topUp, threshold: "1.0000001" }, "VALIDATION_FAILED", "threshold"],
    ["autotopups", { ...topUp, asset: "EUR" }, "REFERENCE_NOT_FOUND", "asset"],
    ["autotopups", { ...topUp, account: "nobody" }, "REFERENCE_NOT_FOUND", "account"],
    ["assetrates", rate, "REFERENCE_NOT_FOUND", "to"],
    ["assetrates", { ...rate, from: "EUR", to: "USD" }, "REFERENCE_NOT_FOUND", "from"],
    ["assetrates", { ...rate, to: "USD" }, "VALIDATION_FAILED", "to"],
  ])("%s %j: %s at %s", async (path, fields, errorCode, field) => {
    const body = { code: world().fresh("record"), account: "payer", ...fields };
    expect(await client().call("POST", path, body)).toMatchObject({
      status: 400,
      body: refusal(errorCode, field),
    });
  });

  test.each([["fortnight"], [{}], [7]])(
    "the window %j, and says what it may be",
    async (window) => {
      const answer = await client().call("POST", "budgets", { ...day, code: "windowed", window });
      const message = expect.stringMatching(
        /^must be one of hour, day, .*, or \{"rolling": "PT1H"\}/,
      );
      expect(answer).toMatchObject({
        status: 400,
        body: { errors: [{ field: "window", message }] },
      });
    },
  );

  test.each(["grants", "topups"])("a nextToken of %s that no list returned", async (path) => {
    const token = (text: string) => Buffer.from(text).toString("base64url");
    for (const nextToken of ["x", token("some-id"), token('[""]'), token('["a","b"]')])
      expect(await client().call("GET", `${path}?nextToken=${nextToken}`)).toMatchObject({
        status: 400,
        body: refusal("INVALID_NEXT_TOKEN", "nextToken"),
      });
  });

  test("a nextToken of grants goes on behind the last one", async () => {
    for (const amount of ["1", "2", "3"]) await wallets().grant("payer", amount);
    const first = await client().list("grants?account=payer&pageSize=2");
    const next = await client().list(`grants?account=payer&nextToken=${first.nextToken}`);
    expect([...first.data, ...next.data]).toHaveLength(3);
    expect(next.nextToken).toBeUndefined();
  });
});

describe("a concurrency limit", () => {
  test("keeps its scope once it counts, and counts from its creation on", async () => {
    const account = world().fresh("account");
    await wallets().account(account);
    await wallets().grant(account, "100");
    const [earlier, later] = [world().fresh("earlier"), world().fresh("later")];
    await wallets().hold(account, earlier, "1");
    const limit = { code: account, scope: { account }, limit: 1 };
    const { id } = await client().create("concurrencylimits", limit);
    const path = `concurrencylimits/${id}`;
    expect((await put(path, { scope: { account, agent: "bot" } })).status).toBe(200);
    expect((await put(path, { scope: { account } })).status).toBe(200);
    await wallets().hold(account, later, "1");
    const change = { scope: { agent: "bot" } };
    expect(await refusedPut(path, change)).toMatchObject(refusal("RULE_VIOLATED", "scope"));
    await wallets().act(earlier, "void");
    expect(await wallets().hold(account, world().fresh("more"), "1")).toMatchObject({
      reasons: [{ code: "CONCURRENCY_EXCEEDED" }],
    });
    expect((await put(path, { limit: 2 })).status).toBe(200);
  });
});
