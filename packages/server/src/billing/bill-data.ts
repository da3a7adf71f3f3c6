import { type RawBuilder, sql } from "kysely";
import type { BillDataQuery } from "@turnpike/contract/billing/bill-data.ts";
import type { Database } from "../ports/database.ts";
import { exactNumber } from "../records/exact-number.ts";
import { readLine } from "./bill-replies.ts";

interface DataRow {
  readonly line_id: string;
  readonly line: unknown;
  readonly bill_id: string;
  readonly bill_version: string;
  readonly bill_date: string;
  readonly start_date: string;
  readonly end_date: string;
  readonly due_date: string;
  readonly time_zone: string;
  readonly currency: string;
  readonly billing_frequency: string;
  readonly status: string;
  readonly is_locked: boolean;
  readonly dt_last_modified: Date;
  readonly account_id: string;
  readonly account_code: string | null;
  readonly account_name: string | null;
  readonly parent_id: string | null;
  readonly parent_code: string | null;
  readonly parent_name: string | null;
}

/** What a dimension filter may name; "product name" and "productName" are the same. */
const dimensions = new Map<string, RawBuilder<unknown>>([
  ["account", sql`account.code`],
  ["accountname", sql`account.document->>'name'`],
  ["accountid", sql`bill.account_id::text`],
  ["parentaccountcode", sql`parent.code`],
  ["parentaccountname", sql`parent.document->>'name'`],
  ["parentaccountid", sql`parent.id::text`],
  ["childaccountid", sql`line.line->'childAccount'->>'id'`],
  ["description", sql`line.line->>'description'`],
  ["lineitemtype", sql`line.line_item_type`],
  ["productname", sql`line.line->'product'->>'name'`],
  ["quantityunit", sql`line.line->>'unit'`],
  ["subtotalunit", sql`line.line->>'currency'`],
  ["convertedsubtotalunit", sql`bill.currency`],
  ["billid", sql`bill.id::text`],
  ["commitmentid", sql`line.line->>'commitmentId'`],
  ["billlineitemid", sql`line.id::text`],
]);

/** A dimension that lines do not have lets none of them through, unless any value will do. */
const filterOf = ({ name, filter }: BillDataQuery["dimensions"][number]): RawBuilder<boolean>[] => {
  if (filter.includes("*")) return [];
  const column = dimensions.get(name.replaceAll(/[\s_]/g, "").toLowerCase());
  return [column === undefined ? sql`false` : sql`${column} = ANY(${filter})`];
};

/** Lines whose service period starts in [startDate, endDate), the latest first ([R], m3ter semantics 20). */
export const queryBillData = async (database: Database, orgId: string, query: BillDataQuery) => {
  const { startDate, endDate, lineItemTypes, limit } = query;
  const starts = sql`(line.line->'servicePeriod'->'start'->>'$instant')::timestamptz`;
  const wanted = [
    sql<boolean>`bill.org_id = ${orgId}`,
    sql<boolean>`line.line_item_type = ANY(${lineItemTypes})`,
    sql<boolean>`${starts} >= ${startDate} AND ${starts} < ${endDate}`,
    ...query.dimensions.flatMap(filterOf),
  ];
  const { rows } = await sql<DataRow>`
    SELECT line.id AS line_id, line.line, bill.id AS bill_id, bill.version AS bill_version, bill.bill_date,
      bill.start_date, bill.end_date, bill.due_date, bill.time_zone, bill.currency, bill.billing_frequency,
      bill.status, bill.is_locked, bill.dt_last_modified, bill.account_id,
      account.code AS account_code, account.document->>'name' AS account_name,
      parent.id AS parent_id, parent.code AS parent_code, parent.document->>'name' AS parent_name
    FROM bill JOIN bill_line line ON line.org_id = bill.org_id AND line.bill_id = bill.id
      JOIN record account ON account.org_id = bill.org_id AND account.kind = 'account'
        AND account.id = bill.account_id
      LEFT JOIN record parent ON parent.org_id = bill.org_id AND parent.kind = 'account'
        AND parent.id::text = account.document->>'parentAccountId'
    WHERE ${sql.join(wanted, sql` AND `)}
    ORDER BY ${starts} DESC, bill.id DESC, line.sequence_number LIMIT ${limit}
  `.execute(database);
  return { values: rows.map(dataPoint) };
};

const weekOf = (date: Temporal.PlainDate): string =>
  `${date.yearOfWeek}-W${String(date.weekOfYear).padStart(2, "0")}`;

const dataPoint = (row: DataRow) => {
  const line = readLine(row.line);
  const date = Temporal.PlainDate.from(row.bill_date);
  const month = String(date.month).padStart(2, "0");
  return {
    updatedDate: row.dt_last_modified.toISOString(),
    dimensions: {
      account: row.account_code ?? undefined,
      accountName: row.account_name ?? undefined,
      accountId: row.account_id,
      parentAccountCode: row.parent_code ?? undefined,
      parentAccountName: row.parent_name ?? undefined,
      parentAccountId: row.parent_id ?? undefined,
      childAccountId: line.childAccount?.id,
      description: line.description,
      lineItemType: line.lineItemType,
      productName: line.product?.name,
      quantityUnit: line.unit,
      subtotalUnit: line.currency,
      convertedSubtotalUnit: row.currency,
      billId: row.bill_id,
      commitmentId: line.commitmentId,
      billLineItemId: row.line_id,
    },
    measures: {
      convertedSubtotal: exactNumber(line.convertedSubtotal),
      subtotal: exactNumber(line.subtotal),
      version: Number(row.bill_version),
      conversionRate: exactNumber(line.conversionRate),
      quantity: exactNumber(line.quantity),
      units: exactNumber(line.units),
    },
    billDetails: {
      day: date.day,
      week: weekOf(date),
      year: date.year,
      month,
      yearMonth: `${date.year}-${month}`,
      locked: String(row.is_locked),
      status: row.status,
      dueDate: row.due_date,
      startDate: row.start_date,
      endDate: row.end_date,
      servicePeriodStartDate: line.servicePeriod.start.toString(),
      servicePeriodEndDate: line.servicePeriod.end.toString(),
      billDate: row.bill_date,
      timezone: row.time_zone,
      billCurrency: row.currency,
      billingFrequency: row.billing_frequency,
    },
  };
};
