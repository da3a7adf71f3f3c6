import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { billDateAt, billPeriods } from "@turnpike/engine/time/bill-period.ts";
import type { AccountRecord, Snapshot } from "./snapshot.ts";
import { type Attachment, attachmentsOf, billTerms } from "./terms.ts";

/** What tells one bill of an account from another (m3ter semantics 18.6). */
export interface BillIdentity {
  readonly accountId: string;
  readonly billDate: string;
  readonly currency: string;
  /** MIXED on a consolidated bill of several frequencies. */
  readonly frequency: string;
  /** 0 where several intervals share the bill. */
  readonly interval: number;
}

/** A bill that a run makes. */
export interface PlannedBill {
  readonly identity: BillIdentity;
  readonly account: AccountRecord;
  readonly terms: BillTerms;
}

export interface Run {
  readonly request: BillJobRequest;
  readonly now: Temporal.Instant;
}

const runDate = ({ request }: Run): Temporal.PlainDate | undefined => {
  if (request.billDate !== undefined) return Temporal.PlainDate.from(request.billDate);
  if (request.lastDateInBillingPeriod === undefined) return undefined;
  return Temporal.PlainDate.from(request.lastDateInBillingPeriod).add({ days: 1 });
};

const isAskedFor = ({ request }: Run, { schedule }: Attachment): boolean => {
  const { frequency, interval } = schedule.cadence;
  if (request.billingFrequency !== undefined && request.billingFrequency !== frequency)
    return false;
  return request.billFrequencyInterval === undefined || request.billFrequencyInterval === interval;
};

/** Without a date in the request: the period that is open now ([R], m3ter semantics 18.7). */
const billDateOf = (run: Run, { schedule }: Attachment): Temporal.PlainDate =>
  runDate(run) ?? billDateAt(schedule, run.now);

const hasPeriods = (attachment: Attachment, billDate: Temporal.PlainDate): boolean => {
  const { arrears, advance } = billPeriods(attachment.schedule, billDate);
  return arrears !== undefined || advance !== undefined;
};

const same = <T>(values: readonly T[]): T | undefined =>
  new Set(values).size === 1 ? values[0] : undefined;

/** Every bill of the account that the run asks for: one per date, frequency and interval, or one per date. */
export const plannedBills = (
  snapshot: Snapshot,
  account: AccountRecord,
  run: Run,
): PlannedBill[] => {
  const groups = new Map<string, { billDate: Temporal.PlainDate; attachments: Attachment[] }>();
  for (const attachment of attachmentsOf(snapshot, account)) {
    const billDate = billDateOf(run, attachment);
    if (!isAskedFor(run, attachment) || !hasPeriods(attachment, billDate)) continue;
    const { frequency, interval } = attachment.schedule.cadence;
    const kind = snapshot.config.consolidateBills ? "" : `${frequency} ${interval}`;
    const key = `${billDate.toString()} ${kind}`;
    const group = groups.get(key) ?? { billDate, attachments: [] };
    group.attachments.push(attachment);
    groups.set(key, group);
  }
  const currency = run.request.targetCurrency ?? account.currency ?? snapshot.config.currency;
  const conversions = run.request.currencyConversions ?? [];
  return [...groups.values()].map(({ billDate, attachments }) => ({
    identity: {
      accountId: account.id,
      billDate: billDate.toString(),
      currency,
      frequency: same(attachments.map(({ schedule }) => schedule.cadence.frequency)) ?? "MIXED",
      interval: same(attachments.map(({ schedule }) => schedule.cadence.interval)) ?? 0,
    },
    account,
    terms: billTerms(snapshot, { account, billDate, attachments, conversions, currency }),
  }));
};
