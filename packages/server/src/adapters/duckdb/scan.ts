import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { ScanRequest, ScannedEvent, ScanPage } from "../../ports/usage-store.ts";
import type { AccountNumbers } from "./accounts.ts";
import type { MicrosWindow } from "./relation.ts";
import { bigInteger, integer, rowsOf, text } from "./cells.ts";
import { type FieldPlace, mantissaColumn, type MeterTable, scaleColumn } from "./meter-table.ts";
import { countedRows } from "./counted.ts";
import { uidColumns, uidSql } from "./uid-columns.ts";

export interface ScanQuestion extends Omit<ScanRequest, "sources"> {
  readonly sources: readonly { readonly accountId: string; readonly window: MicrosWindow }[];
}

interface Source {
  readonly table: MeterTable;
  readonly accounts: AccountNumbers;
}

const cursorPattern = /^(-?\d+)\.(\d+)$/;

/** Events after the place; those of one microsecond in the order in which they were stored. */
const afterSql = (cursor: string | undefined): string => {
  if (cursor === undefined) return "true";
  const [, micros, position] = cursorPattern.exec(cursor) ?? [];
  if (micros === undefined) throw new TypeError(`no scan returned the cursor ${cursor}`);
  return `(epoch_us(usage.ts), usage.position) > (${micros}, ${position})`;
};

const sourceSql = (accounts: AccountNumbers, question: ScanQuestion): string[] =>
  question.sources.flatMap(({ accountId, window: { start, end } }) => {
    const number = accounts.find(question.orgId, accountId);
    if (number === undefined) return [];
    return `(usage.account = ${number} AND usage.ts >= make_timestamp(${start}) AND usage.ts < make_timestamp(${end}))`;
  });

export const fieldColumns = (field: FieldPlace): string[] =>
  field.isNumeric ? [mantissaColumn(field), scaleColumn(field)] : [mantissaColumn(field)];

const instantOf = (micros: bigint): string =>
  Temporal.Instant.fromEpochNanoseconds(micros * 1000n).toString();

const numberOf = (mantissa: bigint, scale: number): string =>
  (scale >= 0
    ? new Decimal(mantissa, scale)
    : decimal(mantissa * 10n ** BigInt(-scale))
  ).toString();

/** The values of a row's fields, where it has one, from their columns. */
export const fieldValues = (
  { fields }: MeterTable,
  cells: readonly DuckDBValue[],
): { readonly field: FieldPlace; readonly value: string }[] => {
  let place = 0;
  return fields.flatMap((field) => {
    const value = cells[place] ?? null;
    const scale = cells[place + 1] ?? null;
    place += field.isNumeric ? 2 : 1;
    if (value === null) return [];
    const printed = field.isNumeric
      ? numberOf(bigInteger(value), integer(scale ?? 0))
      : text(value);
    return { field, value: printed };
  });
};

/** A page of the events of the sources, oldest first. */
export const scan = async (
  connection: DuckDBConnection,
  { table, accounts }: Source,
  question: ScanQuestion,
): Promise<ScanPage> => {
  const sources = sourceSql(accounts, question);
  if (sources.length === 0) return { events: [] };
  const columns = table.fields.flatMap(fieldColumns);
  const own = ["position", "account", ...uidColumns, "ts", "ets", ...columns].map(
    (name) => `usage.${name}`,
  );
  const { joins, conditions } =
    question.counted === undefined
      ? { joins: "", conditions: [] }
      : countedRows(table, question.counted);
  const wanted = [`(${sources.join(" OR ")})`, afterSql(question.after), ...conditions];
  // The page is cut before the batches are joined: there are many rows and few of them are wanted.
  const rows = await rowsOf(
    connection,
    `WITH page AS (
       SELECT ${own.join(", ")} FROM ${table.rowsName} AS usage ${joins}
       WHERE ${wanted.join(" AND ")}
       ORDER BY usage.ts, usage.position LIMIT ${question.limit + 1}
     )
     SELECT page.position, page.account, ${uidSql("page")}, epoch_us(page.ts), epoch_us(page.ets),
       epoch_us(batch.received_at)${columns.map((column) => `, page.${column}`).join("")}
     FROM page ASOF JOIN batch ON page.position >= batch.first_position
     ORDER BY page.ts, page.position`,
  );
  const events = rows.slice(0, question.limit).map((row): ScannedEvent => {
    const [, account, uid, ts, ets, receivedAt, ...cells] = row;
    const event = { numbers: new Map<string, string>(), texts: new Map<string, string>() };
    for (const { field, value } of fieldValues(table, cells))
      (field.isNumeric ? event.numbers : event.texts).set(field.code, value);
    return {
      uid: text(uid),
      accountId: accounts.at(integer(account)).accountId,
      ts: instantOf(bigInteger(ts)),
      ...(ets === null || ets === undefined ? {} : { ets: instantOf(bigInteger(ets)) }),
      receivedAt: instantOf(bigInteger(receivedAt)),
      numbers: Object.fromEntries(event.numbers),
      texts: Object.fromEntries(event.texts),
    };
  });
  const last = rows[question.limit - 1];
  if (rows.length <= question.limit || last === undefined) return { events };
  return { events, next: `${bigInteger(last[3])}.${bigInteger(last[0])}` };
};
