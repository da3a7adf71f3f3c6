import { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import { runsAround } from "@turnpike/engine/balances/schedules.ts";
import type { Document } from "../../ports/database.ts";
import { transactionRuns } from "../balance-schedules.ts";
import { organizationZone } from "../organization.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { typed } from "../../records/lookup.ts";

const runsWithinReason = async ({ transaction, orgId, document }: Write) => {
  const zone = await organizationZone(transaction, orgId);
  transactionRuns(balanceTransactionSchedule.fields.parse(document), zone);
  return document;
};

const withRuns = async ({ reader, orgId, at, rows }: Read): Promise<Map<string, Document>> => {
  const zone = await organizationZone(reader, orgId);
  const now = Temporal.Instant.fromEpochMilliseconds(at.getTime());
  return new Map(
    rows.map((row) => {
      const instants = transactionRuns(typed(balanceTransactionSchedule, row), zone);
      return [row.id, runFields(runsAround(instants, now))];
    }),
  );
};

/** `nextRun` and `previousRun` where there is one. */
export const runFields = (runs: Readonly<Record<string, Temporal.Instant | undefined>>): Document =>
  Object.fromEntries(
    Object.entries(runs).flatMap(([name, run]) =>
      run === undefined ? [] : [[name, new Date(run.epochMilliseconds).toISOString()]],
    ),
  );

export const balanceTransactionScheduleRules: Rules = {
  write: runsWithinReason,
  compute: withRuns,
};
