import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { inflateBody, inflatedBytesAtMost, readMeasurements } from "./body.ts";

const refusal = (message: string) => ({ kind: "invalid", errors: [{ field: "", message }] });
const tooFull = refusal("must hold at most 200000 values");

test("a body of far more values than measurements have is refused unread", () => {
  const envelope = Buffer.from(`{"measurements":[${"{},".repeat(200_000)}{}]}`);
  expect(readMeasurements(envelope, "json")).toEqual(tooFull);
  expect(readMeasurements(Buffer.from("[".repeat(200_001)), "json")).toEqual(tooFull);
  expect(readMeasurements(Buffer.from("\n".repeat(200_001)), "ndjson")).toEqual(tooFull);
});

test("what stands in texts, and between lines that are no measurements, is no value", () => {
  const measurement = {
    meter: "calls",
    account: "acme",
    ts: "2024-05-01T00:00:00Z",
    other: { note: '\\",[{'.repeat(100_000) },
  };
  const spaced = `${"\n".repeat(200_001)}${JSON.stringify({ measurements: [measurement] })}`;
  expect(readMeasurements(Buffer.from(spaced), "json")).toMatchObject({ kind: "read" });
});

test("a body that inflates to more than measurements take is refused", async () => {
  const request = { orgId: "o", format: "json", encoding: "gzip", receivedAtMs: 0 } as const;
  const inflated = (bytes: number) =>
    inflateBody({ ...request, body: gzipSync(Buffer.alloc(bytes)) });
  expect(await inflated(16_777_216)).toMatchObject({ kind: "bytes" });
  expect(await inflated(16_777_217)).toEqual(refusal("must be gzip of at most 16777216 bytes"));
});

test.each([100, 100_000, 16_777_216])("%s bytes inflate to no more than is said", (bytes) => {
  const bound = inflatedBytesAtMost(gzipSync(Buffer.alloc(bytes)));
  expect(bound).toBeGreaterThanOrEqual(bytes);
  expect(bound).toBeLessThanOrEqual(16_777_216);
});
