import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DedupeTable, dedupeWindowSeconds } from "./dedupe-table.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);
const day = 86_400;
const start = 1_700_000_000;

/** Few distinct words, so that shards, slots and partial hashes collide on purpose; the table takes 0 for 1024. */
const word = fc.constantFrom(0, 1, 2048, 1 << 20, 0xffff_fc00, 0xffff_ffff);
const anyHash = fc
  .tuple(word, fc.constantFrom(0, 7), fc.nat(9))
  .map((words) => Uint32Array.from(words));
const step = fc.record({
  kind: fc.constantFrom("add", "add", "add", "renew", "renewAll", "remove", "has"),
  hash: anyHash,
  afterDays: fc.nat(3),
});

const wordsOf = (key: string): readonly number[] => key.split(",").map(Number);

test("answers like a map from hash to the time of receipt", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = new DedupeTable();
      const model = new Map<string, number>();
      let now = start;
      for (const { kind, hash, afterDays } of steps) {
        now += afterDays * day;
        const key = hash.join();
        const seen = model.get(key);
        const isKnown = seen !== undefined && now - seen < dedupeWindowSeconds;
        expect(table.has(hash, now)).toBe(isKnown);
        if (kind === "add") {
          expect(table.addIfNew(hash, now)).toBe(!isKnown);
          if (!isKnown) model.set(key, now);
        }
        if (kind === "renew" || kind === "renewAll") {
          // A uid that was taken back comes again.
          const others = kind === "renew" ? [] : [...model.keys()].slice(0, 3);
          const all = [key, ...others];
          if (kind === "renew") table.renew(hash, now);
          else table.renewAll(Uint32Array.from(all.flatMap((one) => [...wordsOf(one), now])));
          for (const one of all) model.set(one, now);
        }
        if (kind === "remove") {
          table.remove(hash);
          model.delete(key);
        }
      }
    }),
    { numRuns: runs },
  );
});

test("many uids take about 20 bytes each, however many there are", () => {
  const table = new DedupeTable();
  const random = new Uint32Array(3);
  for (let count = 1; count <= 300_000; count++) {
    crypto.getRandomValues(random);
    table.addIfNew(random, start);
    if (count >= 100_000 && count % 10_000 === 0) expect(table.bytes / count).toBeLessThan(24);
  }
  expect(table.size).toBe(300_000);
});

test("memory is bounded by one window", () => {
  const table = new DedupeTable();
  const random = new Uint32Array(3);
  let peak = 0;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 20_000; i++) {
      crypto.getRandomValues(random);
      table.addIfNew(random, start + round * 36 * day);
    }
    peak = Math.max(peak, table.size);
  }
  // Twenty windows of 20,000 uids each: what the table holds at any time are at most a few of them.
  expect(peak).toBeLessThan(80_000);
});
