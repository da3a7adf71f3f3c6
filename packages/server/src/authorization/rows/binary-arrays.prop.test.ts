import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../adapters/postgres/embedded.ts";
import {
  bigintArray,
  booleanArray,
  type ElementType,
  integerArray,
  numericArray,
  textArray,
} from "./binary-arrays.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 100);

const seed = process.env["TURNPIKE_SEED"];
const settings = {
  numRuns: runs,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

describe("what PostgreSQL reads from a binary array", () => {
  let folder = "";
  let postgres: EmbeddedPostgres | undefined;
  let client: Client;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-test-"));
    await chmod(folder, 0o755);
    postgres = await startEmbeddedPostgres(folder, pino({ level: "silent" }));
    client = new Client({ connectionString: postgres.url });
    await client.connect();
  }, 60_000);
  afterAll(async () => {
    await client.end();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Every element as PostgreSQL writes it. */
  const read = async (type: ElementType, array: Buffer): Promise<(string | null)[]> => {
    const { rows } = await client.query<{ text: string | null }>(
      `SELECT one::text AS text FROM unnest($1::${type}[]) WITH ORDINALITY AS a (one, nth) ORDER BY nth`,
      [array],
    );
    return rows.map(({ text }) => text);
  };

  const holds = <Value>(
    type: ElementType,
    encode: (values: readonly Value[]) => Buffer,
    value: fc.Arbitrary<Value>,
  ): Promise<void> =>
    fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 20 }), async (values) => {
        const expected = values.map((one) => (one === null ? null : String(one)));
        expect(await read(type, encode(values))).toEqual(expected);
      }),
      settings,
    );

  test("text, quotes, braces and nulls as they are", () =>
    holds(
      "text",
      textArray,
      fc.option(
        fc.oneof(
          fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0")),
          fc.constantFrom("", "NULL", '{"a":"\\"}', "Käse 🧀", "a,b"),
        ),
      ),
    ));

  test("integers as long as the greatest double as numeric", () => {
    const most = 10n ** 320n;
    const edges = fc.constantFrom(0n, 1n, -1n, 9_999n, 10_000n, 100_000_000n, 2n ** 53n, most);
    const digits = fc.integer({ min: 0, max: 320 }).map((count) => 10n ** BigInt(count));
    const values = fc.oneof(edges, digits, fc.bigInt({ min: -most, max: most }), fc.bigInt());
    return holds("numeric", numericArray, values);
  });

  test("times before and after the epoch as bigint", () =>
    holds("bigint", bigintArray, fc.option(fc.maxSafeInteger())));

  test("integers", () => holds("integer", integerArray, fc.integer()));

  test("booleans", () => holds("boolean", booleanArray, fc.boolean()));
});
