import { exportSchedule } from "@turnpike/contract/sync/export-schedule.ts";
import { parseCron } from "@turnpike/contract/sync/cron.ts";
import { lastTime, nextTime, type Repetition } from "@turnpike/engine/time/repetition.ts";
import { typed } from "./lookup.ts";
import type { RecordRow } from "./records.ts";

/** What the contract has checked: either a cron expression or a period. */
const repetitionOf = (row: RecordRow): Repetition => {
  const { cronExpression, scheduleType: unit, period, offset } = typed(exportSchedule, row);
  const read = cronExpression === undefined ? undefined : parseCron(cronExpression);
  if (read !== undefined && "cron" in read) return { kind: "named", times: read.cron };
  if (unit === undefined || period === undefined)
    throw new Error("a schedule of exports has times");
  return { kind: "every", unit, period, offset };
};

const instantOf = (date: Date): Temporal.Instant =>
  Temporal.Instant.fromEpochMilliseconds(date.getTime());
const dateOf = (at: Temporal.Instant): Date => new Date(at.epochMilliseconds);

/** When a schedule of exports runs next after that, counted from its creation (m3ter semantics 21). */
export const nextExport = (row: RecordRow, after: Date): Date => {
  const since = instantOf(row.dt_created);
  return dateOf(nextTime(repetitionOf(row), { since, after: instantOf(after) }));
};

/** The last time until now at which it should have run, where it owes the run of some time. */
export const lastExport = (row: RecordRow, { owed, now }: { owed: Date; now: Date }): Date => {
  const since = instantOf(row.dt_created);
  const times = { since, owed: instantOf(owed), now: instantOf(now) };
  return dateOf(lastTime(repetitionOf(row), times));
};
