import * as fc from "fast-check";
import { expect } from "vitest";
import type { NaiveEvent } from "../../metering/naive-usage.ts";
import type { UsageStore } from "../../ports/usage-store.ts";
import type { MemoryUsageDirectory } from "../memory/usage-directory.ts";

/** Random events and corrections, and what a plain reading of the rules makes of them. */

const hour = 3_600_000_000;
export const half = hour / 2;
export const receivedAtMs = Date.UTC(2024, 11, 1);

/** Places and times at which days have 23, 23½, 24½ or 25 hours, or an hour half an hour more. */
export const scenes = [
  { zone: "America/New_York", start: Date.UTC(2024, 2, 9, 12) * 1000 },
  { zone: "America/New_York", start: Date.UTC(2024, 10, 2, 12) * 1000 },
  { zone: "Australia/Lord_Howe", start: Date.UTC(2024, 3, 5, 12) * 1000 },
  { zone: "Australia/Lord_Howe", start: Date.UTC(2024, 9, 4, 12) * 1000 },
  { zone: "Asia/Kolkata", start: Date.UTC(2024, 2, 30, 12) * 1000 },
  { zone: "UTC", start: Date.UTC(2024, 5, 29) * 1000 },
] as const;

const number = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat(9)).map(([m, s]) => m / 10 ** s),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
);
const dimensions = {
  region: fc.constantFrom("eu", "us", "it's"),
  tier: fc.constantFrom("a", "b"),
};

/** Few uids, accounts and instants, so that duplicates and ties happen. */
export const anyEvent = fc.record({
  uid: fc.nat(60).map(String),
  account: fc.constantFrom("acme", "beta", "gamma"),
  /** From the start of the scene, most of them at the edges of hours. */
  offset: fc
    .tuple(fc.nat(144), fc.constantFrom(0, 0, -1, 1, 123_456_789))
    .map(([halves, more]) => Math.max(0, halves * half + more)),
  value: number,
  label: fc.constantFrom("a", "A", "é", "longer than twelve bytes"),
  ...dimensions,
});
type AnyEvent = typeof anyEvent extends fc.Arbitrary<infer Event> ? Event : never;

/** What counts in the end. */
export interface Counting extends NaiveEvent {
  readonly value: number;
  readonly label: string;
  readonly region: string;
  readonly tier: string;
}

export const instant = (micros: number): Temporal.Instant =>
  Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n);

export const makeMeter = (directory: MemoryUsageDirectory, orgId: string): void => {
  directory.putMeter(orgId, {
    id: orgId,
    code: "m",
    dataFields: [
      { code: "n", category: "MEASURE" },
      { code: "label", category: "METADATA" },
      { code: "region", category: "WHERE" },
      { code: "tier", category: "WHAT" },
    ],
    derivedFields: [],
  });
};

interface Sending {
  readonly store: UsageStore;
  readonly orgId: string;
  /** Of the scene, in epoch microseconds. */
  readonly start: number;
  /** By batch; the same for all where the order must not matter. */
  readonly receivedAt: (batch: number) => number;
}

/** Ingests the batches one after the other; returns what a plain reading of the rules stores. */
export const ingest = async (
  { store, orgId, start, receivedAt }: Sending,
  batches: readonly (readonly AnyEvent[])[],
): Promise<ReadonlyMap<string, Counting>> => {
  const stored = new Map<string, Counting>();
  for (const [index, batch] of batches.entries()) {
    const at = receivedAt(index);
    const measurements = batch.map(({ uid, account, offset, value, label, region, tier }) => ({
      uid,
      account,
      meter: "m",
      ts: instant(start + offset).toString(),
      measure: { n: value },
      metadata: { label },
      where: { region },
      what: { tier },
    }));
    const body = Buffer.from(JSON.stringify({ measurements }));
    const request = { orgId, body, format: "json", encoding: "identity" } as const;
    const outcome = await store.ingest({ ...request, receivedAtMs: at });
    const before = stored.size;
    for (const event of batch) {
      if (stored.has(event.uid)) continue;
      stored.set(event.uid, { ...event, tsMicros: start + event.offset, receivedAtMs: at });
    }
    expect(outcome).toMatchObject({ kind: "accepted", stored: stored.size - before });
  }
  return stored;
};

/** A void, or new values for what has the uid. */
export const anyCorrection = fc.record({
  uid: fc.nat(60).map(String),
  amendment: fc.option(
    fc.record({ value: number, label: fc.constantFrom("a", "A"), ...dimensions }),
    { freq: 2, nil: undefined },
  ),
});
type AnyCorrection =
  typeof anyCorrection extends fc.Arbitrary<infer Correction> ? Correction : never;

/** Corrects one after the other; returns what counts in the end. */
export const correct = async (
  { store, orgId }: Pick<Sending, "store" | "orgId">,
  received: ReadonlyMap<string, Counting>,
  corrections: readonly AnyCorrection[],
): Promise<readonly Counting[]> => {
  const counting = new Map(received);
  const amended = new Map<string, string>();
  for (const [index, { uid, amendment }] of corrections.entries()) {
    const at = receivedAtMs + 1000 + index;
    const by = { correctedBy: "somebody", reason: "wrong", receivedAtMs: at };
    const values = amendment && {
      amendment: {
        measure: { n: amendment.value },
        metadata: { label: amendment.label },
        where: { region: amendment.region },
        what: { tier: amendment.tier },
      },
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
