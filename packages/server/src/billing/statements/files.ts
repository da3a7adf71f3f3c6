import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import { type Decimal, one } from "@turnpike/engine/exact/decimal.ts";
import type { StatementFormat } from "../../ports/database.ts";
import {
  type BillRow,
  billReply,
  lineReply,
  printed,
  printedUnitPrice,
  type StoredLine,
} from "../bill-replies.ts";
import { formatCsv } from "../../records/csv.ts";
import type { StatementShape, UsageRow } from "./usage.ts";

export interface StatementLine {
  readonly row: StoredLine;
  readonly line: BillLine;
  readonly usage: readonly UsageRow[];
  /** Absent without usage. */
  readonly quantityPerUnit: Decimal | undefined;
}

export interface Statement {
  readonly bill: BillRow;
  /** What the bill was calculated from when its usage was read. */
  readonly facts: string;
  readonly shape: StatementShape;
  readonly lines: readonly StatementLine[];
}

/** Not rounded: the rows add up to the line's before those were rounded to whole units. */
const unitsOf = ({ quantityPerUnit = one }: StatementLine, { quantity }: UsageRow) =>
  quantity?.div(quantityPerUnit);

const usageReply = (
  { includePricePerUnit }: StatementShape,
  line: StatementLine,
  row: UsageRow,
): unknown =>
  printed({
    periodStart: row.periodStart,
    periodEnd: row.periodEnd,
    dimensions: row.dimensions,
    quantity: row.quantity,
    units: unitsOf(line, row),
    ...(includePricePerUnit === true
      ? { pricePerUnit: printedUnitPrice(line.line.averageUnitPrice) }
      : {}),
    ...(Object.keys(row.measures).length === 0 ? {} : { measures: row.measures }),
  });

/** A slim statement names the line and its amount only ([R], m3ter semantics 19). */
const lineOf = ({ generateSlimStatements }: StatementShape, { row }: StatementLine) => {
  const whole = lineReply(row, "bandUsage");
  if (generateSlimStatements !== true) return whole;
  const { id, lineItemType, description, meterId, quantity, unit, subtotal, currency } = whole;
  return { id, lineItemType, description, meterId, quantity, unit, subtotal, currency };
};

/** `{bill, lineItems: [{lineItem, usage}]}` ([R], m3ter semantics 19). */
const asJson = ({ bill, shape, lines }: Statement): string =>
  JSON.stringify({
    bill: billReply(bill, undefined),
    lineItems: lines.map((line) => ({
      lineItem: lineOf(shape, line),
      usage: line.usage.map((row) => usageReply(shape, line, row)),
    })),
  });

interface Cell {
  readonly line: StatementLine;
  readonly row: UsageRow;
}

type Column = readonly [string, (cell: Cell) => string | null | undefined];

const columnsOf = ({ bill, shape }: Statement, cells: readonly Cell[]): readonly Column[] => {
  const namesIn = (of: (row: UsageRow) => object): string[] => [
    ...new Set(cells.flatMap(({ row }) => Object.keys(of(row)))),
  ];
  const dimensions = namesIn((row) => row.dimensions).map((name): Column => [
    name,
    ({ row }) => row.dimensions[name],
  ]);
  const measures = namesIn((row) => row.measures).map((name): Column => [
    name,
    ({ row }) => row.measures[name]?.toString(),
  ]);
  const price: Column = [
    "pricePerUnit",
    ({ line }) => printedUnitPrice(line.line.averageUnitPrice).toString(),
  ];
  return [
    ["billId", () => bill.id],
    ["accountCode", () => bill.account_code],
    ["lineItemId", ({ line }) => line.row.id],
    ["description", ({ line }) => line.line.description],
    ["productCode", ({ line }) => line.line.product?.code],
    ["periodStart", ({ row }) => row.periodStart.toString()],
    ["periodEnd", ({ row }) => row.periodEnd.toString()],
    ...dimensions,
    ["quantity", ({ row }) => row.quantity?.toString()],
    ["units", ({ line, row }) => unitsOf(line, row)?.toString()],
    ["unit", ({ line }) => line.line.unit],
    ...(shape.includePricePerUnit === true ? [price] : []),
    ...measures,
  ];
};

/** The usage rows, flattened. */
const asCsv = (statement: Statement): string => {
  const cells = statement.lines.flatMap((line) => line.usage.map((row) => ({ line, row })));
  const columns = columnsOf(statement, cells);
  return formatCsv([
    columns.map(([name]) => name),
    ...cells.map((cell) => columns.map(([, read]) => read(cell) ?? "")),
  ]);
};

export const statementWriters: Readonly<Record<StatementFormat, (of: Statement) => string>> = {
  JSON: asJson,
  CSV: asCsv,
};
