import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import type {
  UsageEvent,
  UsageGroup,
  UsageGrouping,
  UsageQuery,
  UsageQueryAnswer,
} from "../../ports/usage-store.ts";
import type { AccountNumbers } from "./accounts.ts";
import { type Aggregator, decimalOf, groupName } from "./aggregation.ts";
import { bigInteger, integer, rowsOf, text } from "./cells.ts";
import { mantissaColumn, scaleColumn } from "./meter-table.ts";
import type { FieldPlace, MeterTable } from "./meter-table.ts";
import type { MeterTables } from "./meter-tables.ts";
import type { Readers } from "./readers.ts";
import { accountNumbers, dimension, whereSql } from "./relation.ts";
import type { GroupKey, MicrosWindow, Scope } from "./relation.ts";
import { bucketNames, timeKey } from "./time-buckets.ts";
import { uidSql } from "./uid-columns.ts";

export type UsageQuestion = Omit<UsageQuery, "window"> & { readonly window: MicrosWindow };

/** As events and groups cross the thread boundary: an instant is no plain value, and hundreds of objects take longer than text. */
export type UsageAnswer =
  | { readonly kind: "events"; readonly events: readonly MicrosEvent[]; readonly hasMore: boolean }
  | { readonly kind: "groups"; readonly printed: string; readonly hasMore: boolean }
  | Extract<UsageQueryAnswer, { readonly kind: "failed" }>;

export type MicrosEvent = Omit<UsageEvent, "ts" | "ets" | "receivedAt"> & {
  readonly ts: bigint;
  readonly ets: bigint | undefined;
  readonly receivedAt: bigint;
};

interface Source {
  readonly tables: MeterTables;
  readonly accounts: AccountNumbers;
}

const scopeOf = (table: MeterTable, { accounts }: Source, question: UsageQuestion): Scope => {
  const chosen = accountNumbers(accounts, question.orgId, question.accountIds);
  return {
    table,
    window: question.window,
    conditions: question.filters
      .filter(({ meterId }) => meterId === table.meterId)
      .map(({ fieldCode, values }) => ({ fieldCode, values, isExcluding: false })),
    ...(chosen === undefined ? {} : { accounts: chosen }),
  };
};

const keyOf = (grouping: UsageGrouping, table: MeterTable, question: UsageQuestion): GroupKey => {
  if (grouping.kind === "account") return { expression: "usage.account" };
  if (grouping.kind === "time") {
    return timeKey(grouping.frequency, question.timeZone, question.window);
  }
  return { expression: dimension(table, grouping.fieldCode) };
};

/** What the keys of a group are called in the answer. */
const describing = (
  { groups, timeZone }: UsageQuestion,
  accounts: AccountNumbers,
): ((keys: readonly DuckDBValue[]) => Omit<UsageGroup, "values">) => {
  const parts = groups.map((grouping) => ({
    grouping,
    bucketName: grouping.kind === "time" ? bucketNames(grouping.frequency, timeZone) : () => "",
  }));
  return (keys) => {
    const dimensions: Record<string, string | null> = {};
    const group: { accountId?: string; time?: string } = {};
    for (const [index, { grouping, bucketName }] of parts.entries()) {
      const key = keys[index];
      if (grouping.kind === "account") group.accountId = accounts.at(integer(key)).accountId;
      if (grouping.kind === "dimension") {
        dimensions[grouping.fieldCode] = key === null ? null : text(key);
      }
      if (grouping.kind === "time") group.time = bucketName(integer(key));
    }
    return { ...group, dimensions };
  };
};

const inOrderOfKeys = (groups: readonly UsageGroup[]): readonly UsageGroup[] => {
  if (groups.length === 1) return groups;
  const placed = groups.map((group) => ({
    group,
    key: JSON.stringify([group.accountId ?? "", group.dimensions]),
  }));
  placed.sort((a, b) => (a.key < b.key ? -1 : 1));
  return placed.map(({ group }) => group);
};

/** Most recent first (m3ter semantics 20), then by the rest of the key, so that the order is the same every time. */
const inOrder = (groups: readonly UsageGroup[]): readonly UsageGroup[] => {
  const byTime = [...Map.groupBy(groups, ({ time = "" }) => time)];
  byTime.sort(([a], [b]) => (a < b ? 1 : -1));
  return byTime.flatMap(([, sameTime]) => inOrderOfKeys(sameTime));
};

