import { z } from "zod";
import { beforeAll, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/** A request that cannot be carried out is told the field that stands in the way. */

const { wallets } = walletWorld();

const refusal = z.object({
  errorCode: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).length(1),
});

beforeAll(async () => {
  await wallets().meter("calls");
  await wallets().account("payer");
  await wallets().plan("payer", {
    cumulative: true,
    pricingBands: [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 1 }],
  });
  await wallets().grant("payer", "100");
  await wallets().charge("payer", "charged", "1");
  await wallets().hold("payer", "held", "10");
  await wallets().authorize({
    uid: "session",
    account: "payer",
    mode: "session",
    measure: { units: 1 },
  });
  for (const id of ["paid", "unpaid"])
    await wallets().post("topups", { ...credit, id, creditAmount: "1" });
  await wallets().post("topups/paid/confirm", { payment: "payment" });
  const lease = { id: "lease", account: "payer", asset: "USD", amount: "5", ttlSeconds: 60 };
  await wallets().post("leases", lease);
  await wallets().account("budgeted");
  await wallets().grant("budgeted", "100");
  const scope = { account: "budgeted" };
  const budget = { code: "eleven", scope, asset: "USD", window: "lifetime", limit: "11" };
  await wallets().client.create("budgets", budget);
  await wallets().hold("budgeted", "budgeted", "10");
  await wallets().account("unpriced");
  const denied = { uid: "denied", account: "unpriced", mode: "hold", measure: { units: 1 } };
  expect((await wallets().authorize(denied)).reasons).toMatchObject([{ code: "CANNOT_RATE" }]);
});

const call = { uid: "new", account: "payer", meter: "calls", mode: "charge" };
const explicit = { ...call, amount: "1", asset: "USD" };
const part = (measure: object, more: object = {}) => ({ sequence: 1, measure, ...more });
const update = (used: object, request: object = { measure: { units: 1 } }) => ({
  sequence: 1,
  used,
  request,
});
const tooFine = 1e-13;
const nextYear = `${new Date().getUTCFullYear() + 1}-12-31T00:00:00Z`;
const settle = "authorizations/held/settle";
const session = "authorizations/session/update";
const spend = { uid: "spent", meter: "calls", amount: "1" };
const report = (more: object) => ({
  sequence: 1,
  spends: [spend, { ...spend, uid: "b", ...more }],
});
const credit = { account: "payer", asset: "USD" };
const grant = { ...credit, amount: "1" };
const batch = (more: object) => ({
  authorizations: [explicit, { ...explicit, uid: "b", ...more }],
});

test.each([
  ["authorizations", { ...call, measure: { units: -1 } }, "measure.units must not be negative"],
  ["authorizations", { ...explicit, measure: { units: -1 } }, "measure.units must not be negative"],
  [settle, part({ units: -1 }, { amount: "1" }), "measure.units must not be negative"],
  [session, update({ measure: { units: -1 } }), "used.measure.units must not be negative"],
  [
    session,
    update({ measure: { units: 1 } }, { measure: { units: -1 } }),
    "request.measure.units must not be negative",
  ],
  ["leases/lease/report", report({ measure: { units: -1 } }), "spends[1].measure.units must not"],
  ["authorizations", { ...call, measure: { units: tooFine } }, "measure.units is too fine"],
  [session, update({}, { measure: { units: tooFine } }), "request.measure.units is too fine"],
  [session, update({ measure: { units: 1 }, ts: nextYear }), "used.ts must not be in the future"],
  [session, update({ amount: "0.0000001" }), "used.amount must have at most 6 digits"],
  [session, update({}, { amount: "0.0000001" }), "request.amount must have at most 6 digits"],
  ["authorizations/batch", batch({ amount: "0.0000001" }), "authorizations[1].amount must have"],
  ["leases/lease/report", report({ amount: "0.0000001" }), "spends[1].amount must have"],
  ["topups", { ...credit, creditAmount: "0.0" }, "creditAmount must be above zero"],
  ["grants", { ...credit, amount: "0" }, "amount must be above zero"],
  ["grants", { ...grant, expiresAt: "2020-01-01T00:00:00Z" }, "expiresAt must be in the future"],
  [
    "grants",
    { ...grant, effectiveAt: "2019-01-01T00:00:00Z", expiresAt: "2020-01-01T00:00:00Z" },
    "expiresAt must be in the future",
  ],
  [
    "grants",
    { ...grant, rollover: { max: "5", min: "5.01", expiresAfterSeconds: 60 } },
    "rollover.min must not be above rollover.max",
  ],
  [
    "grants",
    { ...grant, effectiveAt: nextYear, expiresAt: nextYear },
    "expiresAt must be after effectiveAt",
  ],
])("400 of %s %j: %s", async (path, body, said) => {
  const { status, body: reply } = await wallets().client.call("POST", path, body);
  const { errorCode, errors } = refusal.parse(reply);
  expect([status, errorCode]).toEqual([400, "VALIDATION_FAILED"]);
  expect(`${errors[0]?.field} ${errors[0]?.message}`).toContain(said);
});

