import { type RawBuilder, type Selectable, sql } from "kysely";
import { Problem } from "@turnpike/contract/problem.ts";
import type { BillLineTable, Database } from "../ports/database.ts";
import type { Position } from "../records/paging.ts";
import type { BillRow } from "./bill-replies.ts";

/** What a list of bills may be narrowed by; absent ones narrow nothing. */
export interface BillFilter {
  readonly accountId?: string | undefined;
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

const condition = (filter: BillFilter): RawBuilder<boolean>[] => {
  const found: RawBuilder<boolean>[] = [];
  const add = (value: unknown, make: () => RawBuilder<boolean>): void => {
    if (value !== undefined) found.push(make());
  };
  // Ids are compared as text, so that a value which is no UUID finds nothing instead of failing.
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

const select = sql`
  SELECT bill.*, account.code AS account_code,
    account.document->>'purchaseOrderNumber' AS purchase_order_number
  FROM bill JOIN record account ON account.org_id = bill.org_id AND account.kind = 'account'
    AND account.id = bill.account_id`;

/** Newest first, at most `limit`. */
export const findBills = async (
  database: Database,
  orgId: string,
  page: { filter: BillFilter; limit: number; after?: Position | undefined },
): Promise<BillRow[]> => {
  const wanted = [sql<boolean>`bill.org_id = ${orgId}`, ...condition(page.filter)];
  if (page.after !== undefined) {
    const { createdAt, id } = page.after;
    wanted.push(sql`(bill.dt_created, bill.id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  const { rows } = await sql<BillRow>`
    ${select} WHERE ${sql.join(wanted, sql` AND `)}
    ORDER BY bill.dt_created DESC, bill.id DESC LIMIT ${page.limit}
  `.execute(database);
  return rows;
};

/** The bill; NOT_FOUND when the organization has none of that id. */
export const getBill = async (
  database: Database,
  { orgId, id }: { orgId: string; id: string },
): Promise<BillRow> => {
  const [row] = await findBills(database, orgId, { filter: { ids: [id] }, limit: 1 });
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

/** The account's bill with the latest date; NOT_FOUND when it has none. */
export const getLatestBill = async (
  database: Database,
  { orgId, accountId }: { orgId: string; accountId: string },
): Promise<BillRow> => {
  const { rows } = await sql<BillRow>`
    ${select} WHERE bill.org_id = ${orgId} AND bill.account_id::text = ${accountId}
    ORDER BY bill.bill_date DESC, bill.dt_created DESC, bill.id DESC LIMIT 1
  `.execute(database);
  const [row] = rows;
  if (row === undefined) throw new Problem("NOT_FOUND");
  return row;
};

/** The lines of some bills, by bill, in print order. */
export const findLines = async (
  database: Database,
  orgId: string,
  billIds: readonly string[],
): Promise<Map<string, Selectable<BillLineTable>[]>> => {
  const lines = new Map<string, Selectable<BillLineTable>[]>(billIds.map((id) => [id, []]));
  if (billIds.length === 0) return lines;
  const rows = await database
    .selectFrom("bill_line")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("bill_id", "in", [...billIds])
    .orderBy("sequence_number")
    .execute();
  for (const row of rows) lines.get(row.bill_id)?.push(row);
  return lines;
};
