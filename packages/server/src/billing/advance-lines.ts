import { sql } from "kysely";
import { advanceLineKeys, advanceLinesOf } from "@turnpike/engine/bill/advance-lines.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import { advanceLineTypes, type Line } from "@turnpike/engine/bill/line.ts";
import { type Decimal, decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import type { Reader } from "../ports/database.ts";

interface AdvanceLine {
  readonly key: string;
  readonly billId: string;
  readonly billDate: string;
  readonly subtotal: Decimal;
}

/** What bills charged in advance, by line key, while bills are calculated one after the other. */
export class AdvanceLines {
  readonly #byKey = new Map<string, AdvanceLine[]>();

  constructor(lines: readonly AdvanceLine[]) {
    for (const line of lines) this.#add(line);
  }

  #add(line: AdvanceLine): void {
    this.#byKey.set(line.key, [...(this.#byKey.get(line.key) ?? []), line]);
  }

  /** The bill's lines instead of those it had. */
  replace(bill: { id: string; billDate: string }, lines: readonly Line[]): void {
    for (const [key, known] of this.#byKey) {
      const others = known.filter(({ billId }) => billId !== bill.id);
      if (others.length < known.length) this.#byKey.set(key, others);
    }
    for (const { key, subtotal } of advanceLinesOf(lines)) {
      this.#add({ key, billId: bill.id, billDate: bill.billDate, subtotal });
    }
  }

  /** What earlier bills charged for what this one settles: the engine's `billedInAdvance`. */
  billedBefore(bill: { id: string; billDate: string }, terms: BillTerms): Record<string, Decimal> {
    return Object.fromEntries(
      advanceLineKeys(terms).flatMap((key) => {
        const lines = (this.#byKey.get(key) ?? []).filter(
          ({ billId, billDate }) => billId !== bill.id && billDate < bill.billDate,
        );
        return lines.length === 0
          ? []
          : [[key, sum(lines.map(({ subtotal }) => subtotal))] as const];
      }),
    );
  }
}

/** Written out, in the words of the index `bill_line_of_advance_key`: by a parameter it would not be found. */
const typeList = sql.join(advanceLineTypes.map((type) => sql.lit(type)));

export const takeAdvanceLines = async (
  reader: Reader,
  orgId: string,
  terms: readonly BillTerms[],
): Promise<AdvanceLines> => {
  const keys = [...new Set(terms.flatMap(advanceLineKeys))];
  if (keys.length === 0) return new AdvanceLines([]);
  const { rows } = await sql<Omit<AdvanceLine, "subtotal"> & { subtotal: string }>`
    SELECT bill_line.key, bill_id AS "billId", bill_date AS "billDate",
      line->'subtotal'->>'$decimal' AS subtotal
    FROM bill_line JOIN bill ON bill.org_id = bill_line.org_id AND bill.id = bill_id
    WHERE bill_line.org_id = ${orgId} AND bill_line.key = ANY(${keys})
      AND line_item_type IN (${typeList})
    UNION ALL
    SELECT wanted.key, bill_id, bill_date, part->'subtotal'->>'$decimal'
    FROM unnest(${keys}::text[]) AS wanted (key)
    JOIN bill_line ON line ? 'summarized'
      AND line->'summarized' @> jsonb_build_array(jsonb_build_object('key', wanted.key))
    JOIN bill ON bill.org_id = bill_line.org_id AND bill.id = bill_id
    CROSS JOIN jsonb_array_elements(line->'summarized') AS part
    WHERE bill_line.org_id = ${orgId} AND part->>'key' = wanted.key
    ORDER BY "billDate", "billId"
  `.execute(reader);
  return new AdvanceLines(rows.map((row) => ({ ...row, subtotal: decimal(row.subtotal) })));
};
