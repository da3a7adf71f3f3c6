import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool, type PoolClient } from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../adapters/postgres/embedded.ts";
import { bigintArray } from "./binary-arrays.ts";
import { beginByKeys, commit, inOnePacket, type Packet, type Value } from "./packet.ts";

describe("a packet", () => {
  let folder = "";
  let postgres: EmbeddedPostgres | undefined;
  let pool: Pool;
  let client: PoolClient;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-test-"));
    await chmod(folder, 0o755);
    postgres = await startEmbeddedPostgres(folder, pino({ level: "silent" }));
    pool = new Pool({ connectionString: postgres.url, max: 2, pipeline: true });
    // The database may end before the last connection has said good-bye.
    pool.on("error", () => undefined);
    await pool.query("CREATE TABLE sample (id text PRIMARY KEY)");
  }, 60_000);
  beforeEach(async () => {
    client = await pool.connect();
  });
  afterEach(() => {
    client.release(true);
  });
  afterAll(async () => {
    await pool.end();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const insert = (packet: Packet, id: string): Promise<void> =>
    packet.run({ name: "insert", text: "INSERT INTO sample VALUES ($1)", values: [id] });
  const ids = (packet: Packet): Promise<{ id: string }[]> =>
    packet.rows({ name: "ids", text: "SELECT id FROM sample ORDER BY id" });
  const stored = async (): Promise<string[]> => {
    const { rows } = await pool.query<{ id: string }>("SELECT id FROM sample ORDER BY id");
    return rows.map(({ id }) => id);
  };
  const settled = async (promise: Promise<unknown>): Promise<unknown> => {
    const [outcome] = await Promise.allSettled([promise]);
    if (outcome.status === "fulfilled") return outcome.value;
    return outcome.reason instanceof Error && "code" in outcome.reason
      ? outcome.reason.code
      : outcome.reason;
  };

  test("carries statements out in order and answers each, the first time and later", async () => {
    for (const round of [1, 2, 3]) {
      const [, before, , after] = await inOnePacket(client, (packet) =>
        Promise.all([beginByKeys(packet), ids(packet), insert(packet, `${round}`), ids(packet)]),
      );
      expect(before).toEqual([]);
      expect(after).toEqual([{ id: `${round}` }]);
      await client.query("ROLLBACK");
    }
  });

  test("takes values of every kind and gives columns their types", async () => {
    const values: Value[] = [null, "Käse 🧀", 7, ["a", 'b"', ""], bigintArray([1, 2 ** 53])];
    const statement = {
      name: "values",
      text: `SELECT $1::text AS nothing, $2::text AS text, $3::integer AS number, $4::text[] AS texts,
               $5::bigint[] AS numbers, '{"a": [1]}'::json AS json, $3::integer = 7 AS flag`,
      values,
    };
    const row = {
      nothing: null,
      text: "Käse 🧀",
      number: 7,
      texts: ["a", 'b"', ""],
      numbers: ["1", String(2 ** 53)],
      json: { a: [1] },
      flag: true,
    };
    for (const _ of [1, 2]) {
      const [rows, lists] = await inOnePacket(client, (packet) =>
        Promise.all([packet.rows(statement), packet.values(statement)]),
      );
      expect(rows).toEqual([row]);
      expect(lists).toEqual([Object.values(row)]);
    }
  });

  test("answers thousands of rows in several pieces", async () => {
    const text = "SELECT n, repeat('x', 100) FROM generate_series(1, 5000) AS n";
    const [first, second] = await inOnePacket(client, (packet) =>
      Promise.all([
        packet.values<[number, string]>({ name: "many", text }),
        packet.values<[number, string]>({ name: "many", text }),
      ]),
    );
    expect(first).toHaveLength(5000);
    expect(second.at(-1)).toEqual([5000, "x".repeat(100)]);
  });

  test("fails from the statement that fails on, and does not commit what was before it", async () => {
    for (const _ of [1, 2]) {
      const outcomes = await inOnePacket(client, (packet) =>
        Promise.all(
          [
            beginByKeys(packet),
            insert(packet, "a"),
            insert(packet, "a"),
            ids(packet),
            commit(packet),
          ].map(settled),
        ),
      );
      expect(outcomes).toEqual([undefined, undefined, "23505", "23505", "23505"]);
      await client.query("ROLLBACK");
    }
    expect(await stored()).toEqual([]);
    // What was prepared by a packet that failed, and what was not, can be asked for again.
    expect(await inOnePacket(client, ids)).toEqual([]);
  });

  test("fails when a statement cannot be prepared, and the connection goes on", async () => {
    const outcomes = await inOnePacket(client, (packet) =>
      Promise.all(
        [packet.run({ name: "nonsense", text: "SELECT nonsense" }), insert(packet, "a")].map(
          settled,
        ),
      ),
    );
    expect(outcomes).toEqual(["42703", "42703"]);
    expect(await inOnePacket(client, ids)).toEqual([]);
  });

  test("fails when the connection is cut", async () => {
    client.on("error", () => undefined);
    const waiting = inOnePacket(client, (packet) =>
      settled(packet.run({ name: "sleep", text: "SELECT pg_sleep(60)" })),
    );
    await pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()",
    );
    expect(await waiting).toBe("57P01");
  });
});
