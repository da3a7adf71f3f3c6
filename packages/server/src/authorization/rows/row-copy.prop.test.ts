import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { Pool } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../adapters/postgres/embedded.ts";
import { commit, inOnePacket, type Statement } from "./packet.ts";
import { copied, exact, statementOf, text, time, updated } from "./row-writing.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 100);

const seed = process.env["TURNPIKE_SEED"];
const settings = {
  numRuns: runs,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

const orgId = "0a1b2c3d-4e5f-4607-8899-aabbccddeeff";

interface Sample {
  readonly id: string;
  readonly note: string | null;
  readonly amount: bigint;
  readonly at: number | null;
}

const samples = {
  name: "sample",
  columns: [
    text("id", (row: Sample) => row.id),
    text("note", (row: Sample) => row.note),
    exact("amount", (row: Sample) => row.amount),
    time("at", (row: Sample) => row.at),
  ],
};

const idOf = ({ id }: Sample): string => id;
const amountOf = ({ amount }: Sample): bigint => amount;

const most = 10n ** 320n - 1n;
const sample = fc.record({
  id: fc.uuid(),
  note: fc.option(
    fc.oneof(
      fc.string({ unit: "grapheme" }).filter((one) => !one.includes("\0")),
      fc.constantFrom("", "\\N", "\\.", "Käse 🧀", "🧀".repeat(3000)),
    ),
  ),
  amount: fc.oneof(
    fc.constantFrom(0n, 9_999n, 10_000n, 2n ** 53n, most),
    fc.bigInt({ min: -most, max: most }),
  ),
  at: fc.option(fc.maxSafeInteger()),
});

describe("rows that are copied", () => {
  let folder = "";
  let postgres: EmbeddedPostgres | undefined;
  let pool: Pool;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "turnpike-test-"));
    await chmod(folder, 0o755);
    postgres = await startEmbeddedPostgres(folder, pino({ level: "silent" }));
    pool = new Pool({ connectionString: postgres.url, max: 1, pipeline: true });
    // The database may end before the last connection has said good-bye.
    pool.on("error", () => undefined);
    await pool.query(
      "CREATE TABLE sample (org_id uuid, id text PRIMARY KEY, note text, amount numeric, at bigint)",
    );
  }, 60_000);
  beforeEach(async () => {
    await pool.query("TRUNCATE sample");
  });
  afterAll(async () => {
    await pool.end();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Each in a packet of its own. */
  const alone = async (...statements: Statement[]): Promise<void> => {
    const client = await pool.connect();
    try {
      for (const statement of statements)
        await inOnePacket(client, (packet) => packet.run(statement));
    } finally {
      client.release();
    }
  };

  const copy = async (rows: readonly Sample[]): Promise<void> => {
    await alone(...copied(samples, orgId, rows));
  };

  test("are what they were", () =>
    fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(sample, { selector: ({ id }) => id, maxLength: 20 }),
        async (rows) => {
          await pool.query("TRUNCATE sample");
          await copy(rows);
          const { rows: stored } = await pool.query("SELECT * FROM sample");
          expect(stored).toEqual(
            rows.map(({ id, note, amount, at }) => ({
              org_id: orgId,
              id,
              note,
              amount: String(amount),
              at: at === null ? null : String(at),
            })),
          );
        },
      ),
      settings,
    ));

  test("undo the whole packet when one is there already, and the connection goes on", async () => {
    const row = { id: "a", note: null, amount: 1n, at: null };
    await copy([row]);
    const client = await pool.connect();
    try {
      const outcomes = await inOnePacket(client, (packet) =>
        Promise.allSettled([
          packet.run({ name: "begin", text: "BEGIN" }),
          packet.run({ name: "insert", text: "INSERT INTO sample (id) VALUES ('b')" }),
          ...copied(samples, orgId, [{ ...row, id: "c" }, row]).map((one) => packet.run(one)),
          // One that is not even begun: its rows are read past.
          ...copied(samples, orgId, [{ ...row, id: "d" }]).map((one) => packet.run(one)),
          commit(packet),
        ]),
      );
      expect(
        outcomes.map((one) => (one.status === "rejected" ? one.reason.code : one.status)),
      ).toEqual(["fulfilled", "fulfilled", "23505", "23505", "23505"]);
      await client.query("ROLLBACK");
      const { rows } = await client.query("SELECT id FROM sample");
      expect(rows).toEqual([{ id: "a" }]);
    } finally {
      client.release();
    }
  });

  test("are updated all or not at all", async () => {
    const row = { id: "a", note: null, amount: 1n, at: null };
    await copy([row]);
    const known = { name: "sample", key: [text("id", idOf)], moved: [exact("amount", amountOf)] };
    const update = (...rows: Sample[]): Promise<void> => {
      const before = new Map(rows.map((one) => [one.id, one]));
      return alone(statementOf(orgId, updated({ ...known, seldom: [] }, rows, before)));
    };
    await update({ ...row, amount: 2n });
    await expect(update({ ...row, amount: 3n }, { ...row, id: "gone" })).rejects.toThrow(
      "updated 1 rows of sample, not all",
    );
    const { rows } = await pool.query("SELECT id, amount FROM sample");
    expect(rows).toEqual([{ id: "a", amount: "2" }]);
  });
});
