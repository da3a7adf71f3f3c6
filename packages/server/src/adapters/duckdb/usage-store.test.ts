import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { usageQuerySuite } from "../../ports/usage-query.suite.ts";
import { usageStoreSuite } from "../../ports/usage-store.suite.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { openUsageStore } from "./usage-store.ts";

const create = async () => {
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
      }),
    dispose: () => rm(folder, { recursive: true }),
  };
};

usageStoreSuite("DuckDB", create);
usageQuerySuite("DuckDB", create);
