import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Client, connect } from "./client.ts";
import { walletWorld } from "./wallet-world.ts";

const { world, wallets } = walletWorld();
const state: { bots: Record<string, Client> } = { bots: {} };
const keyPair = z.object({ accessKey: z.string(), apiSecret: z.string() });

/** A service user that may do everything but what is denied. */
const botWithout = async (action: string, resource: string): Promise<Client> => {
  const { client } = wallets();
  const { id } = await client.create("serviceusers", { name: resource });
  const all = { effect: "allow", action: ["*"], resource: ["*"] };
  const denied = { effect: "deny", action: [action], resource: [resource] };
  const policy = { name: resource, permissionPolicy: [all, denied] };
  const { id: policyId } = await client.create("permissionpolicies", policy);
  await client.call("POST", `permissionpolicies/${policyId}/addtoserviceuser`, { principalId: id });
  const made = await client.call("POST", `serviceusers/${id}/keys`);
  return connect({ ...world().server, ...keyPair.parse(made.body) });
};

const bot = (name: string): Client => {
  const found = state.bots[name];
  if (found === undefined) throw new Error(`no bot ${name}`);
  return found;
};

const priced = { asset: "USD", amount: "0.01" };
const call = { ...priced, meter: "calls", mode: "charge" };

/** What each account has, by names of its own. */
const furnish = async (code: string): Promise<void> => {
  await wallets().account(code);
  await wallets().post("grants", {
    account: code,
    asset: "USD",
    amount: "10",
    id: `${code}-grant`,
  });
  await wallets().post("authorizations", { ...call, account: code, uid: `${code}-charge` });
  await wallets().post("authorizations", {
    ...call,
    account: code,
    uid: `${code}-hold`,
    mode: "hold",
  });
  await wallets().post("leases", {
    ...priced,
    account: code,
    id: `${code}-lease`,
    ttlSeconds: 600,
  });
  const topUp = { account: code, asset: "USD", creditAmount: "1", id: `${code}-top-up` };
  await wallets().post("topups", topUp);
};

beforeAll(async () => {
  await wallets().meter("calls");
  await furnish("secret");
  await furnish("open");
  const group = await wallets().client.create("resourcegroups/account", { name: "secrets" });
  await wallets().client.call("POST", `resourcegroups/account/${group.id}/addresource`, {
    targetId: wallets().idOf("secret"),
    targetType: "item",
  });
  state.bots = {
    "the account": await botWithout("*", `config:account/item/${wallets().idOf("secret")}`),
    "a group that holds it": await botWithout("*", `config:account/group/${group.id}`),
    "its wallet": await botWithout("*", `authorization:wallet/item/${wallets().idOf("secret")}`),
    "reading it": await botWithout(
      "config:retrieve",
      `config:account/item/${wallets().idOf("secret")}`,
    ),
    "creating accounts": await botWithout("config:create", "config:account/*"),
  };
});

type Asked = ["GET" | "POST" | "PUT", string, object?];

/** Requests for what an account has; `nth` tells those apart that may be made once. */
const reading = (code: string): Asked[] => [
  ["GET", `accounts/${wallets().idOf(code)}/wallet`],
  ["GET", `accounts/${wallets().idOf(code)}/wallet/entries`],
  ["GET", `grants?account=${code}`],
  ["GET", `grants/${code}-grant`],
  ["GET", `topups?account=${code}`],
  ["GET", `topups/${code}-top-up`],
];
const changing = (code: string, nth: string): Asked[] => [
  ["PUT", `accounts/${wallets().idOf(code)}/wallet`, { frozen: false }],
  ["PUT", `accounts/${wallets().idOf(code)}/wallet/USD`, { mode: "hard", debtLimit: "0" }],
  ["POST", "grants", { account: code, asset: "USD", amount: "1" }],
  ["POST", "topups", { account: code, asset: "USD", creditAmount: "1" }],
  ["POST", "refunds", { uid: `${code}-refund-${nth}`, of: `${code}-charge`, amount: "0.001" }],
];
const deciding = (code: string, nth: string): Asked[] => [
  ["POST", "authorizations", { ...call, account: code, uid: `${code}-${nth}` }],
  [
    "POST",
    "authorizations/batch",
    { authorizations: [{ ...call, account: code, uid: `${code}-batch-${nth}` }] },
  ],
  ["GET", `authorizations/${code}-hold`],
  ["POST", "leases", { ...priced, account: code, id: `${code}-lease-${nth}`, ttlSeconds: 60 }],
  ["GET", `leases/${code}-lease`],
];

const statuses = async (client: Client, asked: Asked[]): Promise<string[]> => {
  const answers: string[] = [];
  for (const [method, path, body] of asked)
    answers.push(`${method} ${path} ${(await client.call(method, path, body)).status}`);
  return answers;
};
const all = (asked: Asked[], status: number): string[] =>
  asked.map(([method, path]) => `${method} ${path} ${status}`);

test.each(["the account", "a group that holds it"])(
  "who is denied %s is denied its wallet and whatever names it, and nothing of others",
  async (name) => {
    const of = (code: string): Asked[] => [
      ...reading(code),
      ...changing(code, name),
      ...deciding(code, name),
    ];
    expect(await statuses(bot(name), of("secret"))).toEqual(all(of("secret"), 403));
    expect(await statuses(bot(name), of("open"))).toEqual(all(of("open"), 200));
  },
);

test("a statement can be about one wallet, by the id of its account", async () => {
  const [wallet] = reading("secret");
  const [other] = reading("open");
  if (wallet === undefined || other === undefined) throw new Error("nothing asked");
  expect(await statuses(bot("its wallet"), [wallet, other])).toEqual([
    ...all([wallet], 403),
    ...all([other], 200),
  ]);
});

test("a deny covers its own actions, and one of all accounts is about the accounts", async () => {
  const [read, decided] = [reading("secret"), deciding("secret", "read")];
  expect(await statuses(bot("reading it"), read)).toEqual(all(read, 403));
  expect(await statuses(bot("reading it"), decided)).toEqual(all(decided, 200));
  const changed = changing("secret", "create");
  expect(await statuses(bot("creating accounts"), changed)).toEqual(all(changed, 200));
});

test("whoever names one account that is denied among others is denied the whole", async () => {
  const one = (code: string) => ({ ...call, account: code, uid: `${code}-mixed` });
  const batch = { authorizations: [one("open"), one("secret")] };
  const { status } = await bot("the account").call("POST", "authorizations/batch", batch);
  expect(status).toBe(403);
  expect((await wallets().client.call("GET", "authorizations/open-mixed")).status).toBe(404);
});
