import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { IngestRequest } from "../ports/usage-store.ts";
import { type ChargedIngestParts, chargedIngest } from "./charged-ingest.ts";

const ts = "2024-05-01T00:00:00Z";
const bodyOf = (...accounts: readonly string[]) => {
  const measurements = accounts.map((account) => ({ meter: "calls", account, ts }));
  return Buffer.from(JSON.stringify({ measurements }));
};
const plain = bodyOf("acme");
const packed = gzipSync(plain);
const request = { orgId: "o", format: "json", encoding: "identity", receivedAtMs: 0 } as const;

const never = () => Promise.reject(new Error("nothing is charged"));

/** Of an organization in which the account `paying` has a wallet. */
const parts: ChargedIngestParts = {
  ledger: {
    prices: { meter: async () => ({ code: "calls", dataFields: [] }) },
  },
  plainUsage: {
    hasWallets: async () => true,
    withWallet: async () => new Set(["paying"]),
    price: async () => [],
    charge: never,
  },
  usage: { ingest: async () => ({ kind: "overloaded" }) },
  doors: { charging: (_bytes, work) => work() },
};

test("nothing is charged when the usage store is too busy for the rest", async () => {
  const both = { ...request, receivedAtMs: Date.parse(ts), body: bodyOf("paying", "other") };
  expect(await chargedIngest(parts, both)).toEqual({ kind: "overloaded" });
  const alone = { ...both, body: bodyOf("paying") };
  await expect(chargedIngest(parts, alone)).rejects.toThrow("nothing is charged");
});

test.each([
  ["identity", plain, plain.length],
  ["gzip", packed, 10 * packed.length],
] as const)(
  "measurements that may be charged wait as the bytes they came as: %s",
  async (encoding, body, bytes) => {
    const log: unknown[] = [];
    const { promise: room, resolve: makeRoom } = Promise.withResolvers<void>();
    const waiting: ChargedIngestParts = {
      ...parts,
      plainUsage: {
        ...parts.plainUsage,
        withWallet: async (_orgId, accounts) => {
          log.push(accounts);
          return new Set();
        },
      },
      usage: {
        ingest: async ({ body: taken }) => {
          log.push(Buffer.from(taken).equals(plain));
          return { kind: "accepted", stored: 1, failures: [] };
        },
      },
      doors: {
        charging: async (asked, work) => {
          log.push(asked);
          await room;
          return work();
        },
      },
    };
    const given: IngestRequest = { ...request, body, encoding };
    const outcome = chargedIngest(waiting, given);
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual([bytes]);
    makeRoom();
    expect(await outcome).toMatchObject({ kind: "accepted", stored: 1 });
    expect(log).toEqual([bytes, ["acme"], true]);
  },
);
