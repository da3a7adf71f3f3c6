import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { afterAll, expect, test } from "vitest";
import { callWithKey, Wallets } from "./authorization-client.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const folder = await newFolder();
const state: { server?: ServerProcess } = {};
afterAll(async () => {
  await state.server?.stop();
  await removeFolder(folder);
});

/** PostgreSQL and every process of its connections. */
const processes = async (): Promise<readonly number[]> => {
  const text = await readFile(join(folder, "data/postgres/data/postmaster.pid"), "utf8");
  const postmaster = text.split("\n")[0] ?? "";
  const children = execFileSync("pgrep", ["-P", postmaster], { encoding: "utf8" });
  return [postmaster, ...children.trim().split("\n")].map(Number);
};

const refusal = z.object({ errorCode: z.string() });
const uids = Array.from({ length: 20 }, (_, nth) => `call-${nth}`);
const price = { amount: "1", asset: "USD" };
/** More than the server takes to find out, and less than clients wait. */
const boundMs = 58_000;

test("while the database is silent calls are answered that it is, and each counts once when it answers again", async () => {
  const server = await startServer(folder, { TURNPIKE_LOG_LEVEL: "silent" });
  state.server = server;
  const wallets = await Wallets.open(server);
  await wallets.asset("USD", 6);
  await wallets.meter("calls");
  await wallets.account("a");
  await wallets.grant("a", "30");
  const charge = (uid: string) =>
    callWithKey(server, "authorizations", {
      ...price,
      uid,
      account: "a",
      meter: "calls",
      mode: "charge",
      measure: { units: 1 },
    });
  expect((await charge("before")).status).toBe(200);

  const frozen = await processes();
  // Some are on their way when it falls silent: these may have been decided.
  const underWay = uids.slice(0, 10).map(charge);
  for (const pid of frozen) process.kill(pid, "SIGSTOP");
  try {
    const begun = Date.now();
    const answers = await Promise.all([...underWay, ...uids.slice(10).map(charge)]);
    for (const { status, body } of answers)
      if (status !== 200)
        expect([status, refusal.parse(body).errorCode]).toEqual([503, "UNAVAILABLE"]);
    expect(answers.slice(10).map(({ status }) => status)).not.toContain(200);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    expect(Date.now() - begun).toBeLessThan(boundMs);
  } finally {
    for (const pid of frozen) process.kill(pid, "SIGCONT");
  }

  for (const uid of uids)
    await expect.poll(async () => (await charge(uid)).status, { timeout: 20_000 }).toBe(200);
  expect((await wallets.wallet("a")).available).toBe("9");
}, 240_000);
