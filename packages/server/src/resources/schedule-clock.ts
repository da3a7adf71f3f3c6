import { sql } from "kysely";
import { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import type { Database, Reader } from "../ports/database.ts";
import { scheduler } from "../records/caller.ts";
import type { RecordRow } from "../records/records.ts";
import type { Catalog } from "./verbs.ts";
import type { Writer } from "./writer.ts";

const schedules = [balanceChargeSchedule, balanceTransactionSchedule];

interface ClockParts {
  readonly database: Database;
  readonly catalog: Pick<Catalog, "change">;
  readonly now: () => Date;
}

const dueRows = (reader: Reader, now: Date) =>
  reader
    .selectFrom("record")
    .selectAll()
    .where(
      "kind",
      "in",
      schedules.map(({ kind }) => kind),
    )
    .where(sql<boolean>`document->>'nextRun' <= ${now.toISOString()}`);

/** Makes one write's worth of what is due; whether anything was, when the schedule's turn came. */
const runOnce = async (
  writer: Writer,
  { org_id: orgId, kind, id }: RecordRow,
): Promise<boolean> => {
  const due = await dueRows(writer.transaction, writer.at)
    .where("org_id", "=", orgId)
    .where("kind", "=", kind)
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
  const schedule = schedules.find((resource) => resource.kind === kind);
  if (due === undefined || schedule === undefined) return false;
  await writer.amend(schedule, { id, fields: {} });
  return true;
};

/** The same within the writer's transaction; what fails leaves no trace in it. */
const tryOnce = async (writer: Writer, row: RecordRow): Promise<boolean> => {
  const { transaction } = writer;
  await sql`SAVEPOINT schedule_run`.execute(transaction);
  try {
    const hasRun = await runOnce(writer, row);
    await sql`RELEASE SAVEPOINT schedule_run`.execute(transaction);
    return hasRun;
  } catch {
    // The run that is rehearsed goes on without it, too.
    await sql`ROLLBACK TO SAVEPOINT schedule_run`.execute(transaction);
    return false;
  }
};

/**
 * What `runDueSchedules` would make of the writer's organization, in the writer's transaction: for a look at what comes
 * of it. A schedule that cannot is left out.
 */
export const rehearseDueSchedules = async (writer: Writer): Promise<void> => {
  const { orgId } = writer.caller;
  const rows = await dueRows(writer.transaction, writer.at)
    .where("org_id", "=", orgId)
    // In one order, so that two rehearsals do not wait for each other.
    .orderBy("id")
    .execute();
  for (const row of rows) while (await tryOnce(writer, row));
};

/**
 * Makes what schedules owe by now, of one organization or of all. A schedule that cannot (a code that is taken) keeps
 * no other one waiting: why not is the answer.
 */
export const runDueSchedules = async (parts: ClockParts, orgId?: string): Promise<unknown[]> => {
  const due = dueRows(parts.database, parts.now());
  const everywhere = parts.database.selectFrom("organization").select("id");
  const rows = await (
    orgId === undefined ? due.where("org_id", "in", everywhere) : due.where("org_id", "=", orgId)
  ).execute();
  const failures: unknown[] = [];
  for (const row of rows) {
    try {
      const caller = { orgId: row.org_id, principal: scheduler };
      while (await parts.catalog.change(caller, (writer) => runOnce(writer, row)));
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
};

/** The same for the clock, which reports what failed and tries again in a minute. */
export const tickSchedules = async (parts: ClockParts): Promise<void> => {
  const failures = await runDueSchedules(parts);
  if (failures.length > 0) throw new AggregateError(failures, "schedules of balances failed");
};
