import { sql } from "kysely";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { parseZone } from "@turnpike/engine/time/zone.ts";
import type { DatabaseTransaction } from "../ports/database.ts";
import { type Caller, scheduler } from "../records/caller.ts";
import { typed } from "../records/lookup.ts";
import { createScheduledRuns } from "./bill-jobs.ts";
import { approveWhere, type LifecycleParts } from "./bill-lifecycle.ts";
import { lastRunBefore } from "./schedule.ts";

type Config = Stored<typeof organizationConfig>;

const hoursPerUnit = { MINUTES: 1 / 60, HOURS: 1, DAYS: 24 } as const;

/**
 * What time brings: approvals whose grace period is over, and runs that are due. Called once a minute or more. An
 * organization for which something fails keeps no other one waiting.
 */
export const tickBillClock = async (parts: LifecycleParts): Promise<void> => {
  const rows = await parts.database
    .selectFrom("record")
    .selectAll()
    .where("kind", "=", organizationConfig.kind)
    .orderBy("org_id")
    .execute();
  const failures: unknown[] = [];
  for (const row of rows) {
    const caller = { orgId: row.org_id, principal: scheduler };
    const config = typed(organizationConfig, row);
    const failed = (cause: unknown): void =>
      void failures.push(new Error(`organization ${row.org_id}`, { cause }));
    await approveDue(parts, caller, config).catch(failed);
    await runDue(parts, caller, config).catch(tryNextTime).catch(failed);
  }
  if (failures.length > 0) throw new AggregateError(failures, "the clock of bills failed");
};

/** The run is still due a minute later. */
const tryNextTime = (error: unknown): void => {
  if (error instanceof Problem && error.code === "TOO_MANY_BILL_JOBS") return;
  throw error;
};

/**
 * Bills of periods that are over, so long after their last calculation as the organization says ([R]: "after bill
 * generation" could also be the first one, but a bill grows until its period ends).
 */
const approveDue = async (
  parts: LifecycleParts,
  caller: Caller,
  { autoApproveBillsGracePeriod: grace, autoApproveBillsGracePeriodUnit: unit }: Config,
): Promise<void> => {
  if (grace === undefined || unit === undefined) return;
  const now = parts.now();
  const graceMs = grace * hoursPerUnit[unit] * 3_600_000;
  // A grace period may be longer than the time since there are dates: then no bill is old enough.
  const until = new Date(Math.max(now.getTime() - graceMs, 0));
  await approveWhere(parts, caller, [
    sql`bill.status = 'PENDING' AND bill.last_calculated_at <= ${until} AND bill.ends_at <= ${now}`,
  ]);
};

const runDue = async (parts: LifecycleParts, caller: Caller, config: Config): Promise<void> => {
  const { scheduledBillInterval: intervalHours = 0, scheduledBillOffset: offsetHours = 0 } = config;
  if (intervalHours === 0) return;
  const zone = parseZone(config.timezone) ?? "UTC";
  const now = Temporal.Instant.fromEpochMilliseconds(parts.now().getTime());
  const due = lastRunBefore({ intervalHours, offsetHours, zone }, now);
  await parts.database.transaction().execute(async (transaction) => {
    if (!(await claim(transaction, caller.orgId, due))) return;
    const at = new Date(due.epochMilliseconds);
    await createScheduledRuns(transaction, caller, { ...parts, at: parts.now(), due: at });
  });
};

/**
 * Whether this is the one that runs it. A schedule that was just switched on begins with the next run, and so does one that
 * had run at a time that has not come: the clock was ahead, and to wait for that time could mean for years.
 */
const claim = async (
  transaction: DatabaseTransaction,
  orgId: string,
  due: Temporal.Instant,
): Promise<boolean> => {
  const at = due.toString();
  const begun = await transaction
    .insertInto("bill_schedule")
    .values({ org_id: orgId, last_run_at: at })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (begun.numInsertedOrUpdatedRows === 1n) return false;
  const { rows } = await sql<{ is_later: boolean }>`
    UPDATE bill_schedule new SET last_run_at = ${at}
    FROM (SELECT last_run_at FROM bill_schedule WHERE org_id = ${orgId} FOR UPDATE) old
    WHERE org_id = ${orgId} AND old.last_run_at <> ${at}::timestamptz
    RETURNING old.last_run_at < new.last_run_at AS is_later
  `.execute(transaction);
  return rows[0]?.is_later ?? false;
};
