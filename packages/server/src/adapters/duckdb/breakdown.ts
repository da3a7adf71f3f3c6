import type {
  BreakdownAnswer,
  BreakdownRequest,
  BreakdownRow,
  CalendarUnit,
} from "../../ports/usage-breakdown.ts";
import type { AccountNumbers } from "./accounts.ts";
import type { Aggregator, GroupValue } from "./aggregation.ts";
import { integer, text } from "./cells.ts";
import { countedRows } from "./counted.ts";
import type { MeterTable } from "./meter-table.ts";
import { placeKey, placesOf, widest } from "./quantities.ts";
import { dimension } from "./relation.ts";
import type { ScanQuestion } from "./scan.ts";
import { bucketNames, timeKey } from "./time-buckets.ts";

export type BreakdownQuestion = Omit<BreakdownRequest, "sources"> & Pick<ScanQuestion, "sources">;

interface Calendar {
  readonly unit: CalendarUnit | undefined;
  readonly timeZone: string;
}

const breakdownRows = (
  { unit, timeZone }: Calendar,
  groups: readonly GroupValue[],
): readonly BreakdownRow[] => {
  const bucketName = unit && bucketNames(unit, timeZone);
  return groups.map(({ keys, ...group }) => {
    const [, ...split] = keys;
    return {
      ...(bucketName === undefined ? {} : { time: bucketName(integer(split.shift())) }),
      dimensions: split.map((value) => (value === null ? null : text(value))),
      ...(group.value === null
        ? { quantity: null, fault: group.fault }
        : { quantity: group.value.toString() }),
    };
  });
};

/** One quantity, split by calendar and dimensions. */
export const breakDown = async (
  aggregator: Aggregator,
  { table, accounts }: { readonly table: MeterTable; readonly accounts: AccountNumbers },
  question: BreakdownQuestion,
): Promise<BreakdownAnswer> => {
  const { orgId, counted, field, unit, timeZone, dimensions, rowsMax } = question;
  const sources = placesOf(accounts, { orgId, groups: [question.sources] });
  if (sources.length === 0) return { kind: "rows", rows: [] };
  const window = widest(sources);
  const scope = { table, window, conditions: [], sources, counted: countedRows(table, counted) };
  const keys = [
    placeKey,
    ...(unit === undefined ? [] : [timeKey(unit, timeZone, window)]),
    ...dimensions.map((code) => ({ expression: dimension(table, code) })),
  ];
  const groups = await aggregator.groupsUpTo(rowsMax, scope, { field, keys });
  if (groups === undefined) return { kind: "too-many" };
  return { kind: "rows", rows: breakdownRows({ unit, timeZone }, groups) };
};
