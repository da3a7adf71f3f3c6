import { setTimeout as delay } from "node:timers/promises";
import type { Api } from "./api.ts";

interface Band {
  readonly lowerLimit: number;
  readonly unitPrice: number;
  readonly bandUnits: number;
  readonly bandSubtotal: number;
}

interface Line {
  readonly description: string;
  readonly quantity: number;
  readonly units: number;
  readonly unit: string;
  readonly subtotal: number;
  readonly usagePerPricingBand: readonly Band[];
}

export interface Bill {
  readonly accountId: string;
  readonly accountCode: string;
  readonly startDate: string;
  readonly endDate: string;
  readonly dueDate: string;
  readonly currency: string;
  readonly billTotal: number;
  readonly lineItems: readonly Line[];
}

const jobTimeoutMs = 120_000;

/** Bills the accounts for the month that ends on the date, and waits until it is done. */
export const runBillJob = async (
  { call }: Api,
  lastDateInBillingPeriod: string,
): Promise<Bill[]> => {
  const { id } = await call("POST", "billjobs", { lastDateInBillingPeriod });
  const deadline = Date.now() + jobTimeoutMs;
  while (Date.now() < deadline) {
    const job = await call("GET", `billjobs/${String(id)}`);
    if (job["status"] === "COMPLETE") {
      const { data } = await call("GET", `bills?billJobId=${String(id)}`);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the published shape of a bill
      return data as Bill[];
    }
    await delay(50);
  }
  throw new Error(`bill job ${String(id)} did not complete in ${jobTimeoutMs} ms`);
};

type Row = readonly [string, string, string, string];

const group = (value: number, digits = 6): string =>
  value.toLocaleString("en", { maximumFractionDigits: digits });

const money = (value: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 5 });

const bandRows = ({ usagePerPricingBand, unit }: Line): Row[] =>
  usagePerPricingBand.map((band) => [
    `  above ${group(band.lowerLimit)}`,
    `${group(band.bandUnits)} ${unit}`,
    `× ${group(band.unitPrice)}`,
    money(band.bandSubtotal),
  ]);

const lineRows = (line: Line): Row[] => [
  [line.description, line.unit === "" ? "" : group(line.quantity), "", money(line.subtotal)],
  ...bandRows(line),
];

/** The bill as a table: each line, and under it what each price band took. */
export const printBill = (bill: Bill): string => {
  const { accountCode, startDate, endDate, dueDate, currency } = bill;
  const rows: Row[] = [
    ["Line", "Quantity", "Price", currency],
    ...bill.lineItems.flatMap(lineRows),
    ["Total", "", "", money(bill.billTotal)],
  ];
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const print = (row: Row): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("   ");
  const lines = rows.map(print);
  const rule = "─".repeat(widths.reduce((total, width) => total + width, 9));
  return [
    `Bill of ${accountCode}, ${startDate} to ${endDate} (exclusive), due ${dueDate}`,
    rule,
    ...lines.slice(0, 1),
    rule,
    ...lines.slice(1, -1),
    rule,
    ...lines.slice(-1),
    "",
  ].join("\n");
};
