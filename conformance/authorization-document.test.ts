import { Ajv } from "ajv";
import { z } from "zod";
import { authorizationOperations } from "@turnpike/contract/authorization/operations.ts";
import { beforeAll, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/** What /openapi.json says of the replies is what is replied, to the last field. */

const { world, wallets } = walletWorld();
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

type Id = keyof typeof authorizationOperations;

const replies = new Map<Id, unknown[]>();

/** Calls an operation, and keeps what it replied. */
const call = async (id: Id, params: Readonly<Record<string, string>> = {}, body?: object) => {
  const { method, path } = authorizationOperations[id];
  const filled = path
    .replace("/organizations/{orgId}/", "")
    .replaceAll(/\{(\w+)\}/g, (_all, name: string) => params[name] ?? "");
  const answer = await wallets().client.call(method, filled, body && { ...body });
  expect({ id, ...answer }).toMatchObject({ id, status: 200 });
  replies.set(id, [...(replies.get(id) ?? []), answer.body]);
};

const id = "documented";
const own = { account: id, asset: "USD" };
const price = { ...own, meter: "calls", amount: "1" };

beforeAll(async () => {
  const { id: productId } = await wallets().client.create("products", { code: id, name: id });
  await wallets().meter("calls");
  await wallets().account(id);
  await wallets().account("poor");
  const accountId = wallets().idOf(id);
  const appliesTo = { features: ["chat"], products: [productId] };
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const rollover = { max: "5", min: "1", expiresAfterSeconds: 60 };
  await call("createGrant", {}, { ...own, id: "whole", amount: "90", costBasis: "0.5" });
  await call("createGrant", {}, { ...own, amount: "1", appliesTo, expiresAt, rollover });
  await call("getGrant", { id: "whole" });
  await call("createTopUp", {}, { ...own, id: "in", creditAmount: "5", chargeAmount: "5.50" });
  await call("confirmTopUp", { id: "in" }, { payment: "documented" });
  await call("createTopUp", {}, { ...own, id: "out", creditAmount: "5" });
  await call("failTopUp", { id: "out" });
  await call("getTopUp", { id: "in" });
  await call("listTopUps");
  await call("setWallet", { id: accountId, asset: "USD" }, { mode: "hard", debtLimit: "3" });
  await call("setWalletAccess", { id: accountId }, { features: ["chat"], blocksFreeOnDebt: true });
  await limits();
  await decisions();
  await leases();
  await call("voidGrant", { id: "whole" });
  await call("listGrants");
  await call("getWallet", { id: accountId });
  await call("listWalletEntries", { id: accountId });
});

const limits = async (): Promise<void> => {
  const limited = { code: id, scope: { account: id, agent: "tight" } };
  const budget = { ...limited, asset: "USD", window: "day", limit: "0" };
  await wallets().client.create("budgets", budget);
  await wallets().client.create("budgets", {
    ...budget,
    code: "wide",
    scope: { account: id },
    limit: "999",
  });
  await wallets().client.create("ratelimits", { ...limited, limit: 0, windowSeconds: 5 });
  await wallets().client.create("concurrencylimits", { ...limited, limit: 0 });
};

const decisions = async (): Promise<void> => {
  const refused = { agent: "tight", feature: "images", maxAmount: "0", expectedPriceVersion: "1" };
  await call("authorize", {}, { ...price, uid: "all", mode: "hold", ...refused });
  await call("authorize", {}, { ...price, uid: "nobody", account: "nobody", mode: "charge" });
  await call("authorize", {}, { ...price, uid: "free", amount: "0", mode: "check" });
  const { amount: _amount, asset: _asset, ...unpriced } = price;
  await call("authorize", {}, { ...unpriced, uid: "unpriced", mode: "charge" });
  const authorizations = [
    { ...price, uid: "hold", mode: "hold", amount: "5" },
    { ...price, uid: "charge", mode: "charge" },
    { ...price, uid: "charge", mode: "charge", amount: "2" },
  ];
  await call("authorizeBatch", {}, { authorizations });
  await call("extendAuthorization", { uid: "hold" }, { ttlSeconds: 4000, addAmount: "1" });
  await call("settleAuthorization", { uid: "hold" }, { sequence: 1, amount: "2", final: false });
  await call("getAuthorization", { uid: "hold" });
  await call("voidAuthorization", { uid: "hold" });
  await call("authorize", {}, { ...price, uid: "session", mode: "session" });
  const next = { used: { amount: "1" }, request: { amount: "500" } };
  await call("updateAuthorization", { uid: "session" }, { sequence: 1, ...next });
  const more = { sequence: 2, used: { amount: "500" }, request: { amount: "1" } };
  await call("updateAuthorization", { uid: "session" }, more);
  await call("authorize", {}, { ...price, uid: "owing", mode: "charge" });
  for (const uid of ["all", "nobody", "unpriced", "session"])
    await call("getAuthorization", { uid });
  await call("createRefund", {}, { uid: "back", of: "session", amount: "499" });
};

const leases = async (): Promise<void> => {
  const lease = { ...own, id: "lease", amount: "3", ttlSeconds: 60 };
  await call("createLease", {}, lease);
  await call("createLease", {}, { ...lease, id: "no", account: "poor" });
  await call("renewLease", { id: "lease" }, { sequence: 1, ttlSeconds: 90 });
  const spends = [{ uid: "spent", meter: "calls", amount: "1", measure: { units: 2 } }];
  await call("reportLease", { id: "lease" }, { sequence: 2, spends, final: false });
  await call("getLease", { id: "lease" });
  await call("releaseLease", { id: "lease" });
  await call("getAuthorization", { uid: "spent" });
};

const ids = Object.keys(authorizationOperations).filter(
  (name): name is Id => name in authorizationOperations,
);

test.each(ids)("%s", (name) => {
  const schema = z.toJSONSchema(authorizationOperations[name].reply, {
    target: "draft-7",
    unrepresentable: "any",
  });
  const isAsSaid = ajv.compile(schema);
  const found = replies.get(name) ?? [];
  expect(found).not.toEqual([]);
  for (const reply of found) {
    isAsSaid(reply);
    expect({ reply, errors: isAsSaid.errors ?? [] }).toEqual({ reply, errors: [] });
  }
});

test("the document has the fields of each reply, and what a limit has used", async () => {
  const answer = await fetch(`${world().server.url}/openapi.json`);
  const document = z
    .object({
      paths: z.looseObject({}),
      components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
    })
    .parse(await answer.json());
  const schema = ["responses", "200", "content", "application/json", "schema"];
  for (const { method, path } of Object.values(authorizationOperations))
    expect(document.paths).toHaveProperty([path, method.toLowerCase(), ...schema, "properties"]);
  for (const [noun, field] of [
    ["Budget", "used"],
    ["AutoTopUp", "suspended"],
  ] as const) {
    const said = JSON.stringify(document.components.schemas[`${noun}Response`]);
    expect(said).toContain(`"${field}":`);
  }
});
