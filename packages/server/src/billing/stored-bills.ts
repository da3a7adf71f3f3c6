import { randomUUIDv7 } from "node:crypto";
import { type Insertable, sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { billFactsToText, toJson } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFacts, MemoTerms } from "@turnpike/engine/bill/facts.ts";
import type { BillLine, RatedBill } from "@turnpike/engine/bill/rate-bill.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import { compareInstants } from "@turnpike/engine/time/period.ts";
import type { BillTable, DatabaseTransaction } from "../ports/database.ts";
import { recordBillChanges } from "./bill-changes.ts";
import { billsOf } from "./bill-queries.ts";
import { nextInvoiceNumber } from "./invoice-numbers.ts";
import { memoIdOf, memosOf } from "./memo-terms.ts";
import type { BillIdentity, PlannedBill } from "./planned-bills.ts";

/** What lines of earlier bills charged in advance, by line key: see the engine's `billedInAdvance`. */
export const billedInAdvance = async (
  transaction: DatabaseTransaction,
  orgId: string,
  { accountId, billDate }: BillIdentity,
): Promise<Record<string, Decimal>> => {
  const { rows } = await sql<{ key: string; subtotal: string }>`
    SELECT bill_line.key, bill_line.line->'subtotal'->>'$decimal' AS subtotal
    FROM bill JOIN bill_line ON bill_line.org_id = bill.org_id AND bill_line.bill_id = bill.id
    WHERE bill.org_id = ${orgId} AND bill.account_id = ${accountId} AND bill.bill_date < ${billDate}
      AND bill_line.line_item_type IN ('STANDING_CHARGE', 'MINIMUM_SPEND')
  `.execute(transaction);
  return Object.fromEntries(rows.map(({ key, subtotal }) => [key, decimal(subtotal)]));
};

/** The memos on the bill of that identity; none while there is no such bill. */
export const memosOfIdentity = async (
  transaction: DatabaseTransaction,
  orgId: string,
  identity: BillIdentity,
): Promise<MemoTerms[]> => {
  const known = await findBill(transaction, orgId, identity).executeTakeFirst();
  return known === undefined ? [] : memosOf(transaction, { orgId, billId: known.id });
};

/** A bill that a run is about to write. */
export interface CalculatedBill {
  readonly planned: PlannedBill;
  readonly facts: BillFacts;
  readonly rated: RatedBill;
}

export interface BillDates {
  readonly dueDate: string;
  readonly externalInvoiceDate: string;
}

export interface Writing {
  readonly orgId: string;
  readonly jobId: string;
  readonly principal: string;
  readonly request: BillJobRequest;
  readonly at: Date;
  readonly dates: BillDates;
}

export type BillContent = Pick<
  Insertable<BillTable>,
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
  | "request"
  | "approved_at"
  | "approved_by"
  | "dt_last_modified"
  | "last_modified_by"
>;

/** From the earliest start to the latest end of what the bill covers. */
const coverage = ({ accountPlans }: BillFacts) => {
  const periods = accountPlans.flatMap(({ arrears, advance }) => arrears ?? advance ?? []);
  const starts = periods.map(({ start }) => start).sort(compareInstants);
  const ends = periods.map(({ end }) => end).sort(compareInstants);
  const [start] = starts;
  const end = ends.at(-1);
  if (start === undefined || end === undefined) throw new Error("a bill covers no period");
  return { start, end };
};

/** What a calculated bill says, as its row has it. */
export const billContent = ({ facts, rated }: CalculatedBill, writing: Writing): BillContent => {
  const { zone } = facts.organization;
  const { start, end } = coverage(facts);
  const localDate = (at: Temporal.Instant) => at.toZonedDateTimeISO(zone).toPlainDate().toString();
  return {
    // Whatever was approved is not what is now on the bill.
    status: "PENDING",
    approved_at: null,
    approved_by: null,
    request: JSON.stringify(writing.request),
    job_id: writing.jobId,
    starts_at: start.toString(),
    ends_at: end.toString(),
    start_date: localDate(start),
    end_date: localDate(end),
    due_date: writing.dates.dueDate,
    external_invoice_date: writing.dates.externalInvoiceDate,
    time_zone: zone,
    total: rated.billTotal.toString(),
    last_calculated_at: writing.at,
    facts: billFactsToText(facts),
    dt_last_modified: writing.at,
    last_modified_by: writing.principal,
  };
};

