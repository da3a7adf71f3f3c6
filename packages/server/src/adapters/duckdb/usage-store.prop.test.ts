import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { naiveQuantity } from "../../metering/naive-usage.ts";
import type { NaiveEvent } from "../../metering/naive-usage.ts";
import type { PlainMethod, UsageStore } from "../../ports/usage-store.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { verifyLedger } from "./ledger.ts";
import { openUsageStore } from "./usage-store.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 40);
const start = Date.UTC(2024, 2, 30) * 1000;
const hour = 3_600_000_000;
const receivedAtMs = Date.UTC(2024, 4, 1);

const numberMethods = ["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE"] as const;

const number = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat(9)).map(([m, s]) => m / 10 ** s),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
);

/** Few uids, accounts and instants, so that duplicates and ties happen. */
const anyEvent = fc.record({
  uid: fc.nat(60).map(String),
  account: fc.constantFrom("acme", "beta", "gamma"),
  tsMicros: fc.nat(48).map((hours) => start + hours * hour + (hours % 3)),
  value: number,
  label: fc.constantFrom("a", "A", "é", "longer than twelve bytes"),
});
type AnyEvent = typeof anyEvent extends fc.Arbitrary<infer Event> ? Event : never;

let folder: string;
let store: UsageStore;
const directory = new MemoryUsageDirectory();
let organizations = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-usage-"));
  store = await openUsageStore({
    path: join(folder, "usage.duckdb"),
    directory,
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: receivedAtMs,
    // Rows move under the queries' feet.
    moves: { quietMs: 1, rowsMin: 1 },
  });
});

afterAll(async () => {
  await store.close();
  // What the reused buffers of both lanes held is what the chain was made of.
  expect(await verifyLedger(join(folder, "usage.duckdb"))).toMatchObject({ kind: "sound" });
  await rm(folder, { recursive: true });
}, 60_000);

const textOf = (micros: number): string =>
  Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n).toString();

/** Ingests the batches one after the other; returns what a plain reading of the rules stores. */
const ingest = async (orgId: string, batches: readonly (readonly AnyEvent[])[]) => {
  directory.putMeter(orgId, {
    id: orgId,
    code: "m",
    dataFields: [
      { code: "n", category: "MEASURE" },
      { code: "label", category: "METADATA" },
    ],
    derivedFields: [],
  });
  const stored = new Map<string, AnyEvent & { receivedAtMs: number }>();
  for (const [index, batch] of batches.entries()) {
    const at = receivedAtMs + index;
    const measurements = batch.map(({ uid, account, tsMicros, value, label }) => ({
      uid,
      account,
      meter: "m",
      ts: textOf(tsMicros),
      measure: { n: value },
      metadata: { label },
    }));
    const body = Buffer.from(JSON.stringify({ measurements }));
    const request = { orgId, body, format: "json", encoding: "identity" } as const;
    const outcome = await store.ingest({ ...request, receivedAtMs: at });
    const before = stored.size;
    for (const event of batch) {
      if (!stored.has(event.uid)) stored.set(event.uid, { ...event, receivedAtMs: at });
    }
    expect(outcome).toMatchObject({ kind: "accepted", stored: stored.size - before });
  }
  return stored;
};

/** A void, or new values for what has the uid. */
const anyCorrection = fc.record({
  uid: fc.nat(60).map(String),
  amendment: fc.option(fc.record({ value: number, label: fc.constantFrom("a", "A") }), {
    freq: 2,
    nil: undefined,
  }),
});
type AnyCorrection =
  typeof anyCorrection extends fc.Arbitrary<infer Correction> ? Correction : never;

/** Corrects one after the other; returns what counts in the end. */
const correct = async (
  orgId: string,
  received: ReadonlyMap<string, AnyEvent & { receivedAtMs: number }>,
  corrections: readonly AnyCorrection[],
) => {
  const counting = new Map(received);
  const amended = new Map<string, string>();
  for (const [index, { uid, amendment }] of corrections.entries()) {
    const at = receivedAtMs + 1000 + index;
    const by = { correctedBy: "somebody", reason: "wrong", receivedAtMs: at };
    const values = amendment && {
      amendment: { measure: { n: amendment.value }, metadata: { label: amendment.label } },
    };
    const outcome = await store.correct({ orgId, uid, ...by, ...values });
    const original = received.get(uid);
    expect(outcome.kind).toBe(original === undefined ? "unknown" : "corrected");
    if (original === undefined) continue;
    const content = JSON.stringify(amendment) ?? "void";
    // The same correction sent again is not received again.
    if (amended.get(uid) === content) continue;
    amended.set(uid, content);
    if (amendment === undefined) counting.delete(uid);
    else counting.set(uid, { ...original, ...amendment, receivedAtMs: at });
  }
  return [...counting.values()];
};

const instant = (micros: number): Temporal.Instant =>
  Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n);

const expected = (method: PlainMethod, events: readonly NaiveEvent[]) =>
  Object.fromEntries(
    [...Map.groupBy(events, ({ account }) => account)].map(([account, ofAccount]) => [
      account,
      naiveQuantity(method, ofAccount),
    ]),
  );

test("every method equals the naive evaluator, exactly", { timeout: 300_000 }, async () => {
  const batches = fc.array(fc.array(anyEvent, { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 5,
  });
  const corrections = fc.array(anyCorrection, { maxLength: 6 });
  const hours = fc.tuple(fc.nat(24), fc.integer({ min: 1, max: 30 }));
  await fc.assert(
    fc.asyncProperty(batches, corrections, hours, async (sent, wrong, [from, length]) => {
      const orgId = `org ${organizations++}`;
      const stored = await correct(orgId, await ingest(orgId, sent), wrong);
      const window = { start: start + from * hour, end: start + (from + length) * hour };
      const inside = stored.filter(
        ({ tsMicros }) => tsMicros >= window.start && tsMicros < window.end,
      );
      const ask = async (method: PlainMethod, targetField: string) => {
        const found = await store.aggregate({
          orgId,
          meterId: orgId,
          method,
          targetField,
          window: { start: instant(window.start), end: instant(window.end) },
        });
        const quantities = new Map(found.map((entry) => [entry.accountId, entry.quantity]));
        const codes = ["acme", "beta", "gamma"].flatMap((code) => {
          const quantity = quantities.get(directory.accountId(orgId, code) ?? "");
          return quantity === undefined ? [] : [[code, quantity]];
        });
        return Object.fromEntries(codes);
      };
      for (const method of numberMethods) {
        expect(await ask(method, "n"), method).toEqual(expected(method, inside));
      }
      const labels = inside.map((event) => ({ ...event, value: event.label }));
      for (const method of ["COUNT", "UNIQUE"] as const) {
        expect(await ask(method, "label"), method).toEqual(expected(method, labels));
      }
    }),
    { numRuns: runs },
  );
});
