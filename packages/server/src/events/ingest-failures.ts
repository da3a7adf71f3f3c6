import { randomUUIDv7 } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { eventDays, ingestFailureEvent } from "@turnpike/contract/event.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Logger } from "pino";
import type { Database } from "../ports/database.ts";
import { isRecordId } from "../records/records.ts";

/** One measurement that was not stored, with why and as it was submitted. */
export interface FailedRow {
  readonly kind: string;
  readonly message: string;
  readonly measurement: unknown;
}

/** The failures of one request or of one batch of a file. */
export interface FailedBatch {
  readonly orgId: string;
  readonly at: Date;
  readonly rows: readonly FailedRow[];
}

const countKinds = (rows: readonly FailedRow[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind } of rows) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

/**
 * A body of measurements that can be corrected and sent again as it is: what was wrong stands in a field that ingest
 * does not know and ignores.
 */
const fileOf = (rows: readonly FailedRow[]): string => {
  const measurements = rows.map(({ kind, message, measurement }) =>
    typeof measurement === "object" && measurement !== null && !Array.isArray(measurement)
      ? { ...measurement, failure: { type: kind, message } }
      : { value: measurement, failure: { type: kind, message } },
  );
  return JSON.stringify({ measurements });
};

const fileSuffix = ".json";

/** Writes an event for each batch, with the file of its rows (m3ter semantics 3.4). */
export const storeFailures = async (
  writer: Database,
  batches: readonly FailedBatch[],
): Promise<void> => {
  const events = batches.map(({ orgId, at, rows }) => {
    const id = randomUUIDv7();
    const detail = {
      file: `${id}${fileSuffix}`,
      failedRows: rows.length,
      types: countKinds(rows),
    };
    const event = {
      org_id: orgId,
      id,
      at,
      name: ingestFailureEvent,
      detail: JSON.stringify(detail),
    };
    return { event, file: { org_id: orgId, event_id: id, body: fileOf(rows) } };
  });
  if (events.length === 0) return;
  await writer
    .insertInto("event")
    .values(events.map(({ event }) => event))
    .execute();
  await writer
    .insertInto("failed_ingest")
    .values(events.map(({ file }) => file))
    .execute();
};

/** The event that a file belongs to; NOT_FOUND when there is no such file. */
export const eventOfFile = async (
  database: Database,
  { orgId, file }: { orgId: string; file: string },
): Promise<string> => {
  const id = file.endsWith(fileSuffix) ? file.slice(0, -fileSuffix.length) : file;
  await readFailedRows(database, { orgId, id });
  return id;
};

export const readFailedRows = async (
  database: Database,
  { orgId, id }: { orgId: string; id: string },
): Promise<string> => {
  if (!isRecordId(id)) throw new Problem("NOT_FOUND");
  const found = await database
    .selectFrom("failed_ingest")
    .select("body")
    .where("org_id", "=", orgId)
    .where("event_id", "=", id)
    .executeTakeFirst();
  if (found === undefined) throw new Problem("NOT_FOUND");
  return found.body;
};

/** More than this waiting to be written, and ingest waits with its answers. */
const waitingRowsMax = 100_000;
const batchesPerWrite = 20;
const retryMs = 1000;
const retentionMs = eventDays * 86_400_000;
const hourMs = 3_600_000;

/** Writes the events of failures behind the acknowledgements. */
export class IngestFailures {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #now: () => Date;
  readonly #cleaner: NodeJS.Timeout;
  #waiting: FailedBatch[] = [];
  #waitingRows = 0;
  #writing: Promise<void> | undefined;
  #isStopping = false;

  constructor(parts: { database: Database; logger: Logger; now: () => Date }) {
    this.#database = parts.database;
    this.#logger = parts.logger;
    this.#now = parts.now;
    this.#cleaner = setInterval(() => void this.#forgetOld(), hourMs).unref();
  }

  /** Takes the failures over; resolves at once unless too many are waiting. */
  async note(batch: FailedBatch): Promise<void> {
    if (batch.rows.length === 0) return;
    this.#waiting.push(batch);
    this.#waitingRows += batch.rows.length;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    if (this.#waitingRows > waitingRowsMax) await this.#writing;
  }

  /** Writes what is waiting, trying once more where it did not work. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#cleaner);
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // The answers that these failures came with go out first.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batches = this.#waiting.slice(0, batchesPerWrite);
      if (!(await this.#write(batches)) && this.#isStopping) return;
    }
  }

  async #write(batches: readonly FailedBatch[]): Promise<boolean> {
    try {
      await this.#database.transaction().execute((writer) => storeFailures(writer, batches));
    } catch (err) {
      this.#logger.error({ err, waitingRows: this.#waitingRows }, "failed rows are not written");
      if (!this.#isStopping) await delay(retryMs);
      return false;
    }
    this.#waiting = this.#waiting.slice(batches.length);
    this.#waitingRows -= batches.reduce((count, { rows }) => count + rows.length, 0);
    return true;
  }

  async #forgetOld(): Promise<void> {
    const before = new Date(this.#now().getTime() - retentionMs);
    try {
      await this.#database.deleteFrom("event").where("at", "<=", before).execute();
    } catch (err) {
      this.#logger.error({ err }, "old events are not removed");
    }
  }
}
