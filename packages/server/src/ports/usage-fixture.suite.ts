import { afterEach, beforeEach } from "vitest";
import type { MemoryUsageDirectory } from "../adapters/memory/usage-directory.ts";
import type { IngestOutcome, UsageStore } from "./usage-store.ts";

/** What the suites of the usage store start from. */
export interface UsageStoreFixture {
  readonly directory: MemoryUsageDirectory;
  open(): Promise<UsageStore>;
  dispose(): Promise<void>;
}

export const org = "0b3c0c6e-0000-4000-8000-000000000001";
export const receivedAtMs = Date.UTC(2024, 4, 20, 12);
export const may = {
  start: Temporal.Instant.from("2024-05-01T00:00:00Z"),
  end: Temporal.Instant.from("2024-06-01T00:00:00Z"),
};

export const calls = {
  id: "11111111-0000-4000-8000-000000000001",
  code: "calls",
  dataFields: [
    { code: "tokens", category: "MEASURE" },
    { code: "model", category: "WHAT" },
    { code: "trace", category: "METADATA" },
  ],
  derivedFields: [],
} as const;

export const event = (uid: string, tokens: number, change: object = {}): object => ({
  uid,
  meter: "calls",
  account: "acme",
  ts: "2024-05-10T00:00:00Z",
  measure: { tokens },
  what: { model: "small" },
  metadata: { trace: uid },
  ...change,
});

export const sendTo = (
  store: UsageStore,
  measurements: readonly object[],
  { orgId = org, at = receivedAtMs } = {},
): Promise<IngestOutcome> =>
  store.ingest({
    orgId,
    body: Buffer.from(JSON.stringify({ measurements })),
    format: "json",
    encoding: "identity",
    receivedAtMs: at,
  });

/** Each test's own store, which knows the meter `calls`; it is closed and gone after the test. */
export const storeOfEachTest = (create: () => Promise<UsageStoreFixture>) => {
  let fixture: UsageStoreFixture;
  let store: UsageStore;

  beforeEach(async () => {
    fixture = await create();
    fixture.directory.putMeter(org, calls);
    store = await fixture.open();
  });

  afterEach(async () => {
    await store.close();
    await fixture.dispose();
  });

  return {
    get store(): UsageStore {
      return store;
    },
    get directory(): MemoryUsageDirectory {
      return fixture.directory;
    },
    accountId: (code: string): string => fixture.directory.accountId(org, code) ?? "",
    /** As after a restart. */
    reopen: async (): Promise<void> => {
      await store.close();
      store = await fixture.open();
    },
  };
};
