import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Authorized, authorized, callWithKey, Wallets } from "./authorization-client.ts";
import { brokenInvariants, inspect, meteredUnits, waitForRelay } from "./ledger-inspection.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import { ownDatabase } from "./wallet-world.ts";

const rounds = Number(process.env["TURNPIKE_CRASH_ROUNDS"] ?? 2);
const clientCount = 16;
const accounts = ["a", "b", "c", "d"];

const url = ownDatabase();
const state: { folder: string; server?: ServerProcess } = { folder: "" };

beforeAll(async () => {
  state.folder = await newFolder();
});
afterAll(async () => {
  await state.server?.stop();
  await removeFolder(state.folder);
});

const start = async (): Promise<ServerProcess> => {
  state.server = await startServer(state.folder, { DATABASE_URL: url() });
  return state.server;
};

/** What was asked, and what was answered before the server died. */
interface Acknowledged {
  readonly body: Record<string, unknown>;
  readonly answer: Authorized;
}

const bodyOf = (uid: string, account: string) => ({
  uid,
  account,
  meter: "calls",
  mode: "charge",
  amount: "0.01",
  asset: "USD",
  measure: { units: 1 },
});

/** Charges one call after the other until the server is gone. */
const client = async (
  server: ServerProcess,
  name: string,
  acknowledged: Acknowledged[],
): Promise<void> => {
  for (let nth = 0; ; nth += 1) {
    const body = bodyOf(`${name}-${nth}`, accounts[nth % accounts.length] ?? "a");
    try {
      const { status, body: reply } = await callWithKey(server, "authorizations", body);
      if (status !== 200) return;
      acknowledged.push({ body, answer: authorized.parse(reply) });
    } catch {
      return;
    }
  }
};

const batch = z.object({ authorizations: z.array(authorized) });

const replay = async (server: ServerProcess, known: readonly Acknowledged[]): Promise<void> => {
  for (let from = 0; from < known.length; from += 1000) {
    const part = known.slice(from, from + 1000);
    const { body } = await callWithKey(server, "authorizations/batch", {
      authorizations: part.map((one) => one.body),
    });
    const { authorizations } = batch.parse(body);
    expect(authorizations).toEqual(part.map(({ answer }) => ({ ...answer, replayed: true })));
  }
};

test(
  "SIGKILL at random moments: nothing acknowledged is lost, nothing is debited twice",
  async () => {
    const first = await start();
    const wallets = await Wallets.open(first);
    await wallets.asset("USD", 6);
    const meterId = (await wallets.meter("calls")).id;
    for (const account of accounts) {
      await wallets.account(account);
      await wallets.grant(account, "1000");
    }
    const acknowledged: Acknowledged[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const server = state.server ?? (await start());
      const running = Array.from({ length: clientCount }, (_, nth) =>
        client(server, `${round}-${nth}`, acknowledged),
      );
      await delay(200 + Math.random() * 1_500);
      await server.kill();
      await Promise.all(running);
      await replay(await start(), acknowledged);
    }
    expect(acknowledged.length).toBeGreaterThan(0);
    await waitForRelay(url());
    await state.server?.stop();
    delete state.server;
    expect(await brokenInvariants(url(), first.orgId)).toEqual([]);
    const { rows } = await inspect(url(), (pool) =>
      pool.query<{ account: string; debited: string; charges: string }>(
        `SELECT account, debited, (SELECT count(*) FROM ledger_authorization a
           WHERE a.account = w.account AND state = 'SETTLED') AS charges FROM wallet_account w`,
      ),
    );
    const metered = await meteredUnits(state.folder, { orgId: first.orgId, meterId });
    for (const { account, debited, charges } of rows) {
      // 0.01 USD is 10,000 atoms of scale 6.
      expect(BigInt(debited)).toBe(BigInt(charges) * 10_000n);
      expect(metered.get(wallets.idOf(account))?.toString()).toBe(charges);
    }
  },
  60_000 + rounds * 20_000,
);
