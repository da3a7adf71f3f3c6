import { randomUUIDv7 } from "node:crypto";
import { type Insertable, sql } from "kysely";
import { billFactsToText, toJson } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFacts } from "@turnpike/engine/bill/facts.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import { localDate, startOfDay } from "@turnpike/engine/time/cadence.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import type { BillTable, DatabaseTransaction } from "../ports/database.ts";
import type { CalculatedBill } from "./bill-calculation.ts";
import { recordBillChanges } from "./bill-changes.ts";
import { effectsOf, storeBillEffects } from "./bill-effects.ts";
import { billsOf } from "./bill-queries.ts";
import { nextInvoiceNumber } from "./invoice-numbers.ts";
import { memoIdOf } from "./memo-terms.ts";
import type { PlannedBill } from "./planned-bills.ts";
import { repeatable } from "./repeatable-request.ts";
import type { ConfigRecord } from "./snapshot.ts";
import { coverageOf } from "./terms.ts";

export interface Writing {
  readonly orgId: string;
  readonly jobId: string;
  readonly principal: string;
  readonly at: Date;
  readonly config: ConfigRecord;
}

interface BillDates {
  readonly dueDate: string;
  readonly externalInvoiceDate: string;
}

const lastDay = Temporal.PlainDate.from("9999-12-31");

/** So many days later, which may be any number: bills that are never to be due are due on the last day that dates have. */
const daysAfter = (date: Temporal.PlainDate, days: number): Temporal.PlainDate =>
  date.add({ days: Math.min(days, date.until(lastDay).days) });

/** Due and invoice dates (m3ter semantics 18.6). */
const billDates = (
  config: ConfigRecord,
  { account, terms: { billDate }, request }: PlannedBill,
): BillDates => {
  const days = account.daysBeforeBillDue ?? config.daysBeforeBillDue;
  const isLastDay = config.externalInvoiceDate === "LAST_DAY_OF_ARREARS";
  const invoiceDate = isLastDay ? billDate.subtract({ days: 1 }) : billDate;
  return {
    dueDate: request.dueDate ?? daysAfter(billDate, days).toString(),
    externalInvoiceDate: request.externalInvoiceDate ?? invoiceDate.toString(),
  };
};

export type BillContent = Pick<
  Insertable<BillTable>,
  | "billing_frequency"
  | "billing_interval"
  | "status"
  | "job_id"
  | "starts_at"
  | "ends_at"
  | "start_date"
  | "end_date"
  | "due_date"
  | "external_invoice_date"
  | "time_zone"
  | "total"
  | "last_calculated_at"
  | "facts"
  | "usage_mark"
  | "usage_reach"
  | "request"
  | "approved_at"
  | "approved_by"
  | "dt_last_modified"
  | "last_modified_by"
>;

/** What plans are billed for in arrears, else in advance; else what charges cover; else the day of the bill. */
const periodOf = (facts: BillFacts): Period => {
  const accountPlans = facts.accountPlans.map(({ arrears, advance, ...accountPlan }) => ({
    ...accountPlan,
    arrears: arrears ?? advance,
  }));
  const inPlans = coverageOf({ accountPlans, charges: [], commitments: [] });
  if (inPlans !== undefined) return inPlans;
  const { zone } = facts.organization;
  const start = startOfDay(facts.billDate, zone);
  return coverageOf(facts) ?? { start, end: startOfDay(facts.billDate.add({ days: 1 }), zone) };
};

