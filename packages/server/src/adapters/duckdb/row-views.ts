import { type BackfillSteps, hiddenSql } from "./backfills.ts";
import { everywhereSql } from "./database.ts";
import { mantissaColumn, type MeterTable, scaleColumn } from "./meter-table.ts";
import { uidColumns } from "./uid-columns.ts";

const rowsSql = ({ storedName }: MeterTable, hidden: string | undefined): string =>
  `SELECT * FROM ${storedName} AS stored ANTI JOIN correction ON stored.position = correction.hides
   ${hidden === undefined ? "" : `WHERE (${hidden}) IS NOT TRUE`}`;

/** The rows of a backfill in the columns of its meter's table, which has every field that they have. */
const asColumnsOf = (meter: MeterTable, backfill: MeterTable): string => {
  const columns = meter.fields.flatMap((field) => {
    const place = backfill.fields.find(
      ({ code, category }) => code === field.code && category === field.category,
    );
    if (place === undefined) return field.isNumeric ? ["NULL", "NULL"] : ["NULL"];
    return field.isNumeric ? [mantissaColumn(place), scaleColumn(place)] : [mantissaColumn(place)];
  });
  const fixed = ["position", "account", "ts", "ets", ...uidColumns, "extras"];
  return `SELECT ${[...fixed, ...columns].join(", ")} FROM ${backfill.rowsName}`;
};

/**
 * The views over a meter's table and those of its backfills: `stored` is everything, `rows` what counts. Of a backfill's
 * own table it is what would count; with no backfill revealed the view of the meter knows of none.
 */
export const viewsSql = (
  meter: MeterTable,
  backfills: readonly MeterTable[],
  steps: BackfillSteps,
): string => {
  const revealed = backfills.filter(
    ({ orgId, backfillId = "" }) => steps.find(orgId, backfillId).state === "revealed",
  );
  return [
    ...[...backfills, meter].map(
      ({ name, storedName }) => `CREATE OR REPLACE VIEW ${storedName} AS ${everywhereSql(name)}`,
    ),
    ...backfills.map(
      (table) =>
        `CREATE OR REPLACE VIEW ${table.rowsName} AS ${rowsSql(table, hiddenSql(table, steps))}`,
    ),
    `CREATE OR REPLACE VIEW ${meter.rowsName} AS ${[
      rowsSql(meter, hiddenSql(meter, steps)),
      ...revealed.map((table) => asColumnsOf(meter, table)),
    ].join(" UNION ALL ")}`,
  ].join("; ");
};
