import { type RawBuilder, type Selectable, sql } from "kysely";
import { Problem } from "@turnpike/contract/problem.ts";
import type { BillLineTable, Database, DatabaseTransaction, Reader } from "../ports/database.ts";
import type { UsageMark } from "../ports/usage-changes.ts";
import type { Position } from "../records/paging.ts";
import { lockFamilies } from "./account-locks.ts";
import type { BillRow } from "./bill-replies.ts";

/** What a list of bills may be narrowed by; absent ones narrow nothing. */
export interface BillFilter {
  readonly accountId?: string | undefined;
  readonly accountIds?: readonly string[] | undefined;
  readonly billDate?: string | undefined;
  readonly billDateStart?: string | undefined;
  readonly billDateEnd?: string | undefined;
  readonly billingFrequency?: string | undefined;
  readonly billJobId?: string | undefined;
  readonly externalInvoiceDateStart?: string | undefined;
  readonly externalInvoiceDateEnd?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly locked?: boolean | undefined;
  readonly status?: string | undefined;
}

export const billConditions = (filter: BillFilter): RawBuilder<boolean>[] => {
  const found: RawBuilder<boolean>[] = [];
  const add = (value: unknown, make: () => RawBuilder<boolean>): void => {
    if (value !== undefined) found.push(make());
  };
  // Ids are compared as text, so that a value which is no UUID finds nothing instead of failing.
  add(filter.accountIds, () => sql`bill.account_id::text = ANY(${filter.accountIds})`);
  add(filter.accountId, () => sql`bill.account_id::text = ${filter.accountId}`);
  add(filter.billJobId, () => sql`bill.job_id::text = ${filter.billJobId}`);
  add(filter.ids, () => sql`bill.id::text = ANY(${filter.ids})`);
  add(filter.billDate, () => sql`bill.bill_date = ${filter.billDate}`);
  add(filter.billDateStart, () => sql`bill.bill_date >= ${filter.billDateStart}`);
  add(filter.billDateEnd, () => sql`bill.bill_date < ${filter.billDateEnd}`);
  add(filter.billingFrequency, () => sql`bill.billing_frequency = ${filter.billingFrequency}`);
  add(
    filter.externalInvoiceDateStart,
    () => sql`bill.external_invoice_date >= ${filter.externalInvoiceDateStart}`,
  );
  add(
    filter.externalInvoiceDateEnd,
    () => sql`bill.external_invoice_date < ${filter.externalInvoiceDateEnd}`,
  );
  add(filter.locked, () => sql`bill.is_locked = ${filter.locked}`);
  add(filter.status, () => sql`bill.status = ${filter.status}`);
  return found;
};

/** Everything but the facts, which are as long as the rest together. */
const columns = sql`bill.id, bill.org_id, bill.version, bill.account_id, bill.bill_date, bill.currency,
  bill.billing_frequency, bill.billing_interval, bill.status, bill.is_locked, bill.is_locked_by_date,
  bill.job_id, bill.starts_at, bill.ends_at, bill.start_date, bill.end_date, bill.due_date,
  bill.external_invoice_date, bill.time_zone, bill.total, bill.last_calculated_at, bill.invoice_number,
  bill.request, bill.approved_at, bill.approved_by, bill.locked_at, bill.locked_by,
  bill.dt_created, bill.dt_last_modified, bill.created_by, bill.last_modified_by`;

const select = sql`
  SELECT ${columns}, account.code AS account_code,
    account.document->>'purchaseOrderNumber' AS purchase_order_number,
    (SELECT coalesce(jsonb_object_agg(format, is_stale), '{}') FROM statement
      WHERE statement.org_id = bill.org_id AND statement.bill_id = bill.id) AS statements
  FROM bill JOIN record account ON account.org_id = bill.org_id AND account.kind = 'account'
    AND account.id = bill.account_id`;

export interface BillPage {
  /** Every one of them holds; on the table `bill`. */
  readonly wanted: readonly RawBuilder<boolean>[];
  readonly order?: RawBuilder<unknown>;
  readonly limit: number;
  readonly offset?: number;
}

const newestFirst = sql`bill.dt_created DESC, bill.id DESC`;