/** What a calculated bill says, as its row has it. */
export const billContent = (
  { planned, facts, rated, usageMark, usageReach }: Omit<CalculatedBill, "id" | "drawDowns">,
  writing: Writing,
): BillContent => {
  const { zone } = facts.organization;
  const { start, end } = periodOf(facts);
  const dates = billDates(writing.config, planned);
  return {
    billing_frequency: planned.frequency,
    billing_interval: planned.interval,
    // Whatever was approved is not what is now on the bill.
    status: "PENDING",
    approved_at: null,
    approved_by: null,
    request: JSON.stringify(repeatable(planned.request)),
    job_id: writing.jobId,
    starts_at: start.toString(),
    ends_at: end.toString(),
    start_date: localDate(start, zone).toString(),
    end_date: localDate(end, zone).toString(),
    due_date: dates.dueDate,
    external_invoice_date: dates.externalInvoiceDate,
    time_zone: zone,
    total: rated.billTotal.toString(),
    last_calculated_at: writing.at,
    facts: billFactsToText(facts),
    usage_mark: usageMark,
    usage_reach: JSON.stringify(usageReach),
    dt_last_modified: writing.at,
    last_modified_by: writing.principal,
  };
};

/** Rows per statement: far below what a statement may have of parameters. */
const batchSize = 500;

const batches = function* <Row>(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let start = 0; start < rows.length; start += batchSize) {
    yield rows.slice(start, start + batchSize);
  }
};

/** New bills get theirs in the order in which they were calculated. */
const invoiceNumbers = async (
  transaction: DatabaseTransaction,
  bills: readonly CalculatedBill[],
  { orgId, config }: Writing,
): Promise<ReadonlyMap<string, string | null>> => {
  const numbers = new Map<string, string | null>();
  if (config.billPrefix === undefined) return numbers;
  for (const { id, stored } of bills) {
    if (stored === undefined) numbers.set(id, await nextInvoiceNumber(transaction, orgId));
  }
  return numbers;
};

const insertBills = async (
  transaction: DatabaseTransaction,
  bills: readonly CalculatedBill[],
  writing: Writing,
): Promise<void> => {
  const numbers = await invoiceNumbers(transaction, bills, writing);
  const rows = bills.map((bill) => ({
    org_id: writing.orgId,
    id: bill.id,
    version: 1,
    account_id: bill.planned.identity.accountId,
    bill_date: bill.planned.identity.billDate,
    currency: bill.planned.identity.currency,
    group_key: bill.planned.identity.groupKey,
    invoice_number: numbers.get(bill.id) ?? null,
    dt_created: writing.at,
    created_by: writing.principal,
    ...billContent(bill, writing),
  }));
  for (const batch of batches(rows)) {
    await transaction
      .insertInto("bill")
      .values([...batch])
      .onConflict((conflict) =>
        conflict.columns(["org_id", "id"]).doUpdateSet((row) => ({
          version: sql<string>`bill.version + 1`,
          billing_frequency: row.ref("excluded.billing_frequency"),
          billing_interval: row.ref("excluded.billing_interval"),
          status: row.ref("excluded.status"),
          job_id: row.ref("excluded.job_id"),
          starts_at: row.ref("excluded.starts_at"),
          ends_at: row.ref("excluded.ends_at"),
          start_date: row.ref("excluded.start_date"),
          end_date: row.ref("excluded.end_date"),
          due_date: row.ref("excluded.due_date"),
          external_invoice_date: row.ref("excluded.external_invoice_date"),
          time_zone: row.ref("excluded.time_zone"),
          total: row.ref("excluded.total"),
          last_calculated_at: row.ref("excluded.last_calculated_at"),
          facts: row.ref("excluded.facts"),
          usage_mark: row.ref("excluded.usage_mark"),
          usage_reach: row.ref("excluded.usage_reach"),
          request: row.ref("excluded.request"),
          approved_at: row.ref("excluded.approved_at"),
          approved_by: row.ref("excluded.approved_by"),
          dt_last_modified: row.ref("excluded.dt_last_modified"),
          last_modified_by: row.ref("excluded.last_modified_by"),
        })),
      )
      .execute();
  }
};

/** What lines become of a bill: what `replaceLines` writes. */
export interface LinesOfBill {
  readonly id: string;
  readonly lines: readonly BillLine[];
}

