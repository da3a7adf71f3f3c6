import * as fc from "fast-check";
import { RowBuffer } from "../../ingest/row-buffer.ts";
import type { UsageRows } from "../../ports/usage-log.ts";
import type { Batch } from "./batch-codec.ts";

/** A row with any values, or none. */
export const anyRow = fc.record({
  account: fc.nat(1000),
  ts: fc.maxSafeInteger(),
  ets: fc.option(fc.maxSafeInteger(), { nil: undefined }),
  uid: fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
  extras: fc.option(fc.json(), { nil: undefined, freq: 1 }),
  value: fc.option(
    fc.record({
      mantissa: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      scale: fc.nat(300),
    }),
    { nil: undefined, freq: 2 },
  ),
  text: fc.option(
    fc.oneof(fc.constantFrom("eu-west-1", "us-east-1"), fc.string({ maxLength: 30 })),
    {
      nil: undefined,
      freq: 2,
    },
  ),
  /** How far its position lies behind the one before it. */
  gap: fc.constantFrom(1, 1, 1, 7, 2 ** 40),
});
export type AnyRow = typeof anyRow extends fc.Arbitrary<infer Row> ? Row : never;

export const layout = {
  orgId: "org",
  meterId: "meter",
  fields: [
    { code: "n", category: "MEASURE" },
    { code: "t", category: "METADATA" },
  ],
} as const;

/** Puts a row into the buffer, behind those that it has. */
export const putRow = (
  buffer: RowBuffer,
  position: number,
  { account, ts, ets, uid, extras, value, text }: AnyRow,
): void => {
  const row = buffer.count;
  const [numbers, texts] = buffer.fields;
  buffer.positions.set(row, position);
  buffer.accounts[row] = account;
  buffer.ts.set(row, ts);
  buffer.ets.set(row, ets ?? 0);
  buffer.etsPresent.set(row, ets !== undefined);
  buffer.uids.set(row, uid);
  if (extras === undefined) buffer.extras.clear(row);
  else buffer.extras.set(row, extras);
  if (numbers?.kind !== "decimal" || texts?.kind !== "text") throw new Error("not the layout");
  if (value === undefined) numbers.clear(row);
  else {
    numbers.present.set(row, true);
    numbers.mantissas.setBig(row, value.mantissa);
    numbers.scales[row] = value.scale;
  }
  if (text === undefined) texts.clear(row);
  else texts.set(row, text);
  buffer.commitRow();
};

export const bufferOf = (rows: readonly AnyRow[]): RowBuffer => {
  const buffer = new RowBuffer(layout);
  let position = 0;
  for (const row of rows) {
    position += row.gap;
    putRow(buffer, position, row);
  }
  return buffer;
};

export const batchOf = (sequence: number, rows: readonly UsageRows[]): Batch => ({
  sequence,
  receivedAtMs: 1_700_000_000_000,
  firstPosition: sequence * 10,
  count: 10,
  corrections: [],
  accounts: [{ number: 0, orgId: "org", accountId: "acme" }],
  rows,
});
