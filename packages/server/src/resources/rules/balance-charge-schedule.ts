import { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import { runsAround } from "@turnpike/engine/balances/schedules.ts";
import { startOfDay } from "@turnpike/engine/time/cadence.ts";
import type { Document } from "../../ports/database.ts";
import { typed } from "../../records/lookup.ts";
import { chargeDates } from "../balance-schedules.ts";
import { organizationZone } from "../organization.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { runFields } from "./balance-transaction-schedule.ts";

const chargesWithinReason = async ({ transaction, orgId, document }: Write) => {
  const zone = await organizationZone(transaction, orgId);
  chargeDates(balanceChargeSchedule.fields.parse(document), zone);
  return document;
};

/** A charge is made at the beginning of the day that it is billed on. */
const withRuns = async ({ reader, orgId, at, rows }: Read): Promise<Map<string, Document>> => {
  const zone = await organizationZone(reader, orgId);
  const now = Temporal.Instant.fromEpochMilliseconds(at.getTime());
  return new Map(
    rows.map((row) => {
      const days = chargeDates(typed(balanceChargeSchedule, row), zone);
      const instants = days.map((day) => startOfDay(day, zone));
      return [row.id, runFields(runsAround(instants, now))];
    }),
  );
};

export const balanceChargeScheduleRules: Rules = {
  write: chargesWithinReason,
  compute: withRuns,
};
