import { existsSync } from "node:fs";
import { appendFile, chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "./embedded.ts";

const state = { folder: "" };
const logger = pino({ level: "silent" });
const start = () => startEmbeddedPostgres(state.folder, logger);

beforeAll(async () => {
  state.folder = await mkdtemp(join(tmpdir(), "turnpike-embedded-"));
  await chmod(state.folder, 0o755);
});
afterAll(() => rm(state.folder, { recursive: true, force: true }));

const pidFile = (): string => join(state.folder, "data/postmaster.pid");

const ask = async (url: string, query: string): Promise<unknown[]> => {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(query)).rows;
  } finally {
    await client.end();
  }
};

const patienceMs = 20_000;

/** Asks until there is an answer. */
const insist = async (url: string, query: string): Promise<unknown[]> => {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      return await ask(url, query);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(50);
    }
  }
};

test("one that is killed is started again where it was, with what was committed, and ends when it is told to", async () => {
  const { url, stop } = await start();
  await ask(url, "CREATE TABLE kept AS SELECT 1 AS number");
  process.kill(Number.parseInt(await readFile(pidFile(), "utf8"), 10), "SIGKILL");
  expect(await insist(url, "SELECT number FROM kept")).toEqual([{ number: 1 }]);
  await stop();
  expect(existsSync(pidFile())).toBe(false);
}, 60_000);

test("one that does not start says why", async () => {
  await appendFile(join(state.folder, "data/postgresql.conf"), "nonsense = 1\n");
  await expect(start()).rejects.toThrow(
    /did not start: configuration file .* contains errors \(see .*postgres\.log\)$/,
  );
}, 60_000);
