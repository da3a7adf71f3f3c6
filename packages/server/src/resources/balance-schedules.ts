import { balance } from "@turnpike/contract/balances/balance.ts";
import type { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import type { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import {
  type ChargeSchedule,
  scheduledCharges,
  transactionInstants,
} from "@turnpike/engine/balances/schedules.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { startOfDay } from "@turnpike/engine/time/cadence.ts";
import type { Document, Reader } from "../ports/database.ts";
import { lookup } from "../records/lookup.ts";

type TransactionScheduleFields = ReturnType<typeof balanceTransactionSchedule.fields.parse>;
type ChargeScheduleFields = ReturnType<typeof balanceChargeSchedule.fields.parse>;

/** Something that a schedule makes, as a client would send it, and when. */
export interface ScheduledEntry {
  readonly at: Temporal.Instant;
  readonly body: Document;
}

/** A schedule makes at most this many entries, so that a slip in a date cannot fill the ledger. */
export const scheduledRunsMax = 10_000;

const approximateDays = { DAILY: 1, WEEKLY: 7, MONTHLY: 28, ANNUALLY: 365 } as const;

const checkLength = (
  field: string,
  { start, end, days }: { start: string; end: string; days: number },
): void => {
  const spanDays = (Date.parse(end) - Date.parse(start)) / 86_400_000;
  if (spanDays / days <= scheduledRunsMax) return;
  throw fieldProblem("RULE_VIOLATED", field, `makes more than ${scheduledRunsMax} entries`);
};

const transactionRuns = (
  schedule: TransactionScheduleFields,
  zone: string,
): readonly Temporal.Instant[] => {
  const { startDate: start, endDate: end, frequency, frequencyInterval: interval } = schedule;
  checkLength("endDate", { start, end, days: approximateDays[frequency] * interval });
  const period = { start: Temporal.Instant.from(start), end: Temporal.Instant.from(end) };
  return transactionInstants({ frequency, interval, period, zone });
};

/** The entries that the schedule adds to its balance (m3ter semantics 16.5). */
export const transactionsOf = (
  schedule: TransactionScheduleFields,
  zone: string,
): ScheduledEntry[] => {
  const { balanceId, amount, paid, currencyPaid, transactionTypeId } = schedule;
  return transactionRuns(schedule, zone).map((at) => {
    const on = isoText(at);
    const body = {
      balanceId,
      description: schedule.transactionDescription,
      amount,
      ...(paid === undefined ? {} : { paid }),
      ...(currencyPaid === undefined ? {} : { currencyPaid }),
      transactionTypeId,
      appliedDate: on,
      transactionDate: on,
    };
    return { at, body };
  });
};

/** Of the length that stored instants have. */
const isoText = (at: Temporal.Instant): string => new Date(at.epochMilliseconds).toISOString();

const chargeScheduleOf = (schedule: ChargeScheduleFields, zone: string): ChargeSchedule => {
  const start = schedule.servicePeriodStartDate;
  const end = schedule.servicePeriodEndDate;
  const days = approximateDays[schedule.billFrequency] * schedule.billFrequencyInterval;
  checkLength("servicePeriodEndDate", { start, end, days });
  const { amount, units, unitPrice, billEpoch } = schedule;
  return {
    frequency: schedule.billFrequency,
    interval: schedule.billFrequencyInterval,
    billEpoch: billEpoch === undefined ? undefined : Temporal.PlainDate.from(billEpoch),
    servicePeriod: { start: Temporal.Instant.from(start), end: Temporal.Instant.from(end) },
    billInAdvance: schedule.billInAdvance,
    amount: decimal(amount ?? units ?? 0).times(
      decimal(amount === undefined ? (unitPrice ?? 0) : 1),
    ),
    zone,
  };
};

/** Leaves room for the date that follows, in the 80 characters of a code. */
const codeLengthMax = 69;

/**
 * The charges that the schedule makes, one for each slice of its service period, each at the beginning of the day
 * that it is billed on, under the balance's contract (m3ter semantics 16.5).
 */
export const chargesOf = (
  schedule: ChargeScheduleFields,
  { accountId, contractId, zone }: Pick<Charged, "accountId" | "contractId"> & { zone: string },
): ScheduledEntry[] => {
  const { amount, units, unitPrice, name, code, currency, chargeDescription } = schedule;
  const price = amount === undefined ? { units, unitPrice } : { amount };
  return scheduledCharges(chargeScheduleOf(schedule, zone)).map(({ billDate, servicePeriod }) => {
    const body = {
      name,
      // The cut may fall into a character of two halves, which the database would not take.
      code: `${code.slice(0, codeLengthMax).toWellFormed()}-${billDate.toString()}`,
      accountId,
      ...(contractId === undefined ? {} : { contractId }),
      entityType: "BALANCE",
      entityId: schedule.balanceId,
      lineItemType: "BALANCE_FEE",
      currency,
      ...price,
      description: chargeDescription,
      billDate: billDate.toString(),
      servicePeriodStartDate: isoText(servicePeriod.start),
      servicePeriodEndDate: isoText(servicePeriod.end),
    };
    return { at: startOfDay(billDate, zone), body };
  });
};

type Charged = Stored<typeof balance>;

/** The balance of a schedule: whom its charges are for. */
export const storedBalance = async (
  reader: Reader,
  key: { orgId: string; id: string },
): Promise<Charged> => {
  const found = await lookup(reader, balance, key);
  if (found === undefined) throw new Problem("NOT_FOUND");
  return found;
};
