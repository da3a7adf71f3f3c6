import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { type BillableTerms, billGroups, groupingPart } from "@turnpike/engine/bill/bill-groups.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import {
  billDateAt,
  type BillingSchedule,
  type BillPeriods,
  billPeriods,
} from "@turnpike/engine/time/bill-period.ts";
import { boundary, type Cadence, localDate } from "@turnpike/engine/time/cadence.ts";
import type { Attachment } from "./attachments.ts";
import { billedAccountOf, periodsHosted } from "./bill-homes.ts";
import type { StoredBill } from "./bill-history.ts";
import { attachmentsOf, type BillingBook, childrenOf } from "./billing-book.ts";
import { type BillableFee, feesOf } from "./credit-terms.ts";
import type { AccountRecord, ChargeRecord } from "./snapshot.ts";
import { type BillContent, billTerms, poolOfAttachment } from "./terms.ts";

/** What tells one bill of an account from another (m3ter semantics 18.6). */
export interface BillIdentity {
  readonly accountId: string;
  readonly billDate: string;
  readonly currency: string;
  /** See the engine's `billGroups`. */
  readonly groupKey: string;
}

export const identityKey = ({ accountId, billDate, currency, groupKey }: BillIdentity): string =>
  JSON.stringify([accountId, billDate, currency, groupKey]);

/** A bill that a run makes. */
export interface PlannedBill {
  readonly identity: BillIdentity;
  /** MIXED on a consolidated bill of several frequencies. */
  readonly frequency: string;
  /** 0 where several intervals share the bill, and on AD_HOC bills. */
  readonly interval: number;
  readonly account: AccountRecord;
  readonly terms: BillTerms;
  readonly request: BillJobRequest;
}

export interface Run {
  readonly request: BillJobRequest;
  readonly now: Temporal.Instant;
  /** The account's bills so far. */
  readonly stored: readonly StoredBill[];
}

interface Member extends BillableTerms {
  readonly billDate: Temporal.PlainDate;
  readonly content: BillContent;
}

/** Of the bills that are asked for; undefined: each of the period that is open. */
export const runDate = ({ request }: Pick<Run, "request">): Temporal.PlainDate | undefined => {
  if (request.billDate !== undefined) return Temporal.PlainDate.from(request.billDate);
  if (request.lastDateInBillingPeriod === undefined) return undefined;
  return Temporal.PlainDate.from(request.lastDateInBillingPeriod).add({ days: 1 });
};

/** Without a date in the request: the period that is open now ([R], m3ter semantics 18.7). */
const billDateOf = (run: Run, schedule: BillingSchedule): Temporal.PlainDate =>
  runDate(run) ?? billDateAt(schedule, run.now);

const isAskedFor = ({ request }: Run, { frequency, interval }: BillableTerms): boolean => {
  if (request.billingFrequency !== undefined && request.billingFrequency !== frequency)
    return false;
  const { billFrequencyInterval } = request;
  return (
    billFrequencyInterval === undefined ||
    frequency === "AD_HOC" ||
    billFrequencyInterval === interval
  );
};

/** Where charges under a contract are billed (m3ter semantics 14.3). */
const groupingOf = (
  book: BillingBook,
  contractId: string | undefined,
): Pick<BillableTerms, "contractId" | "groupingKey"> => {
  const keyId = book.contracts.get(contractId ?? "")?.billGroupingKeyId;
  const key = book.groupingKeys.get(keyId ?? "");
  return { contractId, groupingKey: key && { id: key.id, exclusive: key.exclusive } };
};

const memberOf = (
  book: BillingBook,
  { attachment, cadence }: { attachment: Attachment; cadence: Cadence },
  { billDate, periods }: { billDate: Temporal.PlainDate; periods: BillPeriods },
): Member[] => {
  if (periods.arrears === undefined && periods.advance === undefined) return [];
  return [
    {
      frequency: cadence.frequency,
      interval: cadence.interval,
      ...groupingOf(book, attachment.accountPlan.contractId),
      billDate,
      content: { kind: "plan", attachment, periods },
    },
  ];
};

