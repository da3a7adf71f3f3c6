import { randomUUIDv7 } from "node:crypto";
import { type Selectable, sql } from "kysely";
import { creditReason } from "@turnpike/contract/billing/credit-reason.ts";
import { debitReason } from "@turnpike/contract/billing/debit-reason.ts";
import type { MemoLineItem } from "@turnpike/contract/billing/memo-line-item.ts";
import { product } from "@turnpike/contract/catalog/product.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { billFactsFromText, billFactsToText, toJson } from "@turnpike/engine/bill/facts-json.ts";
import type { MemoTerms, ProductRef } from "@turnpike/engine/bill/facts.ts";
import { rateBill } from "@turnpike/engine/bill/rate-bill.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type {
  BillMemoTable,
  Database,
  DatabaseTransaction,
  MemoType,
  Reader,
} from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { lookup, lookupAll } from "../records/lookup.ts";
import type { Position } from "../records/paging.ts";
import { changeBills } from "./bill-changes.ts";
import { storedFactsOf, getBill, lockBill } from "./bill-queries.ts";
import type { BillRow } from "./bill-replies.ts";
import { memosOf } from "./memo-terms.ts";
import { billImpossible } from "./impossible-bill.ts";
import { markStatementsStale, replaceLines } from "./stored-bills.ts";

type MemoRow = Selectable<BillMemoTable>;

/** The lines of one type of one bill. */
export interface MemoPlace {
  readonly caller: Caller;
  readonly billId: string;
  readonly type: MemoType;
}

export interface MemoParts {
  readonly database: Database;
  readonly now: () => Date;
}

/** A memo line as clients read it. */
export const memoReply = (row: MemoRow) => ({
  id: row.id,
  version: Number(row.version),
  lineItemType: row.line_item_type,
  ...row.document,
  billId: row.bill_id,
  dtCreated: row.dt_created.toISOString(),
  dtLastModified: row.dt_last_modified.toISOString(),
  createdBy: row.created_by,
  lastModifiedBy: row.last_modified_by,
});

/** Newest first, at most `limit`; NOT_FOUND when there is no such bill. */
export const findMemos = async (
  database: Database,
  { caller: { orgId }, billId, type }: MemoPlace,
  { limit, after }: { limit: number; after?: Position | undefined },
): Promise<MemoRow[]> => {
  const bill = await getBill(database, { orgId, id: billId });
  const query = database
    .selectFrom("bill_memo")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("bill_id", "=", bill.id)
    .where("line_item_type", "=", type)
    .orderBy("dt_created", "desc")
    .orderBy("id", "desc")
    .limit(limit);
  if (after === undefined) return query.execute();
  const { createdAt, id } = after;
  return query
    .where(sql<boolean>`(dt_created, id) < (${createdAt}::timestamptz, ${id}::uuid)`)
    .execute();
};

/** The memo; NOT_FOUND when the bill has none of that type and id. */
export const getMemo = async (
  reader: Reader,
  { caller: { orgId }, billId, type }: MemoPlace,
  id: string,
): Promise<MemoRow> => {
  const row = await reader
    .selectFrom("bill_memo")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("line_item_type", "=", type)
    .where(sql<boolean>`bill_id::text = ${billId} AND id::text = ${id}`)
    .executeTakeFirst();
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

interface Edit {
  readonly transaction: DatabaseTransaction;
  readonly bill: BillRow;
  readonly at: Date;
}

/**
 * A change of the bill's memos and of the bill with them. The bill is rated again from its own facts with the memos
 * that are there then: every other line stays to the digit. It keeps its status ([R], m3ter semantics 18.8).
 */
const edit = <T>(
  { database, now }: MemoParts,
  { caller, billId }: MemoPlace,
  work: (edit: Edit) => Promise<T>,
): Promise<T> =>
  database.transaction().execute(async (transaction) => {
    const bill = await lockBill(transaction, { orgId: caller.orgId, id: billId });
    if (bill.is_locked) throw new Problem("BILL_LOCKED");
    const at = now();
    const result = await work({ transaction, bill, at });
    await rateAgain(transaction, caller, { bill, at });
    return result;
  });

const rateAgain = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  { bill, at }: { bill: BillRow; at: Date },
): Promise<void> => {
  const key = { orgId: caller.orgId, billId: bill.id };
  const { text } = await storedFactsOf(transaction, { orgId: key.orgId, id: key.billId });
  const facts = { ...billFactsFromText(text), memos: await memosOf(transaction, key) };
  const rated = rateBill(facts);
  if (rated.outcome === "failed") throw billImpossible(rated.failures);
  const set = { facts: billFactsToText(facts), total: rated.billTotal.toString() };
  await changeBills(transaction, caller, { at, bills: [bill], set });
  await replaceLines(transaction, key.orgId, [{ id: key.billId, lines: rated.lines }]);
  await markStatementsStale(transaction, key.orgId, [key.billId]);
};

