import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { BIGINT, INTEGER, SMALLINT, UUID, VARCHAR } from "@duckdb/node-api";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TextValues } from "../../ports/usage-log.ts";
import { literal, rowsOf, text } from "./cells.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { isSameUidSql, uidColumnsSql, uidSql, UidSplitter, uidWaysSql } from "./uid-columns.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 100);

const textsOf = (uids: readonly string[]): TextValues => {
  let length = 0;
  const parts = uids.map((uid) => Buffer.from(uid));
  const ends = Uint32Array.from(parts, (part) => (length += part.length));
  const bits = new Uint8Array(Math.ceil(uids.length / 8)).fill(0xff);
  return { kind: "text", bytes: new Uint8Array(Buffer.concat(parts)), ends, present: { bits } };
};

let connection: DuckDBConnection;
let instance: DuckDBInstance;
beforeAll(async () => {
  instance = await DuckDBInstance.create(":memory:");
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

/** Stores runs of uids as the rows of a table, one splitter for all. */
const store = async (runs: readonly (readonly string[])[]): Promise<void> => {
  await connection.run(`CREATE OR REPLACE TABLE uids (row INTEGER, ${uidColumnsSql.join(", ")})`);
  const types = [INTEGER, VARCHAR, SMALLINT, BIGINT, UUID];
  const writer = await ChunkWriter.open(connection, { schema: "main", table: "uids" }, types);
  const splitter = new UidSplitter();
  let first = 0;
  for (const uids of runs) {
    const values = Int32Array.from(uids, (_, index) => first + index);
    const columns = splitter.columns(textsOf(uids), uids.length);
    writer.write([{ kind: "int32", values }, ...columns], uids.length);
    first += uids.length;
  }
  writer.close();
};

const storedUids = async (): Promise<readonly string[]> => {
  const rows = await rowsOf(connection, `SELECT ${uidSql("uids")} FROM uids ORDER BY row`);
  return rows.map(([uid]) => text(uid));
};

const codesOf = async (): Promise<readonly unknown[]> => {
  const rows = await rowsOf(connection, "SELECT DISTINCT uid_form FROM uids ORDER BY ALL");
  return rows.map(([code]) => code);
};

const hex = fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), maxLength: 40 });
const tail = fc.oneof(
  fc.uuid(),
  fc.uuid().map((uuid) => uuid.toUpperCase()),
  hex,
  hex.map((digits) => digits.toUpperCase()),
  fc.bigInt(0n, 10n ** 30n).map(String),
  fc.nat(2000).map(String),
  fc.nat(99_999).map((number) => String(number).padStart(9, "0")),
  fc.bigInt(0n, 36n ** 13n).map((number) => number.toString(36)),
  fc.constantFrom("0", "00", "z".repeat(12), "z".repeat(13), "9".repeat(18), "9".repeat(19)),
  fc.constantFrom("1e400", "0x10", "-7", "+7", "1.50", "0".repeat(60), ""),
  fc.string({ unit: "binary", maxLength: 20 }),
);
const head = fc.oneof(
  fc.constantFrom("", "req_", "é", "\0", "it's ", "-", "0", "A"),
  fc.string({ unit: "binary", maxLength: 8 }),
);
/** Mostly of one head, as a client's are. */
const run = fc
  .tuple(head, fc.array(tail, { minLength: 1, maxLength: 12 }), fc.boolean())
  .chain(([own, tails, isMixed]) =>
    isMixed
      ? fc.tuple(...tails.map((one) => head.map((other) => other + one)))
      : fc.constant(tails.map((one) => own + one)),
  );
const kinds = [
  fc.uuid(),
  fc.bigInt(0n, 10n ** 19n).map(String),
  fc.nat(2000).map(String),
  fc.nat(99_999).map((number) => String(number).padStart(9, "0")),
  fc.bigInt(0n, 36n ** 13n).map((number) => number.toString(36)),
];
const ofOneKind = fc
  .tuple(head, fc.oneof(...kinds.map((kind) => fc.array(kind, { minLength: 1, maxLength: 12 }))))
  .map(([own, tails]) => tails.map((one) => own + one));
/** DuckDB's text is UTF-8, which has no half of a pair. */
const isText = (uids: readonly string[]): boolean => uids.every((uid) => uid.isWellFormed());
const runs = fc.array(fc.oneof(run, ofOneKind).filter(isText), { minLength: 1, maxLength: 6 });

test("any uids come back as they were", async () => {
  await fc.assert(
    fc.asyncProperty(runs, async (given) => {
      await store(given);
      expect(await storedUids()).toEqual(given.flat());
    }),
    { numRuns },
  );
});

test("uids are found in their rows, however they are stored, and in no others", async () => {
  await fc.assert(
    fc.asyncProperty(runs, fc.array(fc.nat(), { minLength: 1 }), async (given, picks) => {
      await store(given);
      const all = given.flat();
      const wanted = [...new Set(picks.map((pick) => all[pick % all.length] ?? ""))];
      const rows = await rowsOf(
        connection,
        `SELECT way.nth, row FROM uids JOIN (${uidWaysSql(wanted)}) AS way
         ON ${isSameUidSql("uids", "way")} ORDER BY ALL`,
      );
      expect(rows).toEqual(
        wanted.flatMap((one, nth) => all.flatMap((uid, row) => (uid === one ? [[nth, row]] : []))),
      );
      const [by] = await rowsOf(
        connection,
        `SELECT count(*) FROM uids WHERE ${uidSql("uids")} IN (${wanted.map(literal).join(", ")})`,
      );
      expect(Number(by?.[0])).toBe(rows.length);
    }),
    { numRuns },
  );
});

const numbered = (print: (index: number) => string): readonly string[] =>
  Array.from({ length: 100 }, (_, index) => print(index * 7919));

test.each([
  ["decimal numbers", [1000], numbered((index) => `evt-${index + 1}`)],
  ["decimal numbers of one width", [1008], numbered((index) => String(index).padStart(8, "0"))],
  [
    "numbers in base 36 of one width",
    [3610],
    numbered((index) => `req_${index.toString(36).padStart(10, "0")}`),
  ],
  [
    "UUIDs",
    [1632],
    numbered((index) => `x${index.toString(16).padStart(8, "0")}-0000-4000-8000-00000000000f`),
  ],
  [
    "upper-case UUIDs",
    [0],
    numbered((index) =>
      `${index.toString(16).padStart(8, "0")}-0000-4000-8000-A0000000000F`.toUpperCase(),
    ),
  ],
  ["letters that all differ in front", [0], numbered((index) => `${index}_${index}`)],
])("%s have the form %j", async (_, codes, uids) => {
  await store([uids]);
  expect(await codesOf()).toEqual(codes);
  expect(await storedUids()).toEqual(uids);
});

test("one uid after the other is seen to have the same head", async () => {
  await store(numbered((index) => `req_${index + 1}`).map((uid) => [uid]));
  const rows = await rowsOf(connection, "SELECT count(*) FROM uids WHERE uid_form <> 1000");
  expect(Number(rows[0]?.[0])).toBe(1);
});