/** The account's own plans, and its parent's that bill each child for its share (m3ter semantics 14.2). */
const ownMembers = (book: BillingBook, account: AccountRecord, run: Run): Member[] => {
  const parent = book.accounts.get(account.parentAccountId ?? "");
  const shared =
    parent === undefined
      ? []
      : attachmentsOf(book, parent).filter(
          (attachment) =>
            attachment.accountPlan.childBillingMode === "CHILD" &&
            poolOfAttachment(book, attachment).some((member) => member.account.id === account.id),
        );
  return [
    ...attachmentsOf(book, account).filter((own) => billedAccountOf(book, own).id === account.id),
    ...shared,
  ].flatMap((attachment) => {
    const billDate = billDateOf(run, attachment.schedule);
    const { cadence } = attachment.schedule;
    const periods = billPeriods(attachment.schedule, billDate);
    return memberOf(book, { attachment, cadence }, { billDate, periods });
  });
};

/** Plans of children whose lines stand on the parent's bill: every period that ends in the parent's. */
const childMembers = (book: BillingBook, parent: AccountRecord, run: Run): Member[] =>
  childrenOf(book, parent)
    .flatMap((child) => attachmentsOf(book, child))
    .filter((attachment) => billedAccountOf(book, attachment).id === parent.id)
    .flatMap((attachment) =>
      [...attachmentsOf(book, parent), attachment].flatMap((host) => {
        const { cadence } = host.schedule;
        const billDate = billDateOf(run, { ...attachment.schedule, cadence });
        return periodsHosted(book, { attachment, host }, billDate).flatMap((periods) =>
          memberOf(book, { attachment, cadence }, { billDate, periods }),
        );
      }),
    );

/** A commitment's fees stand where its charging mode puts them: with the parent unless it says CHILD. */
const feeMembers = (book: BillingBook, account: AccountRecord, run: Run): Member[] => {
  const isHere = ({ accountId, childBillingMode }: BillingBook["commitments"][number]) => {
    const owner = book.accounts.get(accountId);
    const isParents = owner?.parentAccountId !== undefined && childBillingMode !== "CHILD";
    return (isParents ? owner.parentAccountId : accountId) === account.id;
  };
  return book.commitments.filter(isHere).flatMap((commitment) =>
    feesOf(book, commitment)
      .filter((fee) => isFeeDue(book, run, fee))
      .map((fee) => ({
        frequency: fee.frequency,
        interval: fee.interval,
        ...groupingOf(book, commitment.contractId),
        billDate: fee.billDate,
        content: { kind: "fee", commitment, fee },
      })),
  );
};

/** Without a date: fees of the period that is open now, and those of a schedule that fell due unbilled. */
const isFeeDue = (
  book: BillingBook,
  run: Run,
  { billDate, frequency, interval }: BillableFee,
): boolean => {
  const date = runDate(run);
  if (date !== undefined) return billDate.equals(date);
  const today = localDate(run.now, book.zone);
  if (frequency !== "AD_HOC") {
    const opened = boundary({ anchor: billDate, frequency, interval }, -1);
    return (
      Temporal.PlainDate.compare(opened, today) <= 0 &&
      Temporal.PlainDate.compare(today, billDate) < 0
    );
  }
  const isBilled = run.stored.some(
    (bill) => bill.billDate === billDate.toString() && bill.frequency === "AD_HOC",
  );
  return Temporal.PlainDate.compare(billDate, today) <= 0 && !isBilled;
};

/**
 * The charge on the bill of its date: an ordinary one of the same grouping if there is one, else one of its own;
 * a charge without a date goes on the next bill ([R], m3ter semantics 17). Billed once, it stays where it is.
 */
const chargeMember = (
  book: BillingBook,
  charge: ChargeRecord,
  { run, ordinary }: { run: Run; ordinary: readonly Member[] },
): Member[] => {
  const content = { kind: "charge", charge } as const;
  const grouping = groupingOf(book, charge.contractId);
  const adHoc = { frequency: "AD_HOC", interval: 0, ...grouping } as const;
  const home = run.stored.find(({ id }) => id === charge.billId);
  const alike = ordinary.filter(
    (member) => groupingPart(member) === groupingPart({ ...member, ...grouping }),
  );
  const dueOn = charge.billDate ?? home?.billDate ?? earliest(alike)?.toString();
  if (dueOn === undefined || !isRunFor(book, run, { charge, dueOn })) return [];
  const billDate = Temporal.PlainDate.from(dueOn);
  if (home !== undefined) {
    if (home.billDate !== dueOn) return [];
    if (home.frequency === "AD_HOC") return [{ ...adHoc, billDate, content }];
  }
  const host = alike.find((member) => member.billDate.equals(billDate));
  if (host === undefined) return [{ ...adHoc, billDate, content }];
  const { frequency, interval } = host;
  return [{ frequency, interval, ...grouping, billDate, content }];
};

