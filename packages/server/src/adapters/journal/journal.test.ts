import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { UsageRows } from "../../ports/usage-log.ts";
import { decodeBatch, encodeBatch } from "./batch-codec.ts";
import { compressSegment } from "./compressed-segment.ts";
import { Journal, recordsAfter } from "./journal.ts";
import { anyRow, batchOf, bufferOf, layout } from "./random-batches.suite.ts";
import { JournalDamaged, type Link, noHash } from "./segment.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 40);
const start: Link = { sequence: 0, hash: noHash };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-journal-"));
});
afterEach(() => rm(folder, { recursive: true }));

const isSet = (bits: Uint8Array, row: number): boolean =>
  ((bits[row >> 3] ?? 0) & (1 << (row & 7))) !== 0;
const wordsAt = (words: Int32Array, row: number): readonly (number | undefined)[] => [
  words[row * 2],
  words[row * 2 + 1],
];
const textAt = ({ bytes, ends, present }: UsageRows["uids"], row: number): string | undefined =>
  isSet(present.bits, row)
    ? Buffer.from(bytes.subarray(row === 0 ? 0 : ends[row - 1], ends[row])).toString()
    : undefined;

/** The rows as plain values, whatever stands in the places that have none. */
const plain = ({
  count,
  positions,
  accounts,
  ts,
  ets,
  etsPresent,
  uids,
  extras,
  fields,
}: UsageRows) =>
  Array.from({ length: count }, (_, row) => [
    wordsAt(positions.words, row),
    accounts[row],
    wordsAt(ts.words, row),
    isSet(etsPresent.bits, row) ? wordsAt(ets.words, row) : undefined,
    textAt(uids, row),
    textAt(extras, row),
    ...fields.map((field) =>
      field.kind === "text"
        ? textAt(field, row)
        : isSet(field.present.bits, row) && [
            wordsAt(field.mantissas.words, row),
            field.scales[row],
          ],
    ),
  ]);

test("a batch is read as it was written", () => {
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 1, maxLength: 40 }), fc.nat(3), (rows, meters) => {
      const buffers = Array.from({ length: meters + 1 }, () => bufferOf(rows));
      const written = batchOf(1, buffers);
      const read = decodeBatch(encodeBatch(written, 0));
      expect({ ...read, rows: [] }).toEqual({ ...written, rows: [] });
      expect(read.rows.map((ofMeter) => ofMeter.layout)).toEqual(buffers.map(() => layout));
      expect(read.rows.map(plain)).toEqual(buffers.map(plain));
    }),
    { numRuns: runs },
  );
});

const rowsOf = (uid: string) =>
  bufferOf([
    {
      account: 1,
      ts: 5,
      uid,
      gap: 1,
      ets: undefined,
      extras: undefined,
      value: undefined,
      text: "t",
    },
  ]);

const append = async (journal: Journal, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const batch = batchOf(journal.head.sequence + 1, [rowsOf(`u${i}`)]);
    expect(await journal.append(batch)).toMatchObject({ kind: "appended" });
  }
};

const sequences = async (after: Link = start): Promise<number[]> => {
  const found: number[] = [];
  for await (const { sequence } of recordsAfter(folder, after)) found.push(sequence);
  return found;
};

const onlyFile = async (): Promise<string> => {
  const [name = ""] = await readdir(folder);
  return join(folder, name);
};

test("what was appended is there after it was opened again, and goes on from there", async () => {
  const first = await Journal.open(folder);
  await append(first, 3);
  const { head } = first;
  await first.close();
  const second = await Journal.open(folder);
  expect(second.head).toEqual(head);
  await append(second, 2);
  await second.close();
  expect(await sequences()).toEqual([1, 2, 3, 4, 5]);
  expect(await sequences(head)).toEqual([4, 5]);
});

test("a record that was cut short at any byte is gone, and the next one takes its place", async () => {
  const first = await Journal.open(folder);
  await append(first, 2);
  const file = await onlyFile();
  const whole = (await readFile(file)).length;
  await append(first, 1);
  await first.close();
  const bytes = await readFile(file);
  for (let length = whole; length < bytes.length; length += 13) {
    await writeFile(file, bytes.subarray(0, length));
    const journal = await Journal.open(folder);
    expect(journal.head.sequence).toBe(2);
    await append(journal, 1);
    await journal.close();
    expect(await sequences()).toEqual([1, 2, 3]);
  }
});

test("a record of zeros, as a power cut may leave it, is gone", async () => {
  const first = await Journal.open(folder);
  await append(first, 2);
  await first.close();
  const file = await onlyFile();
  await truncate(file, (await readFile(file)).length + 4096);
  const second = await Journal.open(folder);
  expect(second.head.sequence).toBe(2);
  await append(second, 1);
  await second.close();
  expect(await sequences()).toEqual([1, 2, 3]);
});

test("a segment that was being created is gone", async () => {
  const first = await Journal.open(folder);
  await append(first, 2);
  await first.close();
  await writeFile(join(folder, "0000000000000003.journal"), Buffer.alloc(20));
  const second = await Journal.open(folder);
  await append(second, 1);
  await second.close();
  expect(await sequences()).toEqual([1, 2, 3]);
});

test("a byte that has changed before the last record is damage, not the end", async () => {
  const first = await Journal.open(folder);
  await append(first, 5);
  await first.close();
  const file = await onlyFile();
  const bytes = await readFile(file);
  const last = bytes.lastIndexOf('"sequence":5');
  for (let at = 60; at < last - 100; at += 97) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await writeFile(file, changed);
    await expect(sequences(), String(at)).rejects.toThrow(JournalDamaged);
    await expect(Journal.open(folder), String(at)).rejects.toThrow(JournalDamaged);
  }
});

test("a compressed segment holds the same; a copy that was not finished counts for nothing", async () => {
  const first = await Journal.open(folder);
  await append(first, 4);
  const { head } = first;
  await first.close();
  const file = await onlyFile();
  const original = await readFile(file);
  await writeFile(`${file}.zst.part`, original.subarray(0, 30));
  await compressSegment(file);
  expect(await sequences()).toEqual([1, 2, 3, 4]);
  // Killed after the copy was there, before the original was gone.
  await writeFile(file, original);
  const second = await Journal.open(folder);
  expect(second.head).toEqual(head);
  await append(second, 1);
  await second.close();
  expect((await readdir(folder)).toSorted()).toEqual([
    "0000000000000001.journal.zst",
    "0000000000000005.journal",
  ]);
  expect(await sequences({ sequence: 4, hash: head.hash })).toEqual([5]);
});

test("a missing segment and another past are damage", async () => {
  const first = await Journal.open(folder);
  await append(first, 2);
  const { head } = first;
  await first.close();
  await compressSegment(await onlyFile());
  const second = await Journal.open(folder);
  await append(second, 1);
  await second.close();
  await expect(sequences({ sequence: 2, hash: noHash })).rejects.toThrow(JournalDamaged);
  await expect(sequences({ sequence: 9, hash: head.hash })).rejects.toThrow(JournalDamaged);
  await rm(join(folder, "0000000000000001.journal.zst"));
  await expect(sequences()).rejects.toThrow(JournalDamaged);
});

test("a batch that could not be written whole leaves nothing behind", async () => {
  const journal = await Journal.open(folder);
  await append(journal, 1);
  const file = await open(await onlyFile(), "r+");
  const { size } = await file.stat();
  // Bytes that were never acknowledged, as a failed write leaves them.
  await file.write(Buffer.from("half a record"), 0, 13, size);
  await file.close();
  await append(journal, 1);
  await journal.close();
  expect(await sequences()).toEqual([1, 2]);
});