/**
 * Writes a calculated bill over the one of the same identity, or as a new one; lines of the same key keep their
 * ids. A locked bill stays as it is, and none is added to a locked period: the answer is then undefined.
 */
export const storeBill = async (
  transaction: DatabaseTransaction,
  bill: CalculatedBill,
  writing: Writing,
): Promise<string | undefined> => {
  const { orgId, at } = writing;
  const content = billContent(bill, writing);
  const lockDate = await readLockDate(transaction, orgId);
  const { identity } = bill.planned;
  const known = await findBill(transaction, orgId, identity).forUpdate().executeTakeFirst();
  if (known?.is_locked === true) return undefined;
  if (known === undefined && lockDate !== undefined && content.end_date <= lockDate)
    return undefined;
  const [before] = known === undefined ? [] : await billsOf(transaction, orgId, [known.id]);
  const id = known?.id ?? (await insertBill(transaction, bill, { ...writing, content }));
  if (known !== undefined) {
    await transaction
      .updateTable("bill")
      .set({ ...content, version: sql<string>`version + 1` })
      .where("org_id", "=", orgId)
      .where("id", "=", id)
      .execute();
  }
  await replaceLines(transaction, { orgId, billId: id }, bill.rated.lines);
  await markStatementsStale(transaction, { orgId, billId: id });
  const [after] = await billsOf(transaction, orgId, [id]);
  await recordBillChanges(transaction, writing, { at, changes: [{ before, after }] });
  return id;
};

const insertBill = async (
  transaction: DatabaseTransaction,
  { planned: { identity } }: CalculatedBill,
  { orgId, at, principal, content }: Writing & { content: BillContent },
): Promise<string> => {
  const id = randomUUIDv7();
  await transaction
    .insertInto("bill")
    .values({
      org_id: orgId,
      id,
      version: 1,
      account_id: identity.accountId,
      bill_date: identity.billDate,
      currency: identity.currency,
      billing_frequency: identity.frequency,
      billing_interval: identity.interval,
      invoice_number: await nextInvoiceNumber(transaction, orgId),
      dt_created: at,
      created_by: principal,
      ...content,
    })
    .execute();
  return id;
};

/** Held to the end of the transaction, so that the date does not move past a bill that is being written. */
const readLockDate = async (
  transaction: DatabaseTransaction,
  orgId: string,
): Promise<string | undefined> => {
  const { rows } = await sql<{ lock_date: string | null }>`
    SELECT document->>'billLockDate' AS lock_date FROM record
    WHERE org_id = ${orgId} AND kind = 'billConfig' FOR SHARE
  `.execute(transaction);
  return rows[0]?.lock_date ?? undefined;
};

/** The usage statement shows a bill that is no more. */
export const markStatementsStale = async (
  transaction: DatabaseTransaction,
  { orgId, billId }: { orgId: string; billId: string },
): Promise<void> => {
  await transaction
    .updateTable("statement")
    .set({ is_stale: true })
    .where("org_id", "=", orgId)
    .where("bill_id", "=", billId)
    .execute();
};

const findBill = (transaction: DatabaseTransaction, orgId: string, identity: BillIdentity) =>
  transaction
    .selectFrom("bill")
    .select(["id", "is_locked"])
    .where("org_id", "=", orgId)
    .where("account_id", "=", identity.accountId)
    .where("bill_date", "=", identity.billDate)
    .where("currency", "=", identity.currency)
    .where("billing_frequency", "=", identity.frequency)
    .where("billing_interval", "=", identity.interval);

/** The lines instead of those that stand there; what has the same key keeps its id. A memo line has its memo's. */
export const replaceLines = async (
  transaction: DatabaseTransaction,
  { orgId, billId }: { orgId: string; billId: string },
  lines: readonly BillLine[],
): Promise<void> => {
  const before = await transaction
    .deleteFrom("bill_line")
    .where("org_id", "=", orgId)
    .where("bill_id", "=", billId)
    .returning(["key", "id"])
    .execute();
  const idOf = new Map(before.map(({ key, id }) => [key, id]));
  if (lines.length === 0) return;
  await transaction
    .insertInto("bill_line")
    .values(
      lines.map((line) => ({
        org_id: orgId,
        bill_id: billId,
        id: idOf.get(line.key) ?? memoIdOf(line) ?? randomUUIDv7(),
        sequence_number: line.sequenceNumber,
        key: line.key,
        line_item_type: line.lineItemType,
        converted_subtotal: line.convertedSubtotal.toString(),
        line: JSON.stringify(toJson(line)),
      })),
    )
    .execute();
};
