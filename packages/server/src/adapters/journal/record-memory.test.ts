import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBatch } from "./batch-codec.ts";
import { anyRow, batchOf, bufferOf } from "./random-batches.suite.ts";
import { RecordMemory } from "./record-memory.ts";

const kilobytes = (count: number): number => count * 1024;

test("memory that was given back is used again, and never by two", () => {
  const memory = new RecordMemory();
  const first = memory.take(kilobytes(100)).buffer;
  memory.give(first);
  const again = memory.take(kilobytes(90));
  expect(again.buffer).toBe(first);
  expect(again).toHaveLength(kilobytes(90));
  expect(memory.take(kilobytes(90)).buffer).not.toBe(first);
});

test("a record does not take memory that is far too large for it", () => {
  const memory = new RecordMemory();
  const large = memory.take(kilobytes(4096)).buffer;
  memory.give(large);
  expect(memory.take(kilobytes(100)).buffer).not.toBe(large);
});

test("no more than 32 MB lie ready, the rest is given back to the system, and so is all when it rests", () => {
  const memory = new RecordMemory();
  const buffers = Array.from({ length: 100 }, () => memory.take(kilobytes(1024)).buffer);
  const held = (): number => buffers.filter(({ byteLength }) => byteLength > 0).length;
  for (const buffer of buffers) memory.give(buffer);
  expect(held()).toBe(32);
  memory.clear();
  expect(held()).toBe(0);
});

test("a record in memory that was used before has the bytes of one in new memory", () => {
  const used = (length: number) => new Uint8Array(length).fill(0xa5);
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 1, maxLength: 40 }), (rows) => {
      const batch = batchOf(1, [bufferOf(rows)]);
      expect(encodeBatch(batch, 56, used).subarray(56)).toEqual(
        encodeBatch(batch, 56).subarray(56),
      );
    }),
  );
});
