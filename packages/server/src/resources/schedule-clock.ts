import { sql } from "kysely";
import { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { scheduler } from "../records/caller.ts";
import type { RecordRow } from "../records/records.ts";
import type { Catalog } from "./verbs.ts";

const schedules = [balanceChargeSchedule, balanceTransactionSchedule];

interface ClockParts {
  readonly database: Database;
  readonly catalog: Pick<Catalog, "change">;
  readonly now: () => Date;
}

const dueRows = (reader: Database | DatabaseTransaction, now: Date) =>
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
const runOnce = (
  { catalog, now }: ClockParts,
  { org_id: orgId, kind, id }: RecordRow,
): Promise<boolean> =>
  catalog.change({ orgId, principal: scheduler }, async (writer) => {
    const due = await dueRows(writer.transaction, now())
      .where("org_id", "=", orgId)
      .where("kind", "=", kind)
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    const schedule = schedules.find((resource) => resource.kind === kind);
    if (due === undefined || schedule === undefined) return false;
    await writer.amend(schedule, { id, fields: {} });
    return true;
  });

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
      while (await runOnce(parts, row));
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
