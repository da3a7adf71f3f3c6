import type { Database, DatabaseTransaction } from "../ports/database.ts";
import type { FileStore } from "../ports/file-store.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { type FileRow, MalformedFile, parseRow, splitRows } from "./row-splitter.ts";
import { ingestRows, type RowFailure, withUid } from "./upload-batch.ts";
import { changeUpload, readUpload, type UploadKey, type UsageUpload } from "./usage-uploads.ts";

export interface UploadParts {
  readonly database: Database;
  /** Charges what a wallet pays and meters the rest. */
  readonly usage: Pick<UsageStore, "ingest">;
  readonly files: FileStore;
  readonly now: () => Date;
  /** Writes the event of rows that could not be stored. */
  readonly storeFailures: (
    transaction: DatabaseTransaction,
    failed: { orgId: string; at: Date; rows: readonly RowFailure[] },
  ) => Promise<void>;
}

const rowsPerBatch = 1000;
/** Bodies of 1,000 rows are rarely larger; it bounds what a batch of very long ones takes. */
const lettersPerBatch = 8 * 1024 * 1024;

/** How many rows there are, having seen that each is JSON: a file that breaks off is refused before any of it counts. */
const countRows = async (files: FileStore, name: string): Promise<number> => {
  let count = 0;
  for await (const row of splitRows(files.read(name))) {
    parseRow(row);
    count += 1;
  }
  return count;
};

/** The rows from `first` on, in batches. */
async function* batchesOf(
  rows: AsyncIterable<FileRow>,
  first: number,
): AsyncGenerator<readonly FileRow[]> {
  let batch: FileRow[] = [];
  let letters = 0;
  for await (const row of rows) {
    if (row.index < first) continue;
    batch.push(row);
    letters += row.text.length;
    if (batch.length < rowsPerBatch && letters < lettersPerBatch) continue;
    yield batch;
    batch = [];
    letters = 0;
  }
  if (batch.length > 0) yield batch;
}

const ingestBatch = async (
  parts: UploadParts,
  upload: UsageUpload,
  batch: readonly FileRow[],
): Promise<UsageUpload> => {
  const { database, usage, now, storeFailures } = parts;
  const key = { orgId: upload.org_id, id: upload.id };
  if (!upload.is_in_doubt) {
    await changeUpload(database, key, { from: "running", to: { is_in_doubt: true } });
  }
  const rows = batch.map((row) => withUid(key.id, row));
  const found = await ingestRows(usage, key.orgId, { rows, now });
  // A run that was cut off may have stored them itself; its uids cannot be told from others'.
  const failures = upload.is_in_doubt ? found.filter(({ kind }) => kind !== "DuplicateUid") : found;
  const progress = {
    processed_rows: String(Number(upload.processed_rows) + batch.length),
    failed_rows: String(Number(upload.failed_rows) + failures.length),
    is_in_doubt: false,
  };
  await database.transaction().execute(async (transaction) => {
    await changeUpload(transaction, key, { from: "running", to: progress });
    if (failures.length > 0) {
      await storeFailures(transaction, { orgId: key.orgId, at: now(), rows: failures });
    }
  });
  return { ...upload, ...progress };
};

const run = async (parts: UploadParts, upload: UsageUpload): Promise<void> => {
  const { database, files } = parts;
  const { stored_as: name } = upload;
  if (name === null) throw new Error("a running upload has a file");
  const key = { orgId: upload.org_id, id: upload.id };
  if (upload.total_rows === null) {
    const totalRows = await countRows(files, name);
    await changeUpload(database, key, { from: "running", to: { total_rows: String(totalRows) } });
  }
  let state = upload;
  const rows = splitRows(files.read(name));
  for await (const batch of batchesOf(rows, Number(upload.processed_rows))) {
    state = await ingestBatch(parts, state, batch);
  }
  await changeUpload(database, key, { from: "running", to: { status: "succeeded" } });
};

/**
 * Ingests an uploaded file (m3ter semantics 3.6). Run again after it was cut off, it goes on behind the last batch that
 * it wrote down; the one batch that it may have stored without writing it down is sent again, as duplicates.
 */
export const runUpload = async (parts: UploadParts, key: UploadKey): Promise<void> => {
  const upload = await readUpload(parts.database, key);
  if (upload.status !== "running") return;
  try {
    await run(parts, upload);
  } catch (error) {
    if (!(error instanceof MalformedFile)) throw error;
    const to = { status: "failed", failure_reason: error.message } as const;
    await changeUpload(parts.database, key, { from: "running", to });
  }
};
