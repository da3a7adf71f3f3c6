import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { compressSegment } from "./compressed-segment.ts";
import { Journal, recordsAfter } from "./journal.ts";
import { batchOf, bufferOf } from "./random-batches.suite.ts";
import { Sealer } from "./sealer.ts";
import { noHash } from "./segment.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-sealer-"));
});
afterEach(() => rm(folder, { recursive: true }));

const nameOf = (sequence: number): string => `${String(sequence).padStart(16, "0")}.journal`;

const rows = Array.from({ length: 50 }, (_, row) => ({
  account: row % 7,
  ts: 1_700_000_000_000_000 + row,
  uid: `u${row}`,
  gap: 1,
  ets: undefined,
  extras: undefined,
  value: { mantissa: BigInt(row), scale: 0 },
  text: "eu-west-1",
}));

const append = async (journal: Journal): Promise<void> => {
  const batch = batchOf(journal.head.sequence + 1, [bufferOf(rows)]);
  expect(await journal.append(batch)).toMatchObject({ kind: "appended" });
};

/** The names of so many full segments, none of them sealed, of two batches each; an open one stands behind them. */
const fillSegments = async (count: number): Promise<string[]> => {
  const originals = new Map<string, Uint8Array>();
  for (let segment = 0; segment <= count; segment++) {
    const journal = await Journal.open(folder);
    await append(journal);
    await append(journal);
    await journal.close();
    if (segment === count) break;
    const name = nameOf(segment * 2 + 1);
    originals.set(name, await readFile(join(folder, name)));
    // A segment that is sealed is followed by another, however short it is.
    await compressSegment(join(folder, name));
  }
  for (const [name, bytes] of originals) {
    await writeFile(join(folder, name), bytes);
    await rm(join(folder, `${name}.zst`));
  }
  return [...originals.keys()];
};

/** So many copies of a segment, under other names. */
const copies = async (name: string, count: number): Promise<string[]> => {
  const names = Array.from({ length: count }, (_, index) => nameOf(1000 + index));
  for (const copy of names) await copyFile(join(folder, name), join(folder, copy));
  return names;
};

const files = async (): Promise<string[]> => (await readdir(folder)).toSorted();
const sealed = (names: readonly string[]): string[] => names.map((name) => `${name}.zst`);

const eventually = (expected: readonly string[]): Promise<void> =>
  vi.waitFor(async () => expect(await files()).toEqual(expected), { timeout: 15_000 });

const sequences = async (): Promise<number[]> => {
  const found: number[] = [];
  for await (const { sequence } of recordsAfter(folder, { sequence: 0, hash: noHash })) {
    found.push(sequence);
  }
  return found;
};

test("a start seals every full segment that it finds, and appends to the last one meanwhile", async () => {
  const names = await fillSegments(4);
  const journal = await Journal.open(folder);
  await append(journal);
  await eventually([...sealed(names), nameOf(9)]);
  await journal.close();
  expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

describe("after a kill in the middle of sealing", () => {
  const steps: Record<string, (path: string, copy: Uint8Array) => Promise<void>> = {
    "when nothing was done": async () => undefined,
    "when half of the copy was written": (path, copy) =>
      writeFile(`${path}.zst.part`, copy.subarray(0, copy.length / 2)),
    "when the copy was written": (path, copy) => writeFile(`${path}.zst.part`, copy),
    "when the copy had its name": (path, copy) => writeFile(`${path}.zst`, copy),
    "when the original was gone": async (path, copy) => {
      await writeFile(`${path}.zst`, copy);
      await rm(path);
    },
  };
  test.each(Object.keys(steps))("%s, all is there and gets sealed", async (step) => {
    const names = await fillSegments(3);
    const path = join(folder, names[1] ?? "");
    const original = await readFile(path);
    await compressSegment(path);
    const copy = await readFile(`${path}.zst`);
    await rm(`${path}.zst`);
    await writeFile(path, original);
    await steps[step]?.(path, copy);
    expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const journal = await Journal.open(folder);
    expect(journal.head.sequence).toBe(8);
    await eventually([...sealed(names), nameOf(7)]);
    await journal.close();
    expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

test("a segment whose copy cannot be written stays until it can, and those behind it are sealed", async () => {
  const names = await fillSegments(3);
  const [first = "", ...others] = names;
  const obstacle = `${first}.zst.part`;
  await mkdir(join(folder, obstacle));
  const sealer = new Sealer({ retryMs: 100 });
  for (const name of names) sealer.add(join(folder, name));
  await eventually([first, obstacle, ...sealed(others), nameOf(7)]);
  await rm(join(folder, obstacle), { recursive: true });
  await eventually([...sealed(names), nameOf(7)]);
  await sealer.close();
  expect(await sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("closing finishes the segment that is being sealed and leaves the others to the next start", async () => {
  const [original = ""] = await fillSegments(1);
  const names = await copies(original, 36);
  const sealer = new Sealer();
  for (const name of names) sealer.add(join(folder, name));
  await sealer.close();
  const [first = "", ...others] = names;
  expect(await files()).toEqual([original, nameOf(3), `${first}.zst`, ...others]);
});

test("segments wait while others become full, and are sealed when none does any more", async () => {
  const names = await fillSegments(3);
  const [first = "", second = "", third = ""] = names;
  const sealer = new Sealer();
  sealer.add(join(folder, first));
  await delay(1200);
  sealer.add(join(folder, second));
  await delay(1200);
  sealer.add(join(folder, third));
  expect(await files()).toEqual([...names, nameOf(7)]);
  await eventually([...sealed(names), nameOf(7)]);
  await sealer.close();
});

test("no more than 32 wait while usage comes in fast, and it waits itself for more than 64", async () => {
  const [original = ""] = await fillSegments(1);
  const names = await copies(original, 70);
  const sealer = new Sealer();
  for (const name of names) sealer.add(join(folder, name));
  const isUnsealed = (name: string): boolean => names.includes(name);
  await sealer.room();
  expect((await files()).filter(isUnsealed).length).toBeLessThan(64);
  await vi.waitFor(async () => expect((await files()).filter(isUnsealed)).toHaveLength(32), {
    timeout: 15_000,
  });
  await sealer.close();
});
