import type { Selectable } from "kysely";
import { fromJson, type Json } from "@turnpike/engine/bill/facts-json.ts";
import type { LineBandUsage } from "@turnpike/engine/bill/line.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import { Decimal } from "@turnpike/engine/exact/decimal.ts";
import type { BillLineTable, BillTable, StatementFormat } from "../ports/database.ts";
import { exactNumber } from "../records/exact-number.ts";

/** As many decimal places as Stripe's `unit_amount_decimal` has: an average seldom ends before. */
const unitPricePlaces = 12;

export const printedUnitPrice = (average: Decimal): Decimal =>
  average.round(unitPricePlaces, "HALF_UP") ?? average;

const bandReply = (band: LineBandUsage, conversionRate: Decimal) => ({
  pricingBandId: band.pricingBandId,
  lowerLimit: exactNumber(band.lowerLimit),
  fixedPrice: exactNumber(band.fixedPrice),
  unitPrice: exactNumber(band.unitPrice),
  bandUnits: exactNumber(band.bandUnits),
  bandQuantity: exactNumber(band.bandQuantity),
  unitSubtotal: exactNumber(band.unitSubtotal),
  bandSubtotal: exactNumber(band.bandSubtotal),
  convertedBandSubtotal: exactNumber(band.bandSubtotal.times(conversionRate)),
});

/** The line as `storeBill` wrote it. */
export const readLine = (stored: unknown): BillLine =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written from a BillLine, by us
  fromJson(stored as Json) as BillLine;

/** What of a line no other field shows, by the names that `additional` asks for ([R]: the document names none). */
const additionalFields = (
  line: BillLine,
  names: readonly string[],
): Record<string, unknown> | undefined => {
  const { key, accountPlanId, counterPricingId, drawDown } = line;
  const known = Object.entries({ key, accountPlanId, counterPricingId, drawDown });
  const shown = known.filter(([name, value]) => names.includes(name) && value !== undefined);
  if (shown.length === 0) return undefined;
  return Object.fromEntries(shown.map(([name, value]) => [name, printed(value)]));
};

/** Engine values as a client reads them: decimals as numbers of the same digits, instants and dates as texts. */
export const printed = (value: unknown): unknown => {
  if (value instanceof Decimal) return exactNumber(value);
  if (value instanceof Temporal.Instant || value instanceof Temporal.PlainDate) {
    return value.toString();
  }
  if (Array.isArray(value)) return value.map(printed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, printed(field)]));
};

export type StoredLine = Pick<Selectable<BillLineTable>, "id" | "bill_id" | "line">;

/** The fields of m3ter semantics 18.5; `bandsAs` is the one name that differs between bill and line routes. */
export const lineReply = (
  row: StoredLine,
  bandsAs: "usagePerPricingBand" | "bandUsage",
  additional: readonly string[] = [],
) => {
  const line = readLine(row.line);
  return {
    id: row.id,
    billId: row.bill_id,
    lineItemType: line.lineItemType,
    description: line.description,
    sequenceNumber: line.sequenceNumber,
    productId: line.product?.id,
    productName: line.product?.name,
    productCode: line.product?.code,
    accountingProductId: line.accountingProduct?.id,
    accountingProductName: line.accountingProduct?.name,
    accountingProductCode: line.accountingProduct?.code,
    planId: line.planId,
    planGroupId: line.planGroupId,
    pricingId: line.pricingId,
    aggregationId: line.aggregationId,
    compoundAggregationId: line.compoundAggregationId,
    meterId: line.meterId,
    counterId: line.counterId,
    chargeId: line.chargeId,
    commitmentId: line.commitmentId,
    balanceId: line.balanceId,
    contractId: line.contractId,
    segment: line.segment,
    childAccountId: line.childAccount?.id,
    childAccountCode: line.childAccount?.code,
    quantity: exactNumber(line.quantity),
    units: exactNumber(line.units),
    unit: line.unit,
    subtotal: exactNumber(line.subtotal),
    currency: line.currency,
    conversionRate: exactNumber(line.conversionRate),
    convertedSubtotal: exactNumber(line.convertedSubtotal),
    averageUnitPrice: exactNumber(printedUnitPrice(line.averageUnitPrice)),
    [bandsAs]: line.bandUsage.map((band) => bandReply(band, line.conversionRate)),
    servicePeriodStartDate: line.servicePeriod.start.toString(),
    servicePeriodEndDate: line.servicePeriod.end.toString(),
    referencedBillId: line.referencedBillId,
    referencedLineItemId: line.referencedLineItemId,
    reasonId: line.reasonId,
    additional: additionalFields(line, additional),
  };
};

export interface BillRow extends Omit<
  Selectable<BillTable>,
  "facts" | "usage_mark" | "usage_reach"
> {
  readonly account_code: string | null;
  readonly purchase_order_number: string | null;
  /** By format, whether the statement is stale. */
  readonly statements: Readonly<Partial<Record<StatementFormat, boolean>>>;
}

/** The fields of m3ter semantics 18.6. */
export const billReply = (
  row: BillRow,
  lines: readonly StoredLine[] | undefined,
  additional: readonly string[] = [],
) => ({
  id: row.id,
  version: Number(row.version),
  accountId: row.account_id,
  accountCode: row.account_code ?? undefined,
  startDate: row.start_date,
  endDate: row.end_date,
  startDateTimeUTC: row.starts_at.toISOString(),
  endDateTimeUTC: row.ends_at.toISOString(),
  billDate: row.bill_date,
  dueDate: row.due_date,
  externalInvoiceDate: row.external_invoice_date,
  billingFrequency: row.billing_frequency,
  billFrequencyInterval: row.billing_interval === 0 ? undefined : row.billing_interval,
  timezone: row.time_zone,
  currency: row.currency,
  locked: row.is_locked,
  status: row.status,
  billJobId: row.job_id,
  purchaseOrderNumber: row.purchase_order_number ?? undefined,
  createdDate: row.dt_created.toISOString(),
  lastCalculatedDate: row.last_calculated_at.toISOString(),
  currencyConversions: row.request.currencyConversions,
  sequentialInvoiceNumber: row.invoice_number ?? undefined,
  dtApproved: row.approved_at?.toISOString(),
  approvedBy: row.approved_by ?? undefined,
  dtLocked: row.locked_at?.toISOString(),
  lockedBy: row.locked_by ?? undefined,
  jsonStatementGenerated: row.statements.JSON !== undefined,
  csvStatementGenerated: row.statements.CSV !== undefined,
  statementStale: Object.values(row.statements).includes(true),
  billTotal: exactNumber(row.total),
  lineItems: lines?.map((line) => lineReply(line, "usagePerPricingBand", additional)),
  dtCreated: row.dt_created.toISOString(),
  dtLastModified: row.dt_last_modified.toISOString(),
  createdBy: row.created_by,
  lastModifiedBy: row.last_modified_by,
});
