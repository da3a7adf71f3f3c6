import { type RawBuilder, sql } from "kysely";
import { account } from "@turnpike/contract/accounts/account.ts";
import type { BillsDownload } from "@turnpike/contract/billing/bills-download.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import type { Database } from "../ports/database.ts";
import { lookupAll } from "../records/lookup.ts";
import { findLines, selectBills } from "./bill-queries.ts";
import { type BillRow, readLine, printedUnitPrice } from "./bill-replies.ts";
import { formatCsv } from "../records/csv.ts";

/** m3ter semantics 2.9. */
const daysMax = 31;
const billsMax = 5000;

const tooLong = (start: string | undefined, end: string | undefined): boolean =>
  start !== undefined &&
  end !== undefined &&
  Temporal.PlainDate.from(start).until(Temporal.PlainDate.from(end)).days > daysMax;

const conditions = (selection: BillsDownload): RawBuilder<boolean>[] => {
  const { startDate, endDate, externalInvoiceDateStart, externalInvoiceDateEnd } = selection;
  return [
    ...(startDate === undefined ? [] : [sql<boolean>`bill.start_date >= ${startDate}`]),
    ...(endDate === undefined ? [] : [sql<boolean>`bill.end_date <= ${endDate}`]),
    ...(externalInvoiceDateStart === undefined
      ? []
      : [sql<boolean>`bill.external_invoice_date >= ${externalInvoiceDateStart}`]),
    ...(externalInvoiceDateEnd === undefined
      ? []
      : [sql<boolean>`bill.external_invoice_date < ${externalInvoiceDateEnd}`]),
  ];
};

/** DOWNLOAD_TOO_LARGE when the period or the number of bills is over the limit. */
const selected = async (
  database: Database,
  orgId: string,
  selection: BillsDownload,
): Promise<BillRow[]> => {
  const { startDate, endDate, externalInvoiceDateStart, externalInvoiceDateEnd } = selection;
  const isLong = tooLong(startDate, endDate);
  if (isLong || tooLong(externalInvoiceDateStart, externalInvoiceDateEnd)) {
    const field = isLong ? "endDate" : "externalInvoiceDateEnd";
    throw fieldProblem("DOWNLOAD_TOO_LARGE", field, `is more than ${daysMax} days after the start`);
  }
  const bills = await selectBills(database, orgId, {
    wanted: conditions(selection),
    order: sql`bill.bill_date, bill.id`,
    limit: billsMax + 1,
  });
  if (bills.length <= billsMax) return bills;
  throw fieldProblem("DOWNLOAD_TOO_LARGE", "startDate", `selects more than ${billsMax} bills`);
};

/** Refuses what `billsCsv` would refuse, before a link is made. */
export const checkBillsCsv = async (
  database: Database,
  orgId: string,
  selection: BillsDownload,
): Promise<void> => {
  await selected(database, orgId, selection);
};

type AccountRecord = Stored<typeof account>;

interface Row {
  readonly bill: BillRow;
  readonly line: BillLine;
  readonly lineId: string;
  readonly account: AccountRecord | undefined;
}

type Columns = Readonly<Record<string, (row: Row) => string | null | undefined>>;

const standard: Columns = {
  billId: ({ bill }) => bill.id,
  sequentialInvoiceNumber: ({ bill }) => bill.invoice_number,
  accountId: ({ bill }) => bill.account_id,
  accountCode: ({ bill }) => bill.account_code,
  accountName: ({ account: billed }) => billed?.name,
  purchaseOrderNumber: ({ bill }) => bill.purchase_order_number,
  billDate: ({ bill }) => bill.bill_date,
  startDate: ({ bill }) => bill.start_date,
  endDate: ({ bill }) => bill.end_date,
  dueDate: ({ bill }) => bill.due_date,
  externalInvoiceDate: ({ bill }) => bill.external_invoice_date,
  billingFrequency: ({ bill }) => bill.billing_frequency,
  status: ({ bill }) => bill.status,
  locked: ({ bill }) => String(bill.is_locked),
  billCurrency: ({ bill }) => bill.currency,
  billTotal: ({ bill }) => bill.total,
  lineItemId: ({ lineId }) => lineId,
  sequenceNumber: ({ line }) => String(line.sequenceNumber),
  lineItemType: ({ line }) => line.lineItemType,
  description: ({ line }) => line.description,
  productCode: ({ line }) => line.product?.code,
  productName: ({ line }) => line.product?.name,
  accountingProductCode: ({ line }) => line.accountingProduct?.code,
  servicePeriodStartDate: ({ line }) => line.servicePeriod.start.toString(),
  servicePeriodEndDate: ({ line }) => line.servicePeriod.end.toString(),
  quantity: ({ line }) => line.quantity.toString(),
  units: ({ line }) => line.units.toString(),
  unit: ({ line }) => line.unit,
  averageUnitPrice: ({ line }) => printedUnitPrice(line.averageUnitPrice).toString(),
  currency: ({ line }) => line.currency,
  subtotal: ({ line }) => line.subtotal.toString(),
  conversionRate: ({ line }) => line.conversionRate.toString(),
  convertedSubtotal: ({ line }) => line.convertedSubtotal.toString(),
  childAccountCode: ({ line }) => line.childAccount?.code,
};

/** Xero's own columns; one unit of the whole line, because Xero multiplies and rounds by itself. */
const xero: Columns = {
  "*ContactName": ({ account: billed }) => billed?.name,
  EmailAddress: ({ account: billed }) => billed?.emailAddress,
  "*InvoiceNumber": ({ bill }) => bill.invoice_number ?? `INV-${bill.id.slice(-4)}`,
  Reference: ({ bill }) => bill.purchase_order_number,
  "*InvoiceDate": ({ bill }) => bill.external_invoice_date,
  "*DueDate": ({ bill }) => bill.due_date,
  Total: ({ bill }) => bill.total,
  InventoryItemCode: ({ line }) => line.accountingProduct?.code ?? line.product?.code,
  "*Description": ({ line }) => line.description,
  "*Quantity": () => "1",
  "*UnitAmount": ({ line }) => line.convertedSubtotal.toString(),
  Currency: ({ bill }) => bill.currency,
};

/** One row per line item; a bill without lines has none (m3ter's note on empty bills). */
export const billsCsv = async (
  database: Database,
  orgId: string,
  selection: BillsDownload,
): Promise<string> => {
  const bills = await selected(database, orgId, selection);
  const columns = selection.externalSystem === "XERO" ? xero : standard;
  const lines = await findLines(
    database,
    orgId,
    bills.map(({ id }) => id),
  );
  const ids = bills.map(({ account_id }) => account_id);
  const accounts = await lookupAll(database, account, { orgId, ids });
  const rows = bills.flatMap((bill) =>
    (lines.get(bill.id) ?? []).map((row) => {
      const line = readLine(row.line);
      const given = { bill, line, lineId: row.id, account: accounts.get(bill.account_id) };
      return Object.values(columns).map((cell) => cell(given) ?? "");
    }),
  );
  return formatCsv([Object.keys(columns), ...rows]);
};