export const createMemo = (
  parts: MemoParts,
  place: MemoPlace,
  given: MemoLineItem,
): Promise<MemoRow> =>
  edit(parts, place, async ({ transaction, bill, at }) => {
    const { orgId, principal } = place.caller;
    const id = randomUUIDv7();
    return transaction
      .insertInto("bill_memo")
      .values({
        org_id: orgId,
        id,
        bill_id: bill.id,
        line_item_type: place.type,
        version: 1,
        ...(await content(transaction, place, { id, bill, given })),
        dt_created: at,
        dt_last_modified: at,
        created_by: principal,
        last_modified_by: principal,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
  });

/** The whole memo again, with the version that was read (m3ter semantics 2.5). */
export const updateMemo = (
  parts: MemoParts,
  place: MemoPlace,
  { id, given }: { id: string; given: MemoLineItem },
): Promise<MemoRow> =>
  edit(parts, place, async ({ transaction, bill, at }) => {
    const before = await getMemo(transaction, place, id);
    if (given.version !== Number(before.version)) {
      const message = `is ${given.version ?? "absent"}, but the stored version is ${before.version}`;
      throw fieldProblem("VERSION_MISMATCH", "version", message);
    }
    return transaction
      .updateTable("bill_memo")
      .set({
        ...(await content(transaction, place, { id: before.id, bill, given })),
        version: sql<string>`version + 1`,
        dt_last_modified: at,
        last_modified_by: place.caller.principal,
      })
      .where("org_id", "=", place.caller.orgId)
      .where("bill_id", "=", bill.id)
      .where("id", "=", before.id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });

export const deleteMemo = (parts: MemoParts, place: MemoPlace, id: string): Promise<MemoRow> =>
  edit(parts, place, async ({ transaction, bill }) => {
    const before = await getMemo(transaction, place, id);
    await transaction
      .deleteFrom("bill_memo")
      .where("org_id", "=", place.caller.orgId)
      .where("bill_id", "=", bill.id)
      .where("id", "=", before.id)
      .execute();
    return before;
  });

interface Given {
  readonly id: string;
  readonly bill: BillRow;
  readonly given: MemoLineItem;
}

/** The memo as it was asked for, and as the engine reads it. */
const content = async (
  transaction: DatabaseTransaction,
  place: MemoPlace,
  { id, bill, given }: Given,
): Promise<{ document: string; memo: string }> => {
  await checkReferences(transaction, place, given);
  const { version: _read, ...document } = given;
  const memo = await termsOf(transaction, place, { id, bill, given });
  return { document: JSON.stringify(document), memo: JSON.stringify(toJson(memo)) };
};

const instant = (text: string | undefined, fallback: Date): Temporal.Instant =>
  Temporal.Instant.from(text ?? fallback.toISOString());

const termsOf = async (
  transaction: DatabaseTransaction,
  { caller: { orgId }, type }: MemoPlace,
  { id, bill, given }: Given,
): Promise<MemoTerms> => {
  const ids = [given.productId, given.accountingProductId].filter((one) => one !== undefined);
  const products = await lookupAll(transaction, product, { orgId, ids });
  const refOf = (productId: string | undefined): ProductRef | undefined => {
    const found = products.get(productId ?? "");
    return found && { id: found.id, name: found.name, code: found.code };
  };
  return {
    id,
    lineItemType: type,
    amount: decimal(given.amountToApplyOnBill ?? given.amount),
    description: given.description,
    // Without a period of its own it is about the bill's ([R]: the document asks for one, 18.8 does without).
    servicePeriod: {
      start: instant(given.servicePeriodStartDate, bill.starts_at),
      end: instant(given.servicePeriodEndDate, bill.ends_at),
    },
    product: refOf(given.productId),
    accountingProduct: refOf(given.accountingProductId),
    referencedBillId: given.referencedBillId,
    referencedLineItemId: given.referencedLineItemId,
    reasonId: given.creditReasonId ?? given.debitReasonId ?? given.reasonId,
  };
};

/** What a memo names exists; what it does not name is fine ([R], m3ter semantics 18.8). */
const checkReferences = async (
  transaction: DatabaseTransaction,
  { caller: { orgId }, type }: MemoPlace,
  given: MemoLineItem,
): Promise<void> => {
  const reason = type === "CREDIT_MEMO" ? creditReason : debitReason;
  const named = [
    { field: "productId", resource: product, id: given.productId },
    { field: "accountingProductId", resource: product, id: given.accountingProductId },
    { field: "creditReasonId", resource: creditReason, id: given.creditReasonId },
    { field: "debitReasonId", resource: debitReason, id: given.debitReasonId },
    { field: "reasonId", resource: reason, id: given.reasonId },
  ];
  const missing: { field: string; message: string }[] = [];
  for (const { field, resource, id } of named) {
    if (id === undefined) continue;
    const found = await lookup(transaction, resource, { orgId, id });
    if (found === undefined) {
      missing.push({ field, message: `names no ${resource.kind}: ${id}` });
    }
  }
  if (!(await hasReferencedLine(transaction, orgId, given))) {
    const line =
      given.referencedLineItemId === undefined ? "" : ` with a line ${given.referencedLineItemId}`;
    const message = `names no bill${line}: ${given.referencedBillId}`;
    missing.push({ field: "referencedBillId", message });
  }
  if (missing.length > 0) throw new Problem("REFERENCE_NOT_FOUND", missing);
};

const hasReferencedLine = async (
  transaction: DatabaseTransaction,
  orgId: string,
  { referencedBillId: billId, referencedLineItemId: lineId }: MemoLineItem,
): Promise<boolean> => {
  if (billId === undefined && lineId === undefined) return true;
  const { rows } = await sql`
    SELECT FROM bill LEFT JOIN bill_line line ON line.org_id = bill.org_id AND line.bill_id = bill.id
    WHERE bill.org_id = ${orgId} AND bill.id::text = coalesce(${billId ?? null}, bill.id::text)
      AND (${lineId ?? null}::text IS NULL OR line.id::text = ${lineId ?? null})
    LIMIT 1
  `.execute(transaction);
  return rows.length > 0;
};
