import type { account } from "@turnpike/contract/accounts/account.ts";
import type { meter } from "@turnpike/contract/catalog/meter.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { UsageEvent, UsageGroup, UsageQuery } from "../ports/usage-store.ts";
import { exactNumber } from "../records/exact-number.ts";
import { methodName } from "../records/aggregation-method.ts";

/** A row of an answer by column, as JSON writes it. */
export type UsageRow = Readonly<Record<string, unknown>>;

/** What the ids in an answer are called. What was deleted since has no name. */
export interface Names {
  readonly meters: ReadonlyMap<string, Stored<typeof meter>>;
  readonly accounts: ReadonlyMap<string, Stored<typeof account>>;
}

/** [R] 20: a measurement's own columns before the codes of its fields, which give way to them. */
export const rowOfEvent = (event: UsageEvent, { meters, accounts }: Names): UsageRow => {
  const { uid, ts, ets, receivedAt, accountId, meterId, numbers, texts } = event;
  return {
    ...Object.fromEntries(
      Object.entries(numbers).map(([code, value]) => [code, exactNumber(value)]),
    ),
    ...texts,
    uid,
    ts: ts.toString(),
    ets: ets?.toString(),
    receivedAt: receivedAt.toString(),
    accountId,
    accountCode: accounts.get(accountId)?.code,
    meterId,
    meterCode: meters.get(meterId)?.code,
  };
};

type Asked = UsageQuery["aggregations"][number];

/** [R] 20: what an aggregate is called in a row. */
const aggregateKey = ({ meterId, fieldCode, method }: Asked, { meters }: Names): string =>
  `${meters.get(meterId)?.code ?? meterId}.${fieldCode}.${methodName(method)}`;

/**
 * [R] 20: the keys of the group, then one column for each aggregation; null where it has no values. Only keys that were
 * asked for: a dimension may be called like another one.
 */
export const rowOfGroup = (
  { accountId, time, dimensions, values }: UsageGroup,
  aggregations: readonly Asked[],
  names: Names,
): UsageRow => ({
  ...dimensions,
  ...(accountId === undefined
    ? {}
    : { accountId, accountCode: names.accounts.get(accountId)?.code }),
  ...(time === undefined ? {} : { time }),
  ...Object.fromEntries(
    aggregations.map((aggregation, index) => {
      const value = values[index] ?? null;
      return [aggregateKey(aggregation, names), value === null ? null : exactNumber(value)];
    }),
  ),
});
