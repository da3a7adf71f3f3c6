import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "../adapters/postgres/embedded.ts";
import { openPostgres, type PostgresConnection } from "../adapters/postgres/open.ts";
import type { Database } from "../ports/database.ts";
import { createSealer } from "../resources/sealing.ts";
import { missingKeys } from "../resources/secrets.ts";
import { installationKey } from "./installation-keys.ts";

const logger = pino({ level: "silent" });
const state: { connection?: PostgresConnection; readonly closers: (() => Promise<unknown>)[] } = {
  closers: [],
};
const database = (): Database => {
  if (state.connection === undefined) throw new Error("the database did not start");
  return state.connection.database;
};

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-keys-"));
  state.closers.push(() => rm(folder, { recursive: true, force: true }));
  // The embedded database may run as another user, who must get through to its data.
  await chmod(folder, 0o755);
  const embedded = await startEmbeddedPostgres(join(folder, "postgres"), logger);
  state.closers.push(embedded.stop);
  state.connection = await openPostgres(embedded.url, logger);
  state.closers.push(state.connection.close);
});
afterAll(async () => {
  for (const close of state.closers.reverse()) await close();
});

test("a key is made once, also by servers that start together, and stands sealed", async () => {
  const sealer = createSealer([randomBytes(32)]);
  const both = [1, 2].map(() => installationKey(database(), sealer, "token-key"));
  const [one, other] = await Promise.all(both);
  expect(one).toEqual(other);
  expect(one).toHaveLength(32);
  expect(await installationKey(database(), sealer, "link-key")).not.toEqual(one);
  const rows = await database().selectFrom("installation").selectAll().execute();
  expect(rows).toHaveLength(2);
  for (const { sealed } of rows) {
    expect(sealed.includes(one ?? "")).toBe(false);
    expect(sealed.includes(one?.toString("hex") ?? "")).toBe(false);
  }
});

test("a key is opened by no other secret key, which a start can know beforehand", async () => {
  const stranger = createSealer([randomBytes(32)]);
  expect(await missingKeys(database(), stranger)).toHaveLength(1);
  await expect(installationKey(database(), stranger, "token-key")).rejects.toThrow(
    "there is no secret key",
  );
});
