import { execFileSync } from "node:child_process";
import { appendFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { afterAll, expect, test } from "vitest";
import { authorized, callWithKey, Wallets } from "./authorization-client.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import { aggregate } from "./usage-client.ts";

const folder = await newFolder();

const mount = (): boolean => {
  try {
    const options = "size=200m,mode=755";
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Room for the file system takes rights that not everybody has. */
const isMounted = mount();
const state: { server?: ServerProcess } = {};
afterAll(async () => {
  await state.server?.stop();
  if (isMounted) execFileSync("umount", [folder]);
  await removeFolder(folder);
});

const ballast = join(folder, "ballast");

const fillDisk = async (): Promise<void> => {
  for (const bytes of [2 ** 20, 2 ** 12]) {
    const piece = Buffer.alloc(bytes);
    while (
      await appendFile(ballast, piece).then(
        () => true,
        () => false,
      )
    );
  }
};

const fullMs = 4_000;
const clientCount = 6;
const accounts = ["a", "b"];

interface Load {
  isOver: boolean;
  allowed: number;
  readonly refusals: Set<string>;
}

const refusal = z.object({ errorCode: z.string() });

/** Makes calls one after the other, each until it is allowed. */
const client = async (server: ServerProcess, name: string, load: Load): Promise<void> => {
  for (let nth = 0; !load.isOver; nth += 1) {
    const account = accounts[nth % accounts.length];
    const price = { amount: "0.01", asset: "USD" };
    const call = { uid: `${name}-${nth}`, account, meter: "calls", mode: "charge", ...price };
    for (;;) {
      const { status, body } = await callWithKey(server, "authorizations", {
        ...call,
        measure: { units: 1 },
      });
      if (status === 200) {
        expect(authorized.parse(body).decision).toBe("allow");
        load.allowed += 1;
        break;
      }
      load.refusals.add(`${status} ${refusal.parse(body).errorCode}`);
      await delay(50);
    }
  }
};

const sums = z.object({ data: z.array(z.object({ "calls.units.SUM": z.number() })) });

test.skipIf(!isMounted)(
  "with a full disk calls are refused, and with room again each counts once, without a start in between",
  async () => {
    const server = await startServer(folder, { TURNPIKE_LOG_LEVEL: "silent" });
    state.server = server;
    const wallets = await Wallets.open(server);
    await wallets.asset("USD", 6);
    const { id: meterId } = await wallets.meter("calls");
    for (const account of accounts) {
      await wallets.account(account);
      await wallets.grant(account, "1000");
    }
    const load: Load = { isOver: false, allowed: 0, refusals: new Set() };
    const clients = Array.from({ length: clientCount }, (_, nth) => client(server, `${nth}`, load));
    await delay(500);
    await fillDisk();
    await delay(fullMs);
    await rm(ballast);
    await delay(1_000);
    load.isOver = true;
    await Promise.all(clients);

    expect(load.allowed).toBeGreaterThan(clientCount);
    expect(load.refusals.size).toBeGreaterThan(0);
    // The database may have ended of it.
    const others = load.refusals.difference(new Set(["503 STORAGE_FULL", "503 UNAVAILABLE"]));
    expect([...others]).toEqual([]);
    const left = await Promise.all(
      accounts.map(async (account) => Number((await wallets.wallet(account)).balance)),
    );
    const spent = 2000 - left.reduce((sum, balance) => sum + balance, 0);
    expect(Math.round(spent * 100)).toBe(load.allowed);
    const metered = async (): Promise<number | undefined> => {
      const aggregations = [aggregate(meterId, "units", "SUM")];
      const answer = await wallets.client.call("POST", "usage/query", { aggregations });
      return sums.safeParse(answer.body).data?.data[0]?.["calls.units.SUM"];
    };
    await expect.poll(metered, { timeout: 20_000 }).toBe(load.allowed);
  },
  120_000,
);
