import { randomUUIDv7 } from "node:crypto";
import { sql } from "kysely";
import { exportFailureEvent } from "@turnpike/contract/event.ts";
import { fieldProblem, Problem, problems } from "@turnpike/contract/problem.ts";
import { noDestination, type OperationalExport } from "@turnpike/contract/sync/export-job.ts";
import type { UsageParts } from "../metering/usage-query.ts";
import type { FileStore } from "../ports/file-store.ts";
import type { Catalog } from "../resources/verbs.ts";
import { fileName, fileOf, type Format, type Source } from "./export-file.ts";
import {
  changeExportJob,
  type ExportJob,
  type ExportJobKey,
  jobKeptMs,
  keptMs,
  readExportJob,
} from "./export-jobs.ts";
import { operationalSource } from "./operational-sources.ts";
import { usageSource } from "./usage-source.ts";
import { ArchiveTooLarge, zip } from "./zip.ts";

export interface ExportParts extends UsageParts {
  readonly files: FileStore;
  readonly replies: Catalog["replies"];
}

const archive = (
  { files }: ExportParts,
  sources: readonly Source[],
  format: Format,
): Promise<string> =>
  files.write(
    zip(
      sources.map((source) => ({
        name: fileName(source, format),
        pieces: fileOf(source, format),
      })),
    ),
  );

const exportOperational = (
  parts: ExportParts,
  { orgId, order }: { orgId: string; order: OperationalExport },
): Promise<string> =>
  parts.database
    .transaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute((transaction) => {
      const reader = { transaction, replies: parts.replies, orgId, since: order.startDate };
      const types = [...new Set(order.operationalDataTypes)];
      const sources = types.map((type) => operationalSource(reader, type));
      return archive(parts, sources, order.exportFileFormat);
    });

const writeFile = async (
  parts: ExportParts,
  { org_id: orgId, request }: ExportJob,
): Promise<string> => {
  if (request.destinationIds !== undefined && request.destinationIds.length > 0)
    throw fieldProblem("RULE_VIOLATED", "destinationIds", noDestination);
  if (request.sourceType === "OPERATIONAL")
    return exportOperational(parts, { orgId, order: request });
  return archive(parts, [usageSource(parts, { orgId, order: request })], request.exportFileFormat);
};

const fail = async (
  { database, now }: ExportParts,
  { orgId, jobId }: ExportJobKey,
  reason: string,
): Promise<void> => {
  await database.transaction().execute(async (transaction) => {
    const change = { status: "FAILED", failure_reason: reason, finished_at: now() } as const;
    if (!(await changeExportJob(transaction, { orgId, jobId }, change))) return;
    await transaction
      .insertInto("event")
      .values({
        org_id: orgId,
        id: randomUUIDv7(),
        at: now(),
        name: exportFailureEvent,
        detail: JSON.stringify({ jobId, reason }),
      })
      .execute();
  });
};

const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^(ENOSPC|EDQUOT)$/.test(String(error.code));

/** What a client is told; what it cannot act upon is in the log. */
const reasonOf = (error: unknown): string => {
  if (error instanceof Problem || error instanceof ArchiveTooLarge) return error.message;
  return problems[isDiskFull(error) ? "STORAGE_FULL" : "INTERNAL"].sentence;
};

/**
 * Writes the file of an export. Run again after it was cut off, it starts over; what fails has failed, also where nobody
 * expected it: the error is thrown for the log, and the queue's next try finds the job ended.
 */
export const runExportJob = async (parts: ExportParts, key: ExportJobKey): Promise<void> => {
  const { database, files, now } = parts;
  const isOpen = await changeExportJob(database, key, { status: "RUNNING", started_at: now() });
  if (!isOpen) return;
  try {
    const name = await writeFile(parts, await readExportJob(database, key));
    const change = { status: "SUCCEEDED", stored_as: name, finished_at: now() } as const;
    // Another server that took the job over may have ended it meanwhile.
    if (!(await changeExportJob(database, key, change))) await files.remove(name);
  } catch (error) {
    await fail(parts, key, reasonOf(error));
    if (!(error instanceof Problem || error instanceof ArchiveTooLarge)) throw error;
  }
};

/**
 * Removes the files that no export names: of a crash between the file and the job that was to name it. Before the queue
 * starts, since a file is there before its job names it.
 */
export const removeStrayExports = async ({
  database,
  files,
}: Pick<ExportParts, "database" | "files">): Promise<void> => {
  const names = await files.list();
  const rows = await database
    .selectFrom("export_job")
    .select("stored_as")
    .where(sql<boolean>`stored_as = ANY(${names})`)
    .execute();
  const named = new Set(rows.map(({ stored_as }) => stored_as));
  for (const name of names) if (!named.has(name)) await files.remove(name);
};

interface Expiring extends Pick<ExportParts, "database" | "now"> {
  readonly files: Pick<FileStore, "remove">;
}

/**
 * Removes the files that have been kept long enough, then the jobs: a schedule alone can make a hundred a day. First the
 * file, so that a crash forgets none.
 */
export const expireExports = async ({ database, files, now }: Expiring): Promise<void> => {
  const before = (keptForMs: number): Date => new Date(now().getTime() - keptForMs);
  const old = await database
    .selectFrom("export_job")
    .select(["org_id", "id", "stored_as"])
    .where("stored_as", "is not", null)
    .where("finished_at", "<", before(keptMs))
    .execute();
  for (const { org_id, id, stored_as } of old) {
    if (stored_as !== null) await files.remove(stored_as);
    await database
      .updateTable("export_job")
      .set({ stored_as: null })
      .where("org_id", "=", org_id)
      .where("id", "=", id)
      .execute();
  }
  await database.deleteFrom("export_job").where("finished_at", "<", before(jobKeptMs)).execute();
};
