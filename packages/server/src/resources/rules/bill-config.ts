import { sql } from "kysely";
import { billConfig } from "@turnpike/contract/billing/bill-config.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import type { Rules, Write } from "../rule.ts";

/** Every bill whose service period ends by the date, locked against changes while the write decides. */
const pendingUpTo = async (
  transaction: DatabaseTransaction,
  { orgId, lockDate }: { orgId: string; lockDate: string },
): Promise<number> => {
  const rows = await transaction
    .selectFrom("bill")
    .select("status")
    .where("org_id", "=", orgId)
    .where("end_date", "<=", lockDate)
    .where("is_locked", "=", false)
    .orderBy("id")
    .forUpdate()
    .execute();
  return rows.filter(({ status }) => status === "PENDING").length;
};

/** Locks what the date covers now, unlocks what nothing but the date before it covered (m3ter semantics 18.6). */
const moveLocks = async (
  { transaction, orgId, principal, at }: Write,
  lockDate: string | null,
): Promise<void> => {
  await sql`
    UPDATE bill SET is_locked = true, is_locked_by_date = true, locked_at = ${at}, locked_by = ${principal},
      version = version + 1, dt_last_modified = ${at}, last_modified_by = ${principal}
    WHERE org_id = ${orgId} AND NOT is_locked AND end_date <= ${lockDate}
  `.execute(transaction);
  await sql`
    UPDATE bill SET is_locked = false, is_locked_by_date = false, locked_at = NULL, locked_by = NULL,
      version = version + 1, dt_last_modified = ${at}, last_modified_by = ${principal}
    WHERE org_id = ${orgId} AND is_locked_by_date AND (${lockDate}::date IS NULL OR end_date > ${lockDate})
  `.execute(transaction);
};

const lockDateMovesLocks = async (write: Write) => {
  const { transaction, orgId, document } = write;
  const { billLockDate: lockDate } = billConfig.fields.parse(document);
  if (lockDate !== undefined) {
    const pending = await pendingUpTo(transaction, { orgId, lockDate });
    if (pending > 0) {
      const message = `is ${lockDate}, by which ${pending} pending bills end`;
      throw fieldProblem("BILLS_PENDING", "billLockDate", message);
    }
  }
  await moveLocks(write, lockDate ?? null);
  return document;
};

export const billConfigRules: Rules = { write: lockDateMovesLocks };
