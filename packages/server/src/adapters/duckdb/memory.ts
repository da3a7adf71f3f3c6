import type { DuckDBConnection } from "@duckdb/node-api";
import { integer, rowsOf } from "./cells.ts";

/** What the usage thread has in memory, in bytes. */
export interface UsageMemory {
  /** The uids of the dedupe window. */
  readonly uids: number;
  /** Of DuckDB: blocks of the file and rows that are not in it yet. */
  readonly duckdb: number;
  /** Of V8: buffers, among them the uids, and all else. */
  readonly buffers: number;
  readonly heap: number;
}

export const memoryOf = async (
  connection: DuckDBConnection,
  { uidBytes }: { readonly uidBytes: number },
): Promise<UsageMemory> => {
  const [row] = await rowsOf(
    connection,
    "SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()",
  );
  const { arrayBuffers, heapTotal } = process.memoryUsage();
  return { uids: uidBytes, duckdb: integer(row?.[0]), buffers: arrayBuffers, heap: heapTotal };
};