test.each([
  [
    "authorizations/batch",
    batch({ meter: "none" }),
    "authorizations[1].meter names no meter: none",
  ],
  ["leases/lease/report", report({ meter: "none" }), "spends[1].meter names no meter: none"],
])("400 of %s %j", async (path, body, said) => {
  const { status, body: reply } = await wallets().client.call("POST", path, body);
  const { errorCode, errors } = refusal.parse(reply);
  expect([status, errorCode]).toEqual([400, "REFERENCE_NOT_FOUND"]);
  expect(`${errors[0]?.field} ${errors[0]?.message}`).toBe(said);
});

test.each([
  [
    "authorizations/denied/settle",
    { sequence: 1, amount: "1" },
    "WRONG_STATE",
    "uid denied is DENIED",
  ],
  ["authorizations/denied/update", update({}), "WRONG_STATE", "uid denied is DENIED"],
  ["authorizations/denied/void", {}, "WRONG_STATE", "uid denied is DENIED"],
  [
    "authorizations/denied/extend",
    { ttlSeconds: 60, addAmount: "1" },
    "WRONG_STATE",
    "uid denied is DENIED",
  ],
  ["refunds", { uid: "r1", of: "denied", amount: "1" }, "WRONG_STATE", "of denied is DENIED"],
  ["refunds", { uid: "r2", of: "held" }, "WRONG_STATE", "of held is HELD"],
  [
    "refunds",
    { uid: "r3", of: "charged", amount: "2" },
    "REFUND_EXCEEDS_SETTLED",
    "of charged is SETTLED",
  ],
  [
    "authorizations/held/extend",
    { ttlSeconds: 60, addAmount: "1000" },
    "INSUFFICIENT_FUNDS",
    "addAmount is more than can be held",
  ],
  [
    "authorizations/budgeted/extend",
    { ttlSeconds: 60, addAmount: "2" },
    "BUDGET_EXCEEDED",
    "addAmount is more than a hard budget has room for",
  ],
  [
    "leases/lease/report",
    { sequence: 1, spends: [spend, { ...spend, uid: "charged" }] },
    "ID_REUSED",
    "spends[1].uid is taken",
  ],
  [
    "topups/unpaid/confirm",
    { payment: "payment" },
    "PAYMENT_ALREADY_CREDITED",
    "payment is payment",
  ],
])("409 of %s %j", async (path, body, code, said) => {
  const { status, body: reply } = await wallets().client.call("POST", path, body);
  const { errorCode, errors } = refusal.parse(reply);
  expect([status, errorCode]).toEqual([409, code]);
  expect(`${errors[0]?.field} ${errors[0]?.message}`).toBe(said);
});

