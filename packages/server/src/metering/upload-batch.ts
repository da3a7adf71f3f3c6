import { setTimeout as delay } from "node:timers/promises";
import type { IngestOutcome, MeasurementFailure, UsageStore } from "../ports/usage-store.ts";
import { type FileRow, parseRow } from "./row-splitter.ts";

/** Why a row was not stored, with the row. */
export interface RowFailure {
  readonly kind: MeasurementFailure["kind"] | "Invalid";
  readonly message: string;
  readonly measurement: unknown;
}

interface Sent {
  readonly value: unknown;
  readonly text: string;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A row without a uid gets one that is the same each time the file is read, so that a repeat is a duplicate. */
export const withUid = (uploadId: string, row: FileRow): Sent => {
  const value = parseRow(row);
  if (!isObject(value) || (value["uid"] ?? "") !== "") return { value, text: row.text };
  const named = { ...value, uid: `${uploadId}#${row.index}` };
  return { value: named, text: JSON.stringify(named) };
};

const busyMs = 200;
const encoder = new TextEncoder();

const ingestPatiently = async (
  usage: Pick<UsageStore, "ingest">,
  orgId: string,
  { rows, now }: { rows: readonly Sent[]; now: () => Date },
): Promise<Exclude<IngestOutcome, { kind: "overloaded" }>> => {
  for (;;) {
    const outcome = await usage.ingest({
      orgId,
      // Written anew each time, because the store keeps what it is given.
      body: encoder.encode(`{"measurements":[${rows.map(({ text }) => text).join(",")}]}`),
      format: "json",
      encoding: "identity",
      receivedAtMs: now().getTime(),
    });
    if (outcome.kind !== "overloaded") return outcome;
    await delay(busyMs);
  }
};

const rowNumber = /^measurements\[(\d+)\]\.?(.*)$/;

/**
 * Stores what can be stored of a batch and answers the rest. A request with one wrong row is refused as a whole, so the
 * rows that are named are taken out and the others sent again; of one that is refused for its size, each half. Throws when the
 * store cannot take anything now.
 */
export const ingestRows = async (
  usage: Pick<UsageStore, "ingest">,
  orgId: string,
  { rows: given, now }: { rows: readonly Sent[]; now: () => Date },
): Promise<RowFailure[]> => {
  const failures: RowFailure[] = [];
  let rows = given;
  while (rows.length > 0) {
    const outcome = await ingestPatiently(usage, orgId, { rows, now });
    if (outcome.kind === "accepted") return [...failures, ...outcome.failures];
    if (outcome.kind !== "invalid") throw new Error(`measurements are not stored: ${outcome.kind}`);
    const half = Math.ceil(rows.length / 2);
    if (half < rows.length && outcome.errors.some(({ field }) => !rowNumber.test(field))) {
      for (const part of [rows.slice(0, half), rows.slice(half)]) {
        failures.push(...(await ingestRows(usage, orgId, { rows: part, now })));
      }
      return failures;
    }
    const wrong = new Map<number, string[]>();
    for (const { field, message } of outcome.errors) {
      const [, row = "0", rest = ""] = rowNumber.exec(field) ?? [];
      const faults = wrong.get(Number(row)) ?? [];
      wrong.set(Number(row), [...faults, `${rest} ${message}`.trim()]);
    }
    for (const [index, messages] of wrong) {
      const message = messages.join("; ");
      failures.push({ kind: "Invalid", message, measurement: rows[index]?.value });
    }
    rows = rows.filter((_, index) => !wrong.has(index));
  }
  return failures;
};
