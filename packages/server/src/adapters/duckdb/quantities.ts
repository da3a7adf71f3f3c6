import type { DuckDBValue } from "@duckdb/node-api";
import type { Segmentation } from "@turnpike/engine/bill/segments.ts";
import type {
  AggregateRequest,
  JointAggregateRequest,
  JointQuantity,
  Quantity,
  UsageFilter,
} from "../../ports/usage-store.ts";
import type { AccountNumbers } from "./accounts.ts";
import type { Aggregator, GroupValue } from "./aggregation.ts";
import { integer } from "./cells.ts";
import type { MeterTable } from "./meter-table.ts";
import { accountNumbers } from "./relation.ts";
import type { DimensionCondition, MicrosWindow, SourcePlace } from "./relation.ts";
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

type Found = Pick<Quantity, "quantity" | "fault" | "segment">;

/** Undefined for usage of no segment, which is not priced (m3ter semantics 6.4). */
const foundOf = (group: GroupValue, segment: DuckDBValue | undefined): Found | undefined => {
  if (segment === null) return undefined;
  const value =
    group.value === null
      ? { quantity: null, fault: group.fault }
      : { quantity: group.value.toString() };
  return segment === undefined ? value : { ...value, segment: integer(segment) };
};

/** One quantity per account and segment that has values of the field in the window. */
export const aggregate = async (
  aggregator: Aggregator,
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
  const groups = await aggregator.groups(scope, { field, keys });
  return groups.flatMap((group): readonly Quantity[] => {
    const [account, segment] = group.keys;
    const found = foundOf(group, segment);
    return found === undefined
      ? []
      : [{ accountId: accounts.at(integer(account)).accountId, ...found }];
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

export const placesOf = (
  accounts: AccountNumbers,
  { orgId, groups }: Pick<JointQuestion, "orgId" | "groups">,
): readonly SourcePlace[] =>
  groups.flatMap((sources, place) =>
    sources.flatMap(({ accountId, window }) => {
      const account = accounts.find(orgId, accountId);
      return account === undefined ? [] : [{ place, account, window }];
    }),
  );

export const placeKey = { expression: "source.place" };

/** So that rows outside every window are skipped before anything is joined. */
export const widest = (places: readonly SourcePlace[]): MicrosWindow => {
  let [start, end] = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  for (const { window } of places) {
    start = Math.min(start, window.start);
    end = Math.max(end, window.end);
  }
  return { start, end };
};

/** One quantity per group of sources and segment that has values of the field. */
export const aggregateJointly = async (
  aggregator: Aggregator,
  { table, accounts }: Source,
  question: JointQuestion,
): Promise<readonly JointQuantity[]> => {
  const { filters = [], segmentation, method, targetField: fieldCode } = question;
  const sources = placesOf(accounts, question);
  if (sources.length === 0) return [];
  const scope = { table, window: widest(sources), conditions: conditionsOf(filters), sources };
  const keys = isSegmented(segmentation) ? [placeKey, segmentKey(table, segmentation)] : [placeKey];
  const groups = await aggregator.groups(scope, { field: { fieldCode, method }, keys });
  return groups.flatMap((group): readonly JointQuantity[] => {
    const [place, segment] = group.keys;
    const found = foundOf(group, segment);
    return found === undefined ? [] : [{ group: integer(place), ...found }];
  });
};
