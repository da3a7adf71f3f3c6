import { type UpdateObject } from "kysely";
import { sql } from "kysely";
import type { DatabaseTransaction, Tables } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { billsOf } from "./bill-queries.ts";
import { type BillRow, billReply } from "./bill-replies.ts";

/** Rows of the audit log written by one statement: far below what a statement may have of parameters. */
const batchSize = 500;

export interface BillChange {
  /** Absent: the bill is new. */
  readonly before?: BillRow | undefined;
  /** Absent: the bill is gone. */
  readonly after?: BillRow | undefined;
}

const textOf = (row: BillRow | undefined): string | null =>
  row === undefined ? null : JSON.stringify(billReply(row, undefined));

/** The audit log's rows for changed bills, in the change's own transaction. Lines are not repeated in it. */
export const recordBillChanges = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { at, changes }: { at: Date; changes: readonly BillChange[] },
): Promise<void> => {
  const rows = changes.map(({ before, after }) => ({
    org_id: orgId,
    at,
    principal,
    kind: "bill",
    record_id: after?.id ?? before?.id ?? "",
    action:
      before === undefined
        ? ("created" as const)
        : after === undefined
          ? ("deleted" as const)
          : ("updated" as const),
    before: textOf(before),
    after: textOf(after),
  }));
  for (let start = 0; start < rows.length; start += batchSize) {
    const batch = rows.slice(start, start + batchSize);
    await transaction.insertInto("change").values(batch).execute();
  }
};

/** Sets columns of bills that the transaction has locked, and writes the audit log. The bills as they are then. */
export const changeBills = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  change: { at: Date; bills: readonly BillRow[]; set: UpdateObject<Tables, "bill"> },
): Promise<BillRow[]> => {
  const { at, bills, set } = change;
  if (bills.length === 0) return [];
  const { orgId, principal } = caller;
  const ids = bills.map(({ id }) => id);
  await transaction
    .updateTable("bill")
    .set({
      ...set,
      version: sql<string>`version + 1`,
      dt_last_modified: at,
      last_modified_by: principal,
    })
    .where("org_id", "=", orgId)
    .where(sql<boolean>`id = ANY(${ids}::uuid[])`)
    .execute();
  const after = new Map((await billsOf(transaction, orgId, ids)).map((row) => [row.id, row]));
  const changes = bills.map((before) => ({ before, after: after.get(before.id) }));
  await recordBillChanges(transaction, caller, { at, changes });
  return [...after.values()];
};
