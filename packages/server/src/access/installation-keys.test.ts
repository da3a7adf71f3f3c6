import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import type { Database } from "../ports/database.ts";
import { createSealer } from "../resources/sealing.ts";
import { missingKeys } from "../resources/secrets.ts";
import { installationKey } from "./installation-keys.ts";

const connection = ownConnection();
const database = (): Database => connection().database;

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
