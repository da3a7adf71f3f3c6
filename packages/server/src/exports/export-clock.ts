import { exportSchedule } from "@turnpike/contract/sync/export-schedule.ts";
import type { ExportOrder } from "@turnpike/contract/sync/export-job.ts";
import { windowOf } from "../metering/time-periods.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { scheduler } from "../records/caller.ts";
import { lastExport, nextExport } from "../records/export-times.ts";
import { typed } from "../records/lookup.ts";
import { findRecord, type RecordRow } from "../records/records.ts";
import { createExportJob, type ExportJobKey } from "./export-jobs.ts";
import { exportZone } from "./usage-source.ts";

export interface ExportClockParts {
  readonly database: Database;
  readonly now: () => Date;
  /** Queues work that begins once the caller's transaction commits, and only then. */
  readonly background: {
    readonly exportJob: (transaction: DatabaseTransaction, key: ExportJobKey) => Promise<void>;
  };
}

interface ScheduleKey {
  readonly orgId: string;
  readonly id: string;
}

/**
 * What a schedule exports at a time: usage of the period that counts back from when it should have run, not from when a
 * server came to it (m3ter semantics 21).
 */
const orderOf = (row: RecordRow, at: Date): ExportOrder => {
  const schedule = typed(exportSchedule, row);
  const { exportFileFormat, destinationIds } = schedule;
  const common = { exportFileFormat, destinationIds };
  if (schedule.sourceType === "OPERATIONAL") {
    const { sourceType, operationalDataTypes } = schedule;
    return { ...common, sourceType, operationalDataTypes };
  }
  const { sourceType, timePeriod } = schedule;
  const { meterIds, accountIds, dimensionFilters, aggregations, groups } = schedule;
  const window = windowOf(timePeriod, { at: at.toTemporalInstant(), timeZone: exportZone });
  const startDate = new Date(window.start.epochMilliseconds).toISOString();
  const endDate = new Date(window.end.epochMilliseconds).toISOString();
  const selection = { meterIds, accountIds, dimensionFilters, aggregations, groups };
  return { ...common, sourceType, ...selection, startDate, endDate };
};

/** The run that the schedule owes, if its turn has come, held until the transaction ends. */
const findOwed = async (
  transaction: DatabaseTransaction,
  { orgId, id }: ScheduleKey,
  now: Date,
): Promise<Date | undefined> => {
  const found = await transaction
    .selectFrom("export_schedule")
    .select("next_run_at")
    .where("org_id", "=", orgId)
    .where("id", "=", id)
    .where("next_run_at", "<=", now)
    .forUpdate()
    .executeTakeFirst();
  return found?.next_run_at;
};

const isUnderWay = async (
  transaction: DatabaseTransaction,
  { orgId, id }: ScheduleKey,
): Promise<boolean> => {
  const found = await transaction
    .selectFrom("export_job")
    .select("id")
    .where("org_id", "=", orgId)
    .where("schedule_id", "=", id)
    .where("status", "in", ["PENDING", "RUNNING"])
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
};

/** The job and the next time are one transaction: a run happens once, whoever asks and whatever is cut off. */
const runDue = ({ database, now, background }: ExportClockParts, key: ScheduleKey): Promise<void> =>
  database.transaction().execute(async (transaction) => {
    const { orgId, id } = key;
    const at = now();
    const owed = await findOwed(transaction, key, at);
    const row = await findRecord(transaction, { orgId, kind: exportSchedule.kind, id });
    if (owed === undefined || row === undefined) return;
    // It is still owed when that one has ended: exports that take longer than their period do not pile up.
    if (await isUnderWay(transaction, key)) return;
    const order = orderOf(row, lastExport(row, { owed, now: at }));
    const caller = { orgId, principal: scheduler };
    const jobId = await createExportJob(transaction, caller, { order, at, scheduleId: id });
    await background.exportJob(transaction, { orgId, jobId });
    await transaction
      .updateTable("export_schedule")
      .set({ next_run_at: nextExport(row, at) })
      .where("org_id", "=", orgId)
      .where("id", "=", id)
      .execute();
  });

/**
 * Runs every schedule of exports that is due; of several times that were missed, one run makes up. Called once a minute or
 * more. A schedule that fails keeps no other one waiting.
 */
export const tickExportClock = async (parts: ExportClockParts): Promise<void> => {
  const due = await parts.database
    .selectFrom("export_schedule")
    .select(["org_id as orgId", "id"])
    .where("next_run_at", "<=", parts.now())
    .orderBy("next_run_at")
    .execute();
  const failures: Error[] = [];
  for (const key of due) {
    await runDue(parts, key).catch((cause: unknown) => {
      failures.push(new Error(`schedule ${key.id} of organization ${key.orgId}`, { cause }));
    });
  }
  if (failures.length > 0) throw new AggregateError(failures, "the clock of exports failed");
};
