import { exportSchedule } from "@turnpike/contract/sync/export-schedule.ts";
import { nextExport } from "../../records/export-times.ts";
import { metersSelected } from "../../records/usage-fields.ts";
import type { Followed, Rules, Write } from "../rule.ts";

/** Usage is exported of fields that its meters have (m3ter semantics 21). */
const exportsWhatIsMeasured = async ({ transaction, orgId, document }: Write) => {
  const schedule = exportSchedule.fields.parse(document);
  if (schedule.sourceType === "USAGE")
    await metersSelected(transaction, { orgId, selection: schedule });
  return document;
};

/** It runs as soon as it is there; one that is changed, at its next time, and a run that it owes is still owed. */
const setNextRun = async ({ writer, row, before }: Followed): Promise<void> => {
  const { transaction, at, background } = writer;
  const isNew = before === undefined;
  await transaction
    .insertInto("export_schedule")
    .values({ org_id: row.org_id, id: row.id, next_run_at: isNew ? at : nextExport(row, at) })
    .onConflict((conflict) =>
      conflict
        .columns(["org_id", "id"])
        .doUpdateSet((given) => ({ next_run_at: given.ref("excluded.next_run_at") }))
        .where("export_schedule.next_run_at", ">", at),
    )
    .execute();
  if (isNew) await background.exportClock(transaction);
};

export const exportScheduleRules: Rules = { write: exportsWhatIsMeasured, follow: setNextRun };
