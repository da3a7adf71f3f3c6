import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFileStore } from "./file-store.ts";

const state = { folder: "" };
beforeEach(async () => {
  state.folder = await mkdtemp(join(tmpdir(), "turnpike-files-"));
});
afterEach(() => rm(state.folder, { recursive: true }));

async function* pieces(...texts: readonly (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield Buffer.from(text);
  }
}

const textOf = async (source: AsyncIterable<Uint8Array>): Promise<string> =>
  Buffer.concat(await Array.fromAsync(source)).toString();

test("a file is read back under its own name, also by the next process, until it is removed", async () => {
  const files = await openFileStore(state.folder);
  const [one, two] = await Promise.all([files.write(pieces("a", "b")), files.write(pieces("c"))]);
  const again = await openFileStore(state.folder);
  expect([await textOf(again.read(one)), await textOf(again.read(two))]).toEqual(["ab", "c"]);
  expect((await again.list()).sort()).toEqual([one, two].sort());
  await again.remove(one);
  expect(await again.list()).toEqual([two]);
  await expect(textOf(again.read(one))).rejects.toThrow("ENOENT");
});

test("of a file that breaks off nothing is kept", async () => {
  const files = await openFileStore(state.folder);
  const cause = new Error("the client is gone");
  await expect(files.write(pieces("a", cause))).rejects.toBe(cause);
  expect(await files.list()).toEqual([]);
  expect(await readdir(join(state.folder, "drafts"))).toEqual([]);
});
