import { parentBillDate } from "@turnpike/engine/bill/hierarchy.ts";
import {
  billDateCovering,
  billDates,
  type BillPeriods,
  billPeriods,
} from "@turnpike/engine/time/bill-period.ts";
import { boundary, boundaryIndex, localDate, startOfDay } from "@turnpike/engine/time/cadence.ts";
import { contains, later, type Period } from "@turnpike/engine/time/period.ts";
import type { Attachment } from "./attachments.ts";
import { attachmentsOf, type BillingBook } from "./billing-book.ts";
import type { AccountRecord } from "./snapshot.ts";

/** Whose bills the lines of a plan stand on: its account's, unless it says that a child's go with its parent. */
export const billedAccountOf = (
  book: BillingBook,
  { account, accountPlan }: Attachment,
): AccountRecord =>
  accountPlan.childBillingMode === "CHILD"
    ? account
    : (book.accounts.get(account.parentAccountId ?? "") ?? account);

/**
 * The plan by whose dates a plan's period is billed. Of what stands on a parent's bill: of the parent's plans in force
 * when the period ends the one for the same product, else the first, and without any the child's own ([R], m3ter
 * semantics 14.2). So each period has one bill, and keeps it when the parent gets another plan from a later day on.
 *
 * @param covering the bill date of the period on the plan's own schedule
 */
export const hostOf = (
  book: BillingBook,
  attachment: Attachment,
  covering: Temporal.PlainDate,
): Attachment => {
  const billed = billedAccountOf(book, attachment);
  if (billed.id === attachment.account.id) return attachment;
  const { active } = attachment.schedule;
  const end = startOfDay(covering, book.zone).subtract({ nanoseconds: 1 });
  // What is charged in advance is first billed on the day on which the plan starts.
  const at = later(end, active.start);
  const inForce = attachmentsOf(book, billed).filter(({ schedule }) =>
    contains(schedule.active, at),
  );
  const products = new Set(attachment.plans.map(({ product }) => product.id));
  const isAlike = ({ plans }: Attachment): boolean =>
    plans.some(({ product }) => products.has(product.id));
  return inForce.find(isAlike) ?? inForce[0] ?? attachment;
};

/**
 * What is billed of a plan on that date by the dates of `host`: the periods that it closes, each with the next one, which
 * it opens. A period that other dates close no later than that is opened with its own close: nothing is billed in
 * advance when it is settled already.
 */
export const periodsHosted = (
  book: BillingBook,
  hosted: { readonly attachment: Attachment; readonly host: Attachment },
  billDate: Temporal.PlainDate,
): BillPeriods[] =>
  datesHosted(book, hosted, billDate).flatMap((covering) => {
    const { attachment } = hosted;
    const { arrears, advance } = billPeriods(attachment.schedule, covering);
    const isOpenedLate = arrears !== undefined && opensWithClose(book, attachment, arrears);
    const isElsewhere = advance !== undefined && opensWithClose(book, attachment, advance);
    return [
      ...(isOpenedLate ? [{ advance: arrears }] : []),
      { arrears, advance: isElsewhere ? undefined : advance },
    ];
  });

/** The bill of a plan's period, which its own schedule bills on `covering`: by whose dates it is, and when. */
const homeOf = (book: BillingBook, attachment: Attachment, covering: Temporal.PlainDate) => {
  const host = hostOf(book, attachment, covering);
  return { host, date: parentBillDate(host.schedule.cadence, covering) };
};

const opensWithClose = (book: BillingBook, attachment: Attachment, period: Period): boolean => {
  const opening = homeOf(book, attachment, localDate(period.start, book.zone));
  const closing = homeOf(book, attachment, localDate(period.end, book.zone));
  return (
    opening.host !== closing.host && Temporal.PlainDate.compare(closing.date, opening.date) <= 0
  );
};

/** The bill dates, on its own schedule, of a plan's periods that are billed on that date by the dates of `host`. */
const datesHosted = (
  book: BillingBook,
  { attachment, host }: { readonly attachment: Attachment; readonly host: Attachment },
  billDate: Temporal.PlainDate,
): Temporal.PlainDate[] => {
  const { cadence } = host.schedule;
  const index = boundaryIndex(cadence, billDate);
  if (index < 0 || !boundary(cadence, index).equals(billDate)) return [];
  const { schedule } = attachment;
  // The first bill reaches back to the start, however long before its date that is.
  const from =
    index === 0
      ? localDate(schedule.active.start, book.zone)
      : boundary(cadence, index - 1).add({ days: 1 });
  const range = { from, to: billDate.add({ days: 1 }), billsInAdvance: true };
  return billDates(schedule, range).filter((date) => hostOf(book, attachment, date) === host);
};

/**
 * When bills charge what was used of a plan in a period, and whose they are.
 *
 * @param shared the child whose share they charge, of a plan that bills each account for its own
 */
export const billsCharging = (
  book: BillingBook,
  { attachment, shared }: { readonly attachment: Attachment; readonly shared?: AccountRecord },
  period: Period,
): { readonly account: AccountRecord; readonly dates: readonly string[] } => {
  const { schedule } = attachment;
  const last = localDate(period.end.subtract({ nanoseconds: 1 }), book.zone);
  const own = billDates(schedule, {
    from: localDate(period.start, book.zone).add({ days: 1 }),
    to: billDateCovering(schedule.cadence, last).add({ days: 1 }),
    billsInAdvance: false,
  });
  const dates = own.map((date) => homeOf(book, attachment, date).date.toString());
  return { account: shared ?? billedAccountOf(book, attachment), dates: [...new Set(dates)] };
};
