import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Journal, journalFolder } from "./journal.ts";
import { storeIdOf } from "./store-id.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-store-id-"));
});
afterEach(() => rm(folder, { recursive: true }));

const file = (): string => join(folder, "usage.duckdb");

test("a store is known by one id, also to those who ask at once, and its journal leaves that alone", async () => {
  const ids = await Promise.all(Array.from({ length: 8 }, () => storeIdOf(file())));
  expect(new Set(ids).size).toBe(1);
  await (await Journal.open(journalFolder(file()))).close();
  expect(await storeIdOf(file())).toBe(ids[0]);
  expect(await readdir(journalFolder(file()))).toEqual(["store-id"]);
});

test("a store without its journal is another one", async () => {
  const before = await storeIdOf(file());
  await rm(journalFolder(file()), { recursive: true });
  expect(await storeIdOf(file())).not.toBe(before);
});
