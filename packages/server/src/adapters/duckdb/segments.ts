import { segmentValue } from "@turnpike/engine/bill/segment-value.ts";
import type { Segmentation } from "../../ports/usage-store.ts";
import { dimension } from "./relation.ts";
import { literal } from "./cells.ts";
import type { GroupKey } from "./relation.ts";
import type { MeterTable } from "./meter-table.ts";

/** Stands for any value of a segmented field (m3ter semantics 6.4, [R]). */
const wildcard = "*";

interface Pattern {
  readonly index: number;
  /** Per segmented field; undefined where any value will do, or none. */
  readonly values: readonly (string | undefined)[];
}

/** `10` for {country: UK, type: *}: where a pattern asks for a value. Sorts the most specific first, as text. */
const maskOf = ({ values }: Pattern): string =>
  values.map((value) => (value === undefined ? "0" : "1")).join("");

const wildcards = (mask: string): number => mask.split("0").length;

/** Fewest wildcards first; of as many, the one that asks for the earlier field (6.4, [R]). */
const bySpecificity = (a: string, b: string): number =>
  wildcards(a) - wildcards(b) || (a > b ? -1 : Number(a < b));

/**
 * The number of the segment that a row belongs to, NULL if it is in none. One join for each set of fields that segments
 * ask for: a row looks its values up instead of being compared with up to a thousand segments.
 */
export const segmentKey = (table: MeterTable, { fields, segments }: Segmentation): GroupKey => {
  const patterns = segments.map((segment, index) => ({
    index,
    values: fields.map((field) => {
      const value = segmentValue(segment, field);
      return value === wildcard ? undefined : value;
    }),
  }));
  const byMask = Map.groupBy(patterns, maskOf);
  const masks = [...byMask.keys()].sort(bySpecificity);
  const joins = masks.map((mask, number) =>
    joinSql({ table, fields, mask, number }, byMask.get(mask) ?? []),
  );
  return {
    expression: `coalesce(${masks.map((_, number) => `s${number}.segment`).join(", ")})`,
    joins: joins.join(" "),
  };
};

interface MaskJoin {
  readonly table: MeterTable;
  readonly fields: readonly string[];
  readonly mask: string;
  readonly number: number;
}

const joinSql = ({ table, fields, mask, number }: MaskJoin, patterns: readonly Pattern[]) => {
  const asked = fields.flatMap((field, index) => (mask[index] === "1" ? [{ field, index }] : []));
  // Of two segments with the same values the first counts; a join would give the row to both.
  const unique = new Map(patterns.toReversed().map((p) => [JSON.stringify(p.values), p]));
  const rows = [...unique.values()].map(({ index, values }) => {
    const cells = asked.map((column) => literal(values[column.index] ?? ""));
    return `(${[index, ...cells].join(", ")})`;
  });
  const names = ["segment", ...asked.map((_, position) => `v${position}`)].join(", ");
  const on = asked.map(({ field }, position) => {
    return `${dimension(table, field)} = s${number}.v${position}`;
  });
  return `LEFT JOIN (VALUES ${rows.join(", ")}) AS s${number}(${names}) ON ${["true", ...on].join(" AND ")}`;
};
