import { balanceTransaction } from "@turnpike/contract/balances/balance-transaction.ts";
import { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import { transactionsOf } from "../balance-schedules.ts";
import { scheduleRules } from "../schedule-rules.ts";

export const balanceTransactionScheduleRules = scheduleRules({
  makes: balanceTransaction,
  entriesOf: async (_transaction, { zone, document }) =>
    transactionsOf(balanceTransactionSchedule.fields.parse(document), zone),
  owned: (entityId) => ({ entityType: "SCHEDULER", entityId }),
});
