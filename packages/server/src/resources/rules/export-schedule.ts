import { exportSchedule } from "@turnpike/contract/sync/export-schedule.ts";
import { metersSelected } from "../../records/usage-fields.ts";
import type { Rules, Write } from "../rule.ts";

/** Usage is exported of fields that its meters have (m3ter semantics 21). */
const exportsWhatIsMeasured = async ({ transaction, orgId, document }: Write) => {
  const schedule = exportSchedule.fields.parse(document);
  if (schedule.sourceType === "USAGE")
    await metersSelected(transaction, { orgId, selection: schedule });
  return document;
};

export const exportScheduleRules: Rules = { write: exportsWhatIsMeasured };
