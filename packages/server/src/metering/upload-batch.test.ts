import { expect, test } from "vitest";
import { readMeasurements } from "../ingest/body.ts";
import { ingestRows } from "./upload-batch.ts";

const rowOf = (values: number) => {
  const ignored = Array.from({ length: values }, () => 0);
  const value = { meter: "calls", account: "acme", ts: "2024-05-01T00:00:00Z", ignored };
  return { value, text: JSON.stringify(value) };
};

test("of a batch that holds too much, all rows are stored but the one that does so alone", async () => {
  const stored: number[] = [];
  const usage = {
    ingest: async ({ body }: { readonly body: Uint8Array }) => {
      const read = readMeasurements(body, "json");
      if (read.kind === "invalid") return read;
      stored.push(read.measurements.length);
      return { kind: "accepted", stored: read.measurements.length, failures: [] } as const;
    },
  };
  const rows = [90_000, 90_000, 90_000, 250_000, 1].map(rowOf);
  const failures = await ingestRows(usage, "o", { rows, now: () => new Date(0) });
  expect(failures).toEqual([
    { kind: "Invalid", message: "must hold at most 200000 values", measurement: rows[3]?.value },
  ]);
  expect(stored).toEqual([2, 1, 1]);
});
