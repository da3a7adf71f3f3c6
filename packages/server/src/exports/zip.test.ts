import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { unzip } from "./unzip.ts";
import { zip } from "./zip.ts";

async function* piecesOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

const collect = async (source: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces);
};

const members = () => [
  { name: "one.csv", pieces: piecesOf("a,b\r\n", "1,2\r\n") },
  { name: "empty.csv", pieces: piecesOf() },
  { name: "größe.csv", pieces: piecesOf(...Array.from({ length: 50 }, () => "x".repeat(40_000))) },
];

test("an archive holds what was put in, also nothing and more than a buffer", async () => {
  expect(unzip(await collect(zip(members())))).toEqual({
    "one.csv": "a,b\r\n1,2\r\n",
    "empty.csv": "",
    "größe.csv": "x".repeat(2_000_000),
  });
  expect(unzip(await collect(zip([])))).toEqual({});
});

const python = ["-c", "import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).testzip())"];
const isPythonThere = spawnSync("python3", ["--version"]).status === 0;

test.skipIf(!isPythonThere)("another reader finds every checksum right", async () => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-zip-"));
  try {
    const path = join(folder, "export.zip");
    await writeFile(path, await collect(zip(members())));
    expect(spawnSync("python3", [...python, path], { encoding: "utf8" }).stdout.trim()).toBe(
      "None",
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a member that cannot be read is an error of the archive", async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("a");
    throw new Error("the disk is gone");
  }
  await expect(collect(zip([{ name: "a", pieces: broken() }]))).rejects.toThrow("the disk is gone");
});
