import {
  type Segmentation,
  type SegmentRank,
  segmentRanks,
} from "@turnpike/engine/bill/segments.ts";
import { dimension } from "./relation.ts";
import { literal } from "./cells.ts";
import type { GroupKey } from "./relation.ts";
import type { MeterTable } from "./meter-table.ts";

/** The number of the segment that a row belongs to, NULL if it is in none: one join for each rank of segments. */
export const segmentKey = (table: MeterTable, segmentation: Segmentation): GroupKey => {
  const ranks = segmentRanks(segmentation);
  return {
    expression: `coalesce(${ranks.map((_, number) => `s${number}.segment`).join(", ")})`,
    joins: ranks.map((rank, number) => joinSql(table, rank, number)).join(" "),
  };
};

const joinSql = (table: MeterTable, { fields, asked }: SegmentRank, number: number): string => {
  const rows = [...asked.values()].map(
    ({ place, values }) => `(${[place, ...values.map(literal)].join(", ")})`,
  );
  const names = ["segment", ...fields.map((_, position) => `v${position}`)].join(", ");
  const on = fields.map(
    (field, position) => `${dimension(table, field)} = s${number}.v${position}`,
  );
  return `LEFT JOIN (VALUES ${rows.join(", ")}) AS s${number}(${names}) ON ${["true", ...on].join(" AND ")}`;
};
