import type { DuckDBConnection } from "@duckdb/node-api";
import type {
  AggregateRequest,
  Quantity,
  Segmentation,
  UsageFilter,
} from "../../ports/usage-store.ts";
import type { AccountNumbers } from "./accounts.ts";
import { aggregateGroups } from "./aggregation.ts";
import { integer } from "./cells.ts";
import type { MeterTable } from "./meter-tables.ts";
import { accountNumbers } from "./relation.ts";
import type { DimensionCondition, MicrosWindow } from "./relation.ts";
import { segmentKey } from "./segments.ts";

export type AggregateQuestion = Omit<AggregateRequest, "window"> & {
  readonly window: MicrosWindow;
};

/**
 * Of one dimension any included value will do, different dimensions must all agree, and what is excluded is out (m3ter
 * semantics 14.3, [R]).
 */
const conditionsOf = (filters: readonly UsageFilter[]): readonly DimensionCondition[] =>
  [...Map.groupBy(filters, ({ mode, dimensionCode }) => `${mode} ${dimensionCode}`).values()].map(
    (sameField) => ({
      fieldCode: sameField[0]?.dimensionCode ?? "",
      values: sameField.map(({ value }) => value),
      isExcluding: sameField[0]?.mode === "EXCLUDE",
    }),
  );

const accountKey = { expression: "usage.account" };

interface Source {
  readonly table: MeterTable;
  readonly accounts: AccountNumbers;
}

/** One quantity per account and segment that has values of the field in the window. */
export const aggregate = async (
  connection: DuckDBConnection,
  { table, accounts }: Source,
  question: AggregateQuestion,
): Promise<readonly Quantity[]> => {
  const { orgId, accountIds, window, filters = [], segmentation, method, targetField } = question;
  const chosen = accountNumbers(accounts, orgId, accountIds);
  const scope = {
    table,
    window,
    conditions: conditionsOf(filters),
    ...(chosen === undefined ? {} : { accounts: chosen }),
  };
  const keys = isSegmented(segmentation)
    ? [accountKey, segmentKey(table, segmentation)]
    : [accountKey];
  const field = { fieldCode: targetField, method };
  const groups = await aggregateGroups(connection, scope, { field, keys });
  return groups.flatMap(({ keys: [account, segment], value }): readonly Quantity[] => {
    // Usage of no segment is not priced (6.4).
    if (segment === null) return [];
    const { accountId } = accounts.at(integer(account));
    const quantity = value.toString();
    return [
      segment === undefined
        ? { accountId, quantity }
        : { accountId, quantity, segment: integer(segment) },
    ];
  });
};

const isSegmented = (segmentation: Segmentation | undefined): segmentation is Segmentation =>
  segmentation !== undefined && segmentation.segments.length > 0;
