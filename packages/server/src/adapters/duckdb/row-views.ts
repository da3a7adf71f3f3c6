import { type BackfillSteps, hiddenSql } from "./backfills.ts";
import { everywhereSql } from "./database.ts";
import { mantissaColumn, type MeterTable, scaleColumn } from "./meter-table.ts";
import { uidColumns } from "./uid-columns.ts";

interface RowsView {
  readonly nameOf: (table: MeterTable) => string;
  /** Leaves out the stored rows that corrections hide. */
  readonly join: string;
}

const rowsViews: readonly RowsView[] = [
  {
    nameOf: ({ rowsName }) => rowsName,
    join: "ANTI JOIN correction ON stored.position = correction.hides",
  },
  { nameOf: ({ uncorrectedName }) => uncorrectedName, join: "" },
];

const rowsSql = (
  { storedName }: MeterTable,
  { join }: RowsView,
  hidden: string | undefined,
): string =>
  `SELECT * FROM ${storedName} AS stored ${join}
   ${hidden === undefined ? "" : `WHERE (${hidden}) IS NOT TRUE`}`;

/** The rows of a backfill in the columns of its meter's table, which has every field that they have. */
const asColumnsOf = (meter: MeterTable, backfill: MeterTable, view: RowsView): string => {
  const columns = meter.fields.flatMap((field) => {
    const place = backfill.fields.find(
      ({ code, category }) => code === field.code && category === field.category,
    );
    if (place === undefined) return field.isNumeric ? ["NULL", "NULL"] : ["NULL"];
    return field.isNumeric ? [mantissaColumn(place), scaleColumn(place)] : [mantissaColumn(place)];
  });
  const fixed = ["position", "account", "ts", "ets", ...uidColumns, "extras"];
  return `SELECT ${[...fixed, ...columns].join(", ")} FROM ${view.nameOf(backfill)}`;
};

const create = (name: string, sql: string): string => `CREATE OR REPLACE VIEW ${name} AS ${sql}`;

/**
 * The views over a meter's table and those of its backfills: `stored` is everything, `rows` what counts, and `uncorrected`
 * the same as long as nothing was ever corrected. Of a backfill's own table it is what would count; with no backfill
 * revealed the views of the meter know of none.
 */
export const viewsSql = (
  meter: MeterTable,
  backfills: readonly MeterTable[],
  steps: BackfillSteps,
): string => {
  const revealed = backfills.filter(
    ({ orgId, backfillId = "" }) => steps.find(orgId, backfillId).state === "revealed",
  );
  const rowsSqlOf = (view: RowsView): readonly string[] => [
    ...backfills.map((table) =>
      create(view.nameOf(table), rowsSql(table, view, hiddenSql(table, steps))),
    ),
    create(
      view.nameOf(meter),
      [
        rowsSql(meter, view, hiddenSql(meter, steps)),
        ...revealed.map((table) => asColumnsOf(meter, table, view)),
      ].join(" UNION ALL "),
    ),
  ];
  return [
    ...[...backfills, meter].map(({ name, storedName }) => create(storedName, everywhereSql(name))),
    ...rowsViews.flatMap(rowsSqlOf),
  ].join("; ");
};
