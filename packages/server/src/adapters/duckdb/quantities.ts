import type { DuckDBConnection } from "@duckdb/node-api";
import type {
  AggregateRequest,
  JointAggregateRequest,
  JointQuantity,
  Quantity,
  Segmentation,
  UsageFilter,
} from "../../ports/usage-store.ts";
import type { AccountNumbers } from "./accounts.ts";
import { aggregateGroups } from "./aggregation.ts";
import { integer } from "./cells.ts";
import type { MeterTable } from "./meter-tables.ts";
import { accountNumbers } from "./relation.ts";
import type { DimensionCondition, GroupKey, MicrosWindow } from "./relation.ts";
import { segmentKey } from "./segments.ts";

export type AggregateQuestion = Omit<AggregateRequest, "window"> & {
  readonly window: MicrosWindow;
};

/**
 * Of one dimension any included value will do, different dimensions must all agree, and what is excluded is out (m3ter
 * semantics 14.3, [R]).
 */
export const conditionsOf = (filters: readonly UsageFilter[]): readonly DimensionCondition[] =>
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

export interface JointQuestion extends Omit<JointAggregateRequest, "groups"> {
  readonly groups: readonly (readonly {
    readonly accountId: string;
    readonly window: MicrosWindow;
  }[])[];
}

interface Place {
  readonly group: number;
  readonly account: number;
  readonly window: MicrosWindow;
}

const placesOf = (accounts: AccountNumbers, { orgId, groups }: JointQuestion): readonly Place[] =>
  groups.flatMap((sources, group) =>
    sources.flatMap(({ accountId, window }) => {
      const account = accounts.find(orgId, accountId);
      return account === undefined ? [] : [{ group, account, window }];
    }),
  );

/** The group that a row belongs to: one row may count for several. */
const groupKey = (places: readonly Place[]): GroupKey => {
  const rows = places.map(
    ({ group, account, window }) =>
      `(${group}, ${account}, make_timestamp(${window.start}), make_timestamp(${window.end}))`,
  );
  return {
    expression: "source.place",
    joins: `JOIN (VALUES ${rows.join(", ")}) AS source(place, account, starts, ends)
      ON usage.account = source.account AND usage.ts >= source.starts AND usage.ts < source.ends`,
  };
};

/** So that rows outside every window are skipped before anything is joined. */
const widest = (places: readonly Place[]): MicrosWindow => {
  let [start, end] = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  for (const { window } of places) {
    start = Math.min(start, window.start);
    end = Math.max(end, window.end);
  }
  return { start, end };
};

/** One quantity per group of sources and segment that has values of the field. */
export const aggregateJointly = async (
  connection: DuckDBConnection,
  { table, accounts }: Source,
  question: JointQuestion,
): Promise<readonly JointQuantity[]> => {
  const { filters = [], segmentation, method, targetField: fieldCode } = question;
  const places = placesOf(accounts, question);
  if (places.length === 0) return [];
  const scope = { table, window: widest(places), conditions: conditionsOf(filters) };
  const keys = isSegmented(segmentation)
    ? [groupKey(places), segmentKey(table, segmentation)]
    : [groupKey(places)];
  const found = await aggregateGroups(connection, scope, { field: { fieldCode, method }, keys });
  return found.flatMap(({ keys: [group, segment], value }): readonly JointQuantity[] => {
    // Usage of no segment is not priced (6.4).
    if (segment === null) return [];
    const joint = { group: integer(group), quantity: value.toString() };
    return [segment === undefined ? joint : { ...joint, segment: integer(segment) }];
  });
};
