import { describe, expect, test } from "vitest";
import { inspect, waitForRelay } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** Requests of measurements of which a wallet pays some: what is answered is what was done, to the money as well. */

const databaseUrl = ownDatabase();
const { world, wallets } = walletWorld(() => ({ DATABASE_URL: databaseUrl() }));

const ts = "2024-05-15T12:00:00Z";
const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();

/** A meter whose units cost 1.00, an account with 100 dollars and one without a wallet. */
const open = async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId);
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
  const paying = world().fresh("paying");
  const id = await wallets().account(paying);
  await world().attach(id, plan.id);
  await wallets().grant(paying, "100");
  const other = await world().account();
  await world().attach(other.id, plan.id);
  const measurement = (account: string, amount: number, more: object = {}) => ({
    account,
    meter: meter.code,
    ts,
    measure: { amount },
    what: { region: "UK", tier: "Standard" },
    ...more,
  });
  const balance = async (): Promise<string> => (await wallets().wallet(paying)).balance;
  return { paying, other, measurement, balance };
};

const send = async (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
) => {
  const { url, orgId } = world().server;
  const { bearer } = wallets().client;
  const response = await fetch(`${url}/organizations/${orgId}/measurements`, {
    method: "POST",
    headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json", ...headers },
    body,
  });
  const answer: unknown = await response.json();
  const { status } = response;
  return { status, isRepeated: response.headers.get("x-should-retry") === "true", answer };
};

const submit = (...measurements: readonly object[]) => send(JSON.stringify({ measurements }));

/** Does the work while the ledger's database takes no authorization. */
const whileNothingIsCharged = async <Done>(work: () => Promise<Done>): Promise<Done> => {
  const change = (...statements: readonly string[]) =>
    inspect(databaseUrl(), async (pool) => {
      for (const statement of statements) await pool.query(statement);
    });
  await change(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '57P03'; END $$`,
    `CREATE TRIGGER refuse BEFORE INSERT ON ledger_authorization
     FOR EACH ROW EXECUTE FUNCTION refuse()`,
  );
  try {
    return await work();
  } finally {
    await change("DROP FUNCTION refuse CASCADE");
  }
};

test("one from the future fails by its own place, beside one that is charged", async () => {
  const { paying, measurement, balance } = await open();
  const future = measurement(paying, 1, { ts: inAnHour() });
  expect(await submit(measurement(paying, 1), future)).toMatchObject({
    status: 200,
    answer: { failures: [{ index: 1, type: "TimestampInFuture" }] },
  });
  expect(await balance()).toBe("99");
});

test("one from the future alone is refused, whoever pays", async () => {
  const { paying, measurement, balance } = await open();
  expect(await submit(measurement(paying, 1, { ts: inAnHour() }))).toMatchObject({
    status: 400,
    answer: { errors: [{ field: "measurements[0].ts" }] },
  });
  expect(await balance()).toBe("100");
});

test("a request that could not be charged is sent again and then counts once", async () => {
  const { paying, other, measurement, balance } = await open();
  const request = [
    measurement(paying, 3, { uid: world().fresh("charged") }),
    measurement(other.code, 4, { uid: world().fresh("metered") }),
  ];
  const refused = await whileNothingIsCharged(() => submit(...request));
  expect(refused).toMatchObject({ status: 503, isRepeated: true });
  expect(await balance()).toBe("100");
  expect(await submit(...request)).toMatchObject({
    status: 200,
    answer: { failures: [{ index: 1, type: "DuplicateUid" }] },
  });
  expect(await balance()).toBe("97");
  await waitForRelay(databaseUrl());
  expect(await world().lines(other.id, "2024-06-01")).toContain("USAGE 4");
});

test("no repeat is asked for that would meter again what has no uid", async () => {
  const { paying, other, measurement, balance } = await open();
  const refused = await whileNothingIsCharged(() =>
    submit(measurement(paying, 3, { uid: world().fresh("charged") }), measurement(other.code, 4)),
  );
  expect(refused).toMatchObject({ status: 500, isRepeated: false });
  expect(await balance()).toBe("100");
  expect(await world().lines(other.id, "2024-06-01")).toContain("USAGE 4");
});

describe("a field that is called like what every object has", () => {
  /** A meter of one number called so, and an account with 100 dollars whose plan prices it at 1.00 or not at all. */
  const openNamed = async (code: string, isPriced: boolean) => {
    const productId = await world().product();
    const meter = world().fresh("named");
    const meterId = await world().create("meters", {
      productId,
      name: meter,
      code: meter,
      dataFields: [{ category: "MEASURE", code, name: code, unit: "1" }],
      derivedFields: [],
    });
    const account = world().fresh("paying");
    const accountId = await wallets().account(account);
    await wallets().grant(account, "100");
    if (isPriced) {
      const plan = await world().plan(productId);
      const aggregationId = await world().aggregation(meterId, { targetField: code });
      await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
      await world().attach(accountId, plan.id);
    }
    const measurement = (measure: Readonly<Record<string, number>>) => ({
      uid: world().fresh("named"),
      account,
      meter,
      ts,
      measure,
    });
    const balance = async (): Promise<string> => (await wallets().wallet(account)).balance;
    return { measurement, balance };
  };

  test("is missing where it was not sent, and counts where it was", async () => {
    const { measurement, balance } = await openNamed("constructor", true);
    expect(await submit(measurement({}), measurement({ constructor: 3 }))).toMatchObject({
      status: 200,
      answer: { failures: [{ index: 0, type: "MissingField" }] },
    });
    expect(await balance()).toBe("97");
  });

  test.each(["toString", "valueOf"])("is metered as 0 where a call leaves out %s", async (code) => {
    const { measurement, balance } = await openNamed(code, false);
    const paid = { ...measurement({}), amount: "5", asset: "USD" };
    expect(await wallets().authorize(paid)).toMatchObject({ decision: "allow" });
    await waitForRelay(databaseUrl());
    expect(await balance()).toBe("95");
  });
});