test("409 of more for a hold while its account is frozen or owes, whatever it has: only longer", async () => {
  const account = "barred";
  const accountId = await wallets().account(account);
  await wallets().setWallet(account, { mode: "hard", debtLimit: "5" });
  await wallets().grant(account, "20");
  await wallets().hold(account, "barred-open", "5");
  await wallets().hold(account, "barred-over", "5");
  const extended = async (addAmount: string) => {
    const body = { ttlSeconds: 60, addAmount };
    return wallets().client.call("POST", "authorizations/barred-open/extend", body);
  };
  const frozen = (is: boolean) =>
    wallets().client.call("PUT", `accounts/${accountId}/wallet`, { frozen: is });
  const said = async () => {
    const { status, body } = await extended("1");
    const { errorCode, errors } = refusal.parse(body);
    return [status, errorCode, `${errors[0]?.field} ${errors[0]?.message}`];
  };
  await frozen(true);
  expect(await said()).toEqual([
    409,
    "ACCOUNT_FROZEN",
    "addAmount must be 0 while the account is frozen",
  ]);
  expect(await extended("0")).toMatchObject({ status: 200 });
  await frozen(false);
  // 5 held and 10 available pay 15 of 17: 2 are owed.
  await wallets().settle("barred-over", "17");
  expect(await said()).toEqual([
    409,
    "DEBT_OUTSTANDING",
    "addAmount must be 0 while the account owes",
  ]);
  expect(await extended("0")).toMatchObject({ status: 200 });
});

test("409 of a debt limit below what is owed", async () => {
  const id = await wallets().account("debtor");
  const limited = (debtLimit: string) =>
    wallets().client.call("PUT", `accounts/${id}/wallet/USD`, { mode: "hard", debtLimit });
  await limited("10");
  await wallets().grant("debtor", "1");
  await wallets().hold("debtor", "owing", "1");
  await wallets().settle("owing", "7");
  const { status, body } = await limited("5.9");
  const { errorCode, errors } = refusal.parse(body);
  expect([status, errorCode]).toEqual([409, "WRONG_STATE"]);
  expect(errors).toEqual([{ field: "debtLimit", message: "is less than what is owed" }]);
  expect((await limited("6")).status).toBe(200);
});

test("a batch is as many as it may be, with as much said of each as may be said", async () => {
  const texts = (name: string) =>
    Object.fromEntries([1, 2, 3, 4, 5].map((nth) => [`${name}${nth}`, "x".repeat(100)]));
  const said = { what: texts("what"), who: texts("who"), other: texts("other") };
  const price = { asset: "USD", amount: "0" };
  const one = { account: "payer", meter: "calls", mode: "check", ...price, ...said };
  const authorizations = Array.from({ length: 1000 }, (_, nth) => ({ ...one, uid: `all-${nth}` }));
  expect(await wallets().status("authorizations/batch", { authorizations })).toBe(200);
});

test("what is sent as null counts as not sent, in a part of a request as well", async () => {
  const one = { uid: "null-1", account: "payer", meter: "calls", mode: "hold", subject: null };
  const price = { asset: "USD", amount: "0", ttlSeconds: null, measure: null };
  const authorizations = [
    { ...one, ...price },
    { ...one, ...price, uid: "null-2", mode: "session", amount: "1" },
  ];
  const { body } = await wallets().client.call("POST", "authorizations/batch", { authorizations });
  expect(body).toMatchObject({ authorizations: [{ decision: "allow" }, { decision: "allow" }] });
  const next = { amount: "1", ts: null, what: null };
  const reported = { sequence: 1, used: next, request: next };
  expect(await wallets().act("null-2", "update", reported)).toMatchObject({ state: "HELD" });
  const nulls = { id: "null-lease", account: "payer", asset: "USD", amount: "0", ttlSeconds: 60 };
  await wallets().post("leases", { ...nulls, onExpiry: null });
  const spends = [{ uid: "null-3", meter: "calls", amount: "0", ts: null, who: null }];
  const spent = { sequence: 1, spends };
  expect(await wallets().post("leases/null-lease/report", spent)).toMatchObject({ quantity: "0" });
  // A list has no place to leave empty.
  expect(await wallets().status("authorizations/batch", { authorizations: [null] })).toBe(400);
});