const readGroups = async (
  aggregator: Aggregator,
  source: Source,
  question: UsageQuestion,
): Promise<UsageAnswer> => {
  const groups = new Map<DuckDBValue, UsageGroup & { values: (string | null)[] }>();
  const described = describing(question, source.accounts);
  const empty = question.aggregations.map(() => null);
  for (const [index, { meterId, fieldCode, method }] of question.aggregations.entries()) {
    const table = source.tables.find(question.orgId, meterId);
    if (table === undefined) continue;
    const keys = question.groups.map((grouping) => keyOf(grouping, table, question));
    const scope = scopeOf(table, source, question);
    const found = await aggregator.groups(scope, {
      field: { fieldCode, method },
      keys,
      // A value that holds on has a row in every bucket, so later ones fill the answer.
      bucketsMax: question.limit + 1,
    });
    for (const group of found) {
      if (group.value === null) return { kind: "failed", aggregation: index, reason: group.fault };
      const name = groupName(group.keys);
      let row = groups.get(name);
      if (row === undefined) {
        row = { ...described(group.keys), values: [...empty] };
        groups.set(name, row);
      }
      row.values[index] = group.value.toString();
    }
  }
  const sorted = inOrder([...groups.values()]);
  const { limit } = question;
  const printed = JSON.stringify(sorted.slice(0, limit));
  return { kind: "groups", printed, hasMore: sorted.length > limit };
};

const fieldColumns = ({ fields }: MeterTable): string =>
  fields
    .flatMap((field) => [
      `, usage.${mantissaColumn(field)}`,
      field.isNumeric ? `, usage.${scaleColumn(field)}` : "",
    ])
    .join("");

const fixedColumns = "usage.ts, usage.position, usage.uid, usage.account, usage.ets, received_at";
const fixedCount = fixedColumns.split(",").length;

const micros = (value: DuckDBValue | undefined): bigint => bigInteger(value);

const valuesOf = (fields: readonly FieldPlace[], row: readonly DuckDBValue[]) => {
  const values = { numbers: new Map<string, string>(), texts: new Map<string, string>() };
  let at = fixedCount;
  for (const { code, isNumeric } of fields) {
    const value = row[at++];
    const scale = isNumeric ? row[at++] : undefined;
    if (value === null || value === undefined) continue;
    if (isNumeric)
      values.numbers.set(code, decimalOf(bigInteger(value), integer(scale)).toString());
    else values.texts.set(code, text(value));
  }
  return {
    numbers: Object.fromEntries(values.numbers),
    texts: Object.fromEntries(values.texts),
  };
};

const readEvents = async (
  connection: DuckDBConnection,
  source: Source,
  question: UsageQuestion,
): Promise<UsageAnswer> => {
  const { orgId, limit, meterIds } = question;
  const tables = source.tables.ordinary.filter(
    (table) => table.orgId === orgId && (meterIds?.includes(table.meterId) ?? true),
  );
  const events: { readonly position: bigint; readonly event: MicrosEvent }[] = [];
  for (const table of tables) {
    const rows = await rowsOf(
      connection,
      `SELECT epoch_us(usage.ts), usage.position, ${uidSql("usage")}, usage.account, epoch_us(usage.ets),
              epoch_us(received_at)${fieldColumns(table)}
       FROM (SELECT * FROM ${table.rowsName} AS usage WHERE ${whereSql(scopeOf(table, source, question))}
             ORDER BY ts DESC, position DESC LIMIT ${limit + 1}) AS usage
       ASOF JOIN batch ON usage.position >= batch.first_position`,
    );
    for (const row of rows) {
      const [ts, position, uid, account, ets, receivedAt] = row;
      const event = {
        uid: text(uid),
        accountId: source.accounts.at(integer(account)).accountId,
        meterId: table.meterId,
        ts: micros(ts),
        ets: ets === null ? undefined : micros(ets),
        receivedAt: micros(receivedAt),
        ...valuesOf(table.fields, row),
      };
      events.push({ position: bigInteger(position), event });
    }
  }
  events.sort((a, b) => Number(b.event.ts - a.event.ts) || Number(b.position - a.position));
  const shown = events.slice(0, limit).map(({ event }) => event);
  return { kind: "events", events: shown, hasMore: events.length > limit };
};

/** Groups with their aggregates or, without aggregations, the measurements themselves (m3ter semantics 20). */
export const queryUsage = (
  { readers, aggregator }: { readonly readers: Readers; readonly aggregator: Aggregator },
  source: Source,
  question: UsageQuestion,
): Promise<UsageAnswer> =>
  question.aggregations.length > 0
    ? readGroups(aggregator, source, question)
    : readers.use((connection) => readEvents(connection, source, question));
