import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeBatch } from "./batch-codec.ts";
import { packColumns, unpackColumns } from "./column-packing.ts";
import { compressSegment, readSegment } from "./compressed-segment.ts";
import { Journal } from "./journal.ts";
import { anyRow, type AnyRow, batchOf, bufferOf } from "./random-batches.suite.ts";
import {
  headLength,
  JournalDamaged,
  type Link,
  noHash,
  sealRecord,
  segmentHead,
} from "./segment.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 40);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-packing-"));
});
afterEach(() => rm(folder, { recursive: true }));

const segmentOf = (records: readonly Uint8Array<ArrayBuffer>[]): Buffer => {
  let link: Link = { sequence: 0, hash: noHash };
  const head = segmentHead(link);
  for (const record of records) link = sealRecord(record, link);
  return Buffer.concat([head, ...records]);
};

const plainPath = () => join(folder, "0000000000000001.journal");
const sealedPath = () => `${plainPath()}.zst`;

const seal = async (segment: Uint8Array): Promise<void> => {
  await writeFile(plainPath(), segment);
  await compressSegment(plainPath());
};

/** Uids of one length, as most clients make them, or of any. */
const anyUids = fc.constantFrom<(row: AnyRow, index: number) => string>(
  ({ uid }) => uid,
  (_, index) => `req_${String(index * 7).padStart(12, "0")}`,
);

const anyCorrection = fc.record({
  orgId: fc.string(),
  uid: fc.string({ unit: "grapheme" }),
  position: fc.nat(),
  hides: fc.nat(),
  correctedBy: fc.string(),
  reason: fc.string({ unit: "grapheme" }),
});

/** Of several meters, some of whose columns are empty, with corrections and accounts in the plan. */
const anyBatchRecord = fc
  .tuple(
    fc.array(fc.array(anyRow, { minLength: 1, maxLength: 60 }), { maxLength: 3 }),
    anyUids,
    fc.array(anyCorrection, { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([meters, uidOf, corrections, isSparse]) => {
    const rows = meters.map((ofMeter) =>
      bufferOf(
        ofMeter.map((row, index) => ({
          ...row,
          uid: uidOf(row, index),
          ...(isSparse ? { ets: undefined, extras: undefined, value: undefined } : {}),
        })),
      ),
    );
    return encodeBatch({ ...batchOf(1, rows), corrections }, headLength);
  });

/** Behind the head nothing of a batch, in whole records. */
const anyOtherRecord = fc.uint8Array({ minLength: 8, maxLength: 3000 }).map((payload) => {
  const record = new Uint8Array(headLength + ((payload.length + 7) & ~7));
  record.set(payload, headLength);
  return record;
});

test("any segment is sealed and read back to the byte", async () => {
  const anyRecord = fc.oneof({ arbitrary: anyBatchRecord, weight: 4 }, anyOtherRecord);
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRecord, { maxLength: 5 }),
      fc.uint8Array({ maxLength: 200 }),
      async (records, torn) => {
        const segment = Buffer.concat([segmentOf(records), torn]);
        await seal(segment);
        // Who has listed a segment may read it after it was replaced by its copy.
        for (const path of [sealedPath(), plainPath()]) {
          expect(Buffer.from(await readSegment(path)).equals(segment)).toBe(true);
        }
      },
    ),
    { numRuns },
  );
});

test("whatever the columns hold, packing is undone", () => {
  fc.assert(
    fc.property(anyBatchRecord, fc.infiniteStream(fc.nat(255)), (record, noise) => {
      const payload = record.slice(headLength);
      const planEnd = 4 + new DataView(payload.buffer).getUint32(0, true);
      for (let at = planEnd; at < payload.length; at++) payload[at] = noise.next().value;
      const packed = payload.slice();
      packColumns(packed);
      unpackColumns(packed);
      expect(Buffer.from(packed).equals(payload)).toBe(true);
    }),
    { numRuns },
  );
});

/** A second of traffic. */
const steadyRow = (index: number): AnyRow => ({
  account: (index * 7919) % 1000,
  ts: 1_700_000_000_000_000 + index * 1300,
  ets: undefined,
  uid: `req_${String(index).padStart(10, "0")}`,
  extras: undefined,
  value: { mantissa: BigInt((index * 104_729) % 4000), scale: 0 },
  text: index % 3 === 0 ? "gpt-large" : "gpt-small",
  gap: 1,
});
const steadySegment = (): Buffer => {
  const rows = bufferOf(Array.from({ length: 1000 }, (_, index) => steadyRow(index)));
  return segmentOf([encodeBatch(batchOf(1, [rows]), headLength)]);
};

test("packed columns take half of what they take as they lie", async () => {
  const segment = steadySegment();
  await seal(segment);
  const { length } = await readFile(sealedPath());
  expect(length * 2).toBeLessThan(zstdCompressSync(segment).length);
});

test("a sealed segment that was cut or changed is damage", async () => {
  await seal(steadySegment());
  const sealed = await readFile(sealedPath());
  const isDamaged = async (bytes: Uint8Array, what: string): Promise<void> => {
    await writeFile(sealedPath(), bytes);
    await expect(readSegment(sealedPath()), what).rejects.toThrow(JournalDamaged);
    await expect(Journal.open(folder), what).rejects.toThrow(JournalDamaged);
  };
  for (let at = 0; at < sealed.length; at += 61) {
    await isDamaged(sealed.subarray(0, at), `cut at ${at}`);
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    await isDamaged(changed, `changed at ${at}`);
  }
  await isDamaged(zstdCompressSync("no segment"), "something else");
});
