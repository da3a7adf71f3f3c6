import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { usageBackfillsSuite } from "../../ports/usage-backfills.suite.ts";
import { usageBreakdownSuite } from "../../ports/usage-breakdown.suite.ts";
import { usageChangesSuite } from "../../ports/usage-changes.suite.ts";
import { usageCorrectionsSuite } from "../../ports/usage-corrections.suite.ts";
import { jointUsageSuite } from "../../ports/joint-usage.suite.ts";
import { usageQuerySuite } from "../../ports/usage-query.suite.ts";
import { usageScanSuite } from "../../ports/usage-scan.suite.ts";
import { usageStatisticsSuite } from "../../ports/usage-statistics.suite.ts";
import { usageStoreSuite } from "../../ports/usage-store.suite.ts";
import { usageSurroundingsSuite } from "../../ports/usage-surroundings.suite.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { openUsageStore } from "./usage-store.ts";
import type { UsageStoreOptions } from "./usage-store.ts";

const create = async (options: Partial<UsageStoreOptions> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-usage-"));
  const directory = new MemoryUsageDirectory();
  return {
    directory,
    open: () =>
      openUsageStore({
        path: join(folder, "usage.duckdb"),
        directory,
        worker: new URL("../../usage-worker.ts", import.meta.url),
        startedAtMs: Date.UTC(2024, 4, 20, 12),
        ...options,
      }),
    dispose: () => rm(folder, { recursive: true }),
  };
};

usageStoreSuite("DuckDB", () => create());
jointUsageSuite("DuckDB", () => create());
usageBreakdownSuite("DuckDB", () => create());
usageStatisticsSuite("DuckDB", () => create());
usageChangesSuite("DuckDB", () => create());
usageChangesSuite("DuckDB while rows move", () => create({ moves: { quietMs: 1, rowsMin: 1 } }));
usageScanSuite("DuckDB", () => create());
usageBackfillsSuite("DuckDB", () => create());
usageBackfillsSuite("DuckDB while rows move", () => create({ moves: { quietMs: 1, rowsMin: 1 } }));
usageSurroundingsSuite("DuckDB", () => create());

test("bodies beyond the memory for pending ones are refused, and taken once there is room", async () => {
  const fixture = await create({ pendingBytesMax: 2500 });
  const store = await fixture.open();
  const send = () =>
    store.ingest({
      orgId: "org",
      body: Buffer.from(" ".repeat(1000)),
      format: "json",
      encoding: "identity",
      receivedAtMs: 0,
    });
  const outcomes = await Promise.all([send(), send(), send()]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(["invalid", "invalid", "overloaded"]);
  expect(await send()).toMatchObject({ kind: "invalid" });
  await store.close();
  await fixture.dispose();
});

test("an organization's custom SQL waits for one query of another, not for all", async () => {
  const fixture = await create();
  const store = await fixture.open();
  const order: string[] = [];
  const check = async (orgId: string, query: string): Promise<void> => {
    expect(await store.faultOfSql({ orgId, sql: "SELECT 1", fields: [] })).toBeUndefined();
    order.push(query);
  };
  const busy = ["1", "2", "3"].map((query) => check("busy", query));
  await Promise.all([...busy, check("other", "other")]);
  expect(order).toEqual(["1", "other", "2", "3"]);
  await store.close();
  await fixture.dispose();
});

usageQuerySuite("DuckDB", () => create());
usageCorrectionsSuite("DuckDB", () => create());
usageCorrectionsSuite("DuckDB while rows move", () =>
  create({ moves: { quietMs: 1, rowsMin: 1 } }),
);
