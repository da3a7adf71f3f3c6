import type { RawBuilder, UpdateObject } from "kysely";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Database, DatabaseTransaction, Tables } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { queueRuns } from "../records/integration-runs.ts";
import type { Background } from "./background.ts";
import { changeBills, recordBillChanges } from "./bill-changes.ts";
import { type BillFilter, billConditions, findBills, lockBill, lockBills } from "./bill-queries.ts";
import { reverseBillEffects } from "./bill-effects.ts";
import type { BillRow } from "./bill-replies.ts";
import { generateStatements, removeStatementJobs } from "./statements/jobs.ts";

/** What happens to a bill between its calculation and its lock (m3ter semantics 18.6). */
export interface LifecycleParts {
  readonly database: Database;
  readonly background: Background;
  readonly now: () => Date;
}

type BillStatus = BillRow["status"];

const refuseLocked = ({ is_locked }: BillRow): void => {
  if (is_locked) throw new Problem("BILL_LOCKED");
};

const statusColumns = (
  status: BillStatus,
  { principal }: Caller,
  at: Date,
): UpdateObject<Tables, "bill"> =>
  status === "APPROVED"
    ? { status, approved_at: at, approved_by: principal }
    : { status, approved_at: null, approved_by: null };

const approve = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  { bills, at, background }: { bills: readonly BillRow[]; at: Date; background: Background },
): Promise<BillRow[]> => {
  const set = statusColumns("APPROVED", caller, at);
  const approved = await changeBills(transaction, caller, { at, bills, set });
  await generateStatements(transaction, caller, { bills: approved, at, background });
  const ids = approved.map(({ id }) => id);
  await queueRuns(transaction, caller, { entityType: "Bill", ids, at });
  return approved;
};

/**
 * Approves a bill or takes the approval back, which is allowed while it is unlocked ([R], 18.6). Asking for the
 * status that it has changes nothing.
 */
export const setBillStatus = (
  { database, now, background }: LifecycleParts,
  caller: Caller,
  { id, status }: { id: string; status: BillStatus },
): Promise<void> =>
  database.transaction().execute(async (transaction) => {
    const bill = await lockBill(transaction, { orgId: caller.orgId, id });
    if (bill.status === status) return;
    refuseLocked(bill);
    const at = now();
    if (status === "APPROVED")
      await approve(transaction, caller, { bills: [bill], at, background });
    else {
      const set = statusColumns(status, caller, at);
      await changeBills(transaction, caller, { at, bills: [bill], set });
    }
  });

export interface Approval {
  readonly approved: number;
  /** Bills asked for that were approved before. */
  readonly approvedBefore: number;
}

/** Approves every pending bill of the selection, all or none. */
export const approveBills = async (
  parts: LifecycleParts,
  caller: Caller,
  filter: BillFilter,
): Promise<Approval> => {
  const { ids } = filter;
  if (ids !== undefined) {
    const page = { filter: { ids }, limit: ids.length };
    refuseMissing(ids, await findBills(parts.database, caller.orgId, page));
  }
  return approveWhere(parts, caller, billConditions(filter));
};

/** The same by any condition on the table `bill`. */
export const approveWhere = (
  { database, now, background }: LifecycleParts,
  caller: Caller,
  wanted: readonly RawBuilder<boolean>[],
): Promise<Approval> =>
  database.transaction().execute(async (transaction) => {
    const bills = await lockBills(transaction, caller.orgId, wanted);
    const pending = bills.filter(({ status }) => status === "PENDING");
    await approve(transaction, caller, { bills: pending, at: now(), background });
    return { approved: pending.length, approvedBefore: bills.length - pending.length };
  });

/** Bills asked for by name must all be there; `fieldOf` is where in the request the name of one stands. */
export const refuseMissing = (
  ids: readonly string[],
  bills: readonly BillRow[],
  fieldOf = (index: number): string => `billIds[${index}]`,
): void => {
  const known = new Set(bills.map(({ id }) => id));
  const missing = ids.flatMap((id, index) =>
    known.has(id.toLowerCase()) ? [] : [{ field: fieldOf(index), message: `names no bill: ${id}` }],
  );
  if (missing.length > 0) throw new Problem("REFERENCE_NOT_FOUND", missing);
};

/** Locks an approved bill for good. A bill that the lock date alone had locked stays locked when that moves. */
export const lockBillForGood = (
  { database, now, background }: LifecycleParts,
  caller: Caller,
  id: string,
): Promise<void> =>
  database.transaction().execute(async (transaction) => {
    const bill = await lockBill(transaction, { orgId: caller.orgId, id });
    if (bill.is_locked && !bill.is_locked_by_date) return;
    if (bill.status !== "APPROVED") throw new Problem("BILL_NOT_APPROVED");
    const at = now();
    const [locked] = await changeBills(transaction, caller, {
      at,
      bills: [bill],
      set: {
        is_locked: true,
        is_locked_by_date: false,
        locked_at: at,
        locked_by: caller.principal,
      },
    });
    if (locked === undefined) throw new Error("a locked row cannot vanish");
    await generateStatements(transaction, caller, { bills: [locked], at, background });
  });

/**
 * Removes a bill for good, with its lines, memos and statements; what it drew from commitments and balances is
 * theirs again. Refused when it is locked ([R], 18.6).
 */
export const deleteBill = (
  { database, now }: LifecycleParts,
  caller: Caller,
  id: string,
): Promise<BillRow> =>
  database.transaction().execute(async (transaction) => {
    const { orgId } = caller;
    const bill = await lockBill(transaction, { orgId, id });
    refuseLocked(bill);
    const at = now();
    await reverseBillEffects(transaction, { ...caller, at }, bill);
    await removeStatementJobs(transaction, caller, { billId: bill.id, at });
    await transaction
      .deleteFrom("bill")
      .where("org_id", "=", orgId)
      .where("id", "=", bill.id)
      .execute();
    await recordBillChanges(transaction, caller, { at, changes: [{ before: bill }] });
    return bill;
  });
