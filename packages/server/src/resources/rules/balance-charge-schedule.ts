import { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import { charge } from "@turnpike/contract/billing/charge.ts";
import { storedBalance, chargesOf } from "../balance-schedules.ts";
import { scheduleRules } from "../schedule-rules.ts";

export const balanceChargeScheduleRules = scheduleRules({
  makes: charge,
  entriesOf: async (transaction, { orgId, zone, document }) => {
    const schedule = balanceChargeSchedule.fields.parse(document);
    const owner = await storedBalance(transaction, { orgId, id: schedule.balanceId });
    return chargesOf(schedule, { ...owner, zone });
  },
  owned: (scheduleId) => ({ scheduleId }),
});