const earliest = (members: readonly Member[]): Temporal.PlainDate | undefined =>
  members.map(({ billDate }) => billDate).sort((a, b) => Temporal.PlainDate.compare(a, b))[0];

/** A dated run takes the charges of its date, any other one what has fallen due unbilled. */
const isRunFor = (
  book: BillingBook,
  run: Run,
  { charge, dueOn }: { charge: ChargeRecord; dueOn: string },
): boolean => {
  const date = runDate(run);
  if (date !== undefined) return date.toString() === dueOn;
  if (charge.billDate === undefined) return true;
  return charge.billId === undefined && dueOn <= localDate(run.now, book.zone).toString();
};

/** Bills of one date are consolidated or not for good: switching over never bills a plan twice. */
const isConsolidated = (book: BillingBook, run: Run, billDate: string): boolean => {
  const keys = run.stored
    .filter((bill) => bill.billDate === billDate && bill.frequency !== "AD_HOC")
    .map(({ groupKey }) => groupKey);
  if (keys.some((key) => key.startsWith("CONSOLIDATED/"))) return true;
  return keys.length === 0 && book.config.consolidateBills;
};

/**
 * A bill keeps the currency in which it was made, whatever the account's is by now: one in another currency beside it would bill
 * the same usage once more. A run may ask for that (`targetCurrency`); in the new currency instead it is once the old one is deleted.
 */
const currencyOf = (
  { config }: BillingBook,
  { currency }: AccountRecord,
  made: readonly StoredBill[],
): string => {
  const own = currency ?? config.currency;
  const [first] = made;
  return first === undefined || made.some((bill) => bill.currency === own) ? own : first.currency;
};

/** Every bill of the account that the run asks for; with one member asked for, a bill has all its members. */
export const plannedBills = (
  book: BillingBook,
  account: AccountRecord,
  run: Run,
): PlannedBill[] => {
  const ordinary = [
    ...ownMembers(book, account, run),
    ...childMembers(book, account, run),
    ...feeMembers(book, account, run),
  ];
  const charges = (book.chargesByAccount.get(account.id) ?? []).flatMap((charge) =>
    chargeMember(book, charge, {
      run,
      ordinary: ordinary.filter(({ frequency }) => frequency !== "AD_HOC"),
    }),
  );
  const byDate = Map.groupBy([...ordinary, ...charges], ({ billDate }) => billDate.toString());
  return [...byDate].flatMap(([billDate, members]) =>
    billGroups(members, isConsolidated(book, run, billDate))
      .filter((group) => group.members.some((member) => isAskedFor(run, member)))
      .map((group) => plannedBill(book, { account, billDate, run, ...group })),
  );
};

const plannedBill = (
  book: BillingBook,
  bill: {
    account: AccountRecord;
    billDate: string;
    run: Pick<Run, "request" | "stored">;
    key: string;
    frequency: string;
    interval?: number | undefined;
    members: readonly Member[];
  },
): PlannedBill => {
  const { account, billDate, run, key, members } = bill;
  const { request } = run;
  const made = run.stored.filter((one) => one.billDate === billDate && one.groupKey === key);
  const currency = request.targetCurrency ?? currencyOf(book, account, made);
  return {
    identity: { accountId: account.id, billDate, currency, groupKey: key },
    frequency: bill.frequency,
    interval: bill.interval ?? 0,
    account,
    request,
    terms: billTerms(book, {
      account,
      billDate: Temporal.PlainDate.from(billDate),
      currency,
      conversions: request.currencyConversions ?? [],
      contents: members.map(({ content }) => content),
    }),
  };
};

/** A bill that stands, as it would be planned today; empty when nothing asks for it any more. */
export const plannedAgain = (
  book: BillingBook,
  bill: StoredBill,
  run: Pick<Run, "now" | "stored">,
): PlannedBill | undefined => {
  const account = book.accounts.get(bill.accountId);
  if (account === undefined) return undefined;
  const { billDate, currency, frequency, interval, groupKey: key } = bill;
  const request = { ...bill.request, billDate, targetCurrency: currency };
  const again = { ...run, request };
  const planned = plannedBills(book, account, again);
  const empty = { account, billDate, run: again, key, frequency, interval, members: [] };
  return planned.find(({ identity }) => identity.groupKey === key) ?? plannedBill(book, empty);
};
