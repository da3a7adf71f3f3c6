import { beforeAll, expect, test } from "vitest";
import { waitForRelay } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** What is charged must be metered: what the usage store would not keep is refused before it is paid. */

const url = ownDatabase();
const { wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

const rockets = (count: number): string => "\u{1f680}".repeat(count);
const nextYear = new Date().getUTCFullYear() + 1;

beforeAll(async () => {
  await wallets().meter("calls");
  await wallets().account("payer");
  await wallets().grant("payer", "100");
  await wallets().hold("payer", "held", "10");
  await wallets().hold("payer", "session", "10", { mode: "session" });
  const lease = { id: "lease", account: "payer", asset: "USD", amount: "5", ttlSeconds: 60 };
  await wallets().post("leases", lease);
});

const charge = {
  uid: "refused",
  account: "payer",
  meter: "calls",
  mode: "charge",
  amount: "1",
  asset: "USD",
};
const part = { sequence: 1, amount: "1" };
const spend = { uid: "spent", meter: "calls", amount: "1" };

test.each([
  ["an end before the start", { ts: "2024-10-15T00:00:00Z", ets: "2024-10-14T00:00:00Z" }, "ets"],
  ["an end before now", { ets: "2024-10-14T00:00:00Z" }, "ets"],
  ["the year 1", { ts: "0001-01-01T00:00:00Z" }, "ts"],
  ["a year before Christ", { ts: "0000-01-01T00:00:00+01:00" }, "ts"],
  ["a year of five digits", { ets: "9999-12-31T23:00:00-01:00" }, "ets"],
  ["a code that no account has", { account: " payer" }, "account"],
  [
    "a field in two categories",
    { what: { units: "many" }, measure: { units: 1 } },
    "measure.units",
  ],
  ["a field in the wrong category", { cost: { units: 1 } }, "cost.units"],
  ["a long text", { metadata: { m: rockets(257) } }, "metadata.m"],
])("400 of a charge with %s", async (_, more, field) => {
  const refusal = await wallets().client.refusal("POST", "authorizations", { ...charge, ...more });
  expect(refusal).toMatch(`The request is not valid: ${field} `);
});

const early = { ts: "1683-01-01T00:00:00Z" };

test.each([
  ["authorizations/held/settle", { ...part, ts: `${nextYear}-12-31T00:00:00Z` }, "ts"],
  ["authorizations/held/settle", { ...part, ...early }, "ts"],
  ["authorizations/held/settle", { ...part, cost: { units: 1 } }, "cost.units"],
  [
    "authorizations/session/update",
    { sequence: 1, used: { amount: "1", ...early }, request: { amount: "1" } },
    "used.ts",
  ],
  ["leases/lease/report", { sequence: 1, spends: [{ ...spend, ...early }] }, "spends[0].ts"],
])("400 of %s %j", async (path, body, field) => {
  const refusal = await wallets().client.refusal("POST", path, body);
  expect(refusal).toMatch(`The request is not valid: ${field} `);
});

test("texts are as long as their characters, in a charge and in a measurement", async () => {
  const account = rockets(50);
  const emailAddress = "rockets@example.com";
  await wallets().client.create("accounts", { code: account, name: account, emailAddress });
  await wallets().grant(account, "10");
  const texts = { account, metadata: { m: rockets(200) }, measure: { units: 1 } };
  const charged = await wallets().charge(account, rockets(50), "1", texts);
  expect(charged).toMatchObject({ decision: "allow" });
  const ts = new Date().toISOString();
  const measurement = { ...texts, uid: "plain", meter: "calls", ts };
  expect(await wallets().status("measurements", { measurements: [measurement] })).toBe(200);
  const again = { measurements: [{ ...measurement, uid: rockets(50) }] };
  await waitForRelay(url());
  // Metered under its own name, so that sending it again finds it.
  const { failures } = Object(await wallets().post("measurements", again));
  expect(failures).toMatchObject([{ type: "DuplicateUid" }]);
});

test("usage of no duration and of the farthest past is metered", async () => {
  const now = new Date().toISOString();
  await wallets().charge("payer", "at once", "1", { ts: now, ets: now });
  await wallets().charge("payer", "long ago", "1", { ts: "1685-01-01T00:00:00Z" });
  await waitForRelay(url());
});