/** The lines instead of those that stand there; what has the same key keeps its id. A memo line has its memo's. */
export const replaceLines = async (
  transaction: DatabaseTransaction,
  orgId: string,
  bills: readonly LinesOfBill[],
): Promise<void> => {
  const before = await transaction
    .deleteFrom("bill_line")
    .where("org_id", "=", orgId)
    .where(sql<boolean>`bill_id = ANY(${bills.map(({ id }) => id)}::uuid[])`)
    .returning(["bill_id", "key", "id"])
    .execute();
  const idOf = new Map(before.map(({ bill_id, key, id }) => [`${bill_id} ${key}`, id]));
  const rows = bills.flatMap(({ id, lines }) =>
    lines.map((line) => ({
      bill_id: id,
      id: idOf.get(`${id} ${line.key}`) ?? memoIdOf(line) ?? randomUUIDv7(),
      sequence_number: line.sequenceNumber,
      key: line.key,
      line_item_type: line.lineItemType,
      converted_subtotal: line.convertedSubtotal.toString(),
      line: toJson(line),
    })),
  );
  for (const batch of batches(rows)) {
    await sql`
      INSERT INTO bill_line (org_id, bill_id, id, sequence_number, key, line_item_type, converted_subtotal, line)
      SELECT ${orgId}, row.* FROM jsonb_to_recordset(${JSON.stringify(batch)}::jsonb) AS row(bill_id uuid, id uuid,
        sequence_number integer, key text, line_item_type text, converted_subtotal numeric, line jsonb)
    `.execute(transaction);
  }
};

/** Held to the end of the transaction, so that the date does not move past a bill that is being written. */
export const readLockDate = async (
  transaction: DatabaseTransaction,
  orgId: string,
): Promise<string | undefined> => {
  const { rows } = await sql<{ lock_date: string | null }>`
    SELECT document->>'billLockDate' AS lock_date FROM record
    WHERE org_id = ${orgId} AND kind = 'billConfig' FOR SHARE
  `.execute(transaction);
  return rows[0]?.lock_date ?? undefined;
};

/** The usage statements show bills that are no more. */
export const markStatementsStale = async (
  transaction: DatabaseTransaction,
  orgId: string,
  billIds: readonly string[],
): Promise<void> => {
  await transaction
    .updateTable("statement")
    .set({ is_stale: true })
    .where("org_id", "=", orgId)
    .where(sql<boolean>`bill_id = ANY(${billIds}::uuid[])`)
    .execute();
};

/** Bills that are to be looked at again whatever the usage store says. */
export const forgetMarks = async (
  transaction: DatabaseTransaction,
  orgId: string,
  billIds: readonly string[],
): Promise<void> => {
  if (billIds.length === 0) return;
  await transaction
    .updateTable("bill")
    .set({ usage_mark: null })
    .where("org_id", "=", orgId)
    .where(sql<boolean>`id = ANY(${billIds}::uuid[])`)
    .execute();
};

/**
 * Writes calculated bills over those they replace, or as new ones, with what they take from credits and the charges
 * that they carry; none is added to a locked period. The caller holds the locks of their accounts.
 */
export const storeBills = async (
  transaction: DatabaseTransaction,
  calculated: readonly CalculatedBill[],
  writing: Writing,
): Promise<void> => {
  const { orgId, at } = writing;
  const lockDate = await readLockDate(transaction, orgId);
  const bills = calculated.filter(
    (bill) =>
      bill.stored !== undefined ||
      lockDate === undefined ||
      billContent(bill, writing).end_date > lockDate,
  );
  if (bills.length === 0) return;
  const ids = bills.map(({ id }) => id);
  const before = new Map((await billsOf(transaction, orgId, ids)).map((row) => [row.id, row]));
  await insertBills(transaction, bills, writing);
  await replaceLines(
    transaction,
    orgId,
    bills.map(({ id, rated }) => ({ id, lines: rated.lines })),
  );
  await markStatementsStale(transaction, orgId, ids);
  await storeBillEffects(
    transaction,
    writing,
    bills.map((bill) => effectsOf(bill, at)),
  );
  const changes = (await billsOf(transaction, orgId, ids)).map((after) => ({
    before: before.get(after.id),
    after,
  }));
  await recordBillChanges(transaction, writing, { at, changes });
};