/** Newest first unless said otherwise, at most `limit`. */
export const selectBills = async (
  reader: Reader,
  orgId: string,
  { wanted, order = newestFirst, limit, offset = 0 }: BillPage,
): Promise<BillRow[]> => {
  const all = [sql<boolean>`bill.org_id = ${orgId}`, ...wanted];
  const { rows } = await sql<BillRow>`
    ${select} WHERE ${sql.join(all, sql` AND `)} ORDER BY ${order} LIMIT ${limit} OFFSET ${offset}
  `.execute(reader);
  return rows;
};

/** Newest first, at most `limit`. */
export const findBills = (
  reader: Reader,
  orgId: string,
  page: { filter: BillFilter; limit: number; after?: Position | undefined },
): Promise<BillRow[]> => {
  const wanted = billConditions(page.filter);
  if (page.after !== undefined) {
    const { createdAt, id } = page.after;
    wanted.push(sql`(bill.dt_created, bill.id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  return selectBills(reader, orgId, { wanted, limit: page.limit });
};

/**
 * Those bills, held against everybody who changes or calculates them: first their accounts with their families, which runs
 * hold too, then their rows, both in id order, so that nobody waits in a circle. Read only then: what is seen stays as it is.
 */
export const lockBills = async (
  transaction: DatabaseTransaction,
  orgId: string,
  wanted: readonly RawBuilder<boolean>[],
): Promise<BillRow[]> => {
  const all = sql.join([sql<boolean>`bill.org_id = ${orgId}`, ...wanted], sql` AND `);
  const { rows: accounts } = await sql<{ id: string }>`
    SELECT DISTINCT account_id AS id FROM bill WHERE ${all}
  `.execute(transaction);
  await lockFamilies(
    transaction,
    orgId,
    accounts.map((account) => account.id),
  );
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM bill WHERE ${all} ORDER BY id FOR UPDATE
  `.execute(transaction);
  const ids = rows.map(({ id }) => id);
  return billsOf(transaction, orgId, ids);
};

/** Those bills, by id. */
export const billsOf = (
  reader: Reader,
  orgId: string,
  ids: readonly string[],
): Promise<BillRow[]> =>
  selectBills(reader, orgId, {
    wanted: [sql`bill.id = ANY(${ids}::uuid[])`],
    order: sql`bill.id`,
    limit: ids.length,
  });

/** The same for one bill; NOT_FOUND when the organization has none of that id. */
export const lockBill = async (
  transaction: DatabaseTransaction,
  { orgId, id }: { orgId: string; id: string },
): Promise<BillRow> => {
  const [row] = await lockBills(transaction, orgId, billConditions({ ids: [id] }));
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

/** The bill; NOT_FOUND when the organization has none of that id. */
export const getBill = async (
  reader: Reader,
  { orgId, id }: { orgId: string; id: string },
): Promise<BillRow> => {
  const [row] = await findBills(reader, orgId, { filter: { ids: [id] }, limit: 1 });
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

/** What the bill was rated from, as text (`billFactsFromText`), and the mark of its usage; the bill exists. */
export const storedFactsOf = async (
  reader: Reader,
  { orgId, id }: { orgId: string; id: string },
): Promise<{ readonly text: string; readonly usageMark: UsageMark | null }> =>
  reader
    .selectFrom("bill")
    .select(["facts as text", "usage_mark as usageMark"])
    .where("org_id", "=", orgId)
    .where("id", "=", id)
    .executeTakeFirstOrThrow();

/** The account's bill with the latest date; NOT_FOUND when it has none. */
export const getLatestBill = async (
  database: Database,
  { orgId, accountId }: { orgId: string; accountId: string },
): Promise<BillRow> => {
  const [row] = await selectBills(database, orgId, {
    wanted: billConditions({ accountId }),
    order: sql`bill.bill_date DESC, bill.dt_created DESC, bill.id DESC`,
    limit: 1,
  });
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

/** The lines of some bills, by bill, in print order. */
export const findLines = async (
  reader: Reader,
  orgId: string,
  billIds: readonly string[],
): Promise<Map<string, Selectable<BillLineTable>[]>> => {
  const lines = new Map<string, Selectable<BillLineTable>[]>(billIds.map((id) => [id, []]));
  if (billIds.length === 0) return lines;
  const rows = await reader
    .selectFrom("bill_line")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("bill_id", "in", [...billIds])
    .orderBy("sequence_number")
    .execute();
  for (const row of rows) lines.get(row.bill_id)?.push(row);
  return lines;
};
