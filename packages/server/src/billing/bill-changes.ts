import { type UpdateObject } from "kysely";
import { sql } from "kysely";
import type { DatabaseTransaction, Document, Tables } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { billsOf } from "./bill-queries.ts";
import { type BillRow, billReply } from "./bill-replies.ts";
import { recordChanges } from "./changes.ts";

export interface BillChange {
  /** Absent: the bill is new. */
  readonly before?: BillRow | undefined;
  /** Absent: the bill is gone. */
  readonly after?: BillRow | undefined;
}

const documentOf = (row: BillRow | undefined): Document | undefined =>
  row && billReply(row, undefined);

/** The audit log's rows for changed bills, in the change's own transaction. Lines are not repeated in it. */
export const recordBillChanges = (
  transaction: DatabaseTransaction,
  caller: Caller,
  { at, changes }: { at: Date; changes: readonly BillChange[] },
): Promise<void> =>
  recordChanges(transaction, caller, {
    kind: "bill",
    at,
    changes: changes.map(({ before, after }) => ({
      id: after?.id ?? before?.id ?? "",
      before: documentOf(before),
      after: documentOf(after),
    })),
  });

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
