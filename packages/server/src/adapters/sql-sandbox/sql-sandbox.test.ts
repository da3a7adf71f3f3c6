import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SqlSandbox } from "./sql-sandbox.ts";

const columns = [
  { name: "uid", type: "VARCHAR" },
  { name: "ts", type: "TIMESTAMP" },
  { name: "n", type: "DECIMAL(18, 3)" },
];

let sandbox: SqlSandbox;
beforeAll(() => {
  sandbox = new SqlSandbox(2000);
});
afterAll(() => sandbox.close());

/** Asks it of no rows: the answer or the reason for there being none. */
const ask = async (sql: string): Promise<string | null> => {
  const outcome = await sandbox.run({ sql, columns, groups: 1 });
  if (outcome.kind === "refused") return `refused: ${outcome.reason}`;
  const [answer] = outcome.answers;
  if (answer === undefined) throw new Error("no answer");
  return "value" in answer ? answer.value : `fault: ${answer.fault}`;
};

describe("answers", () => {
  test.each([
    ["SELECT count(*) FROM measurements", "0"],
    ["SELECT sum(n) FROM measurements", null],
    ["SELECT n FROM measurements", null],
    ["SELECT NULL", null],
    ["SELECT 1.50", "1.5"],
    ["SELECT 0.1::DOUBLE + 0.2::DOUBLE", "0.30000000000000004"],
    ["SELECT 1e300::DOUBLE / 1e300::DOUBLE", "1"],
    ["SELECT 170141183460469231731687303715884105727::HUGEINT", `${2n ** 127n - 1n}`],
    ["SELECT 3::UTINYINT;", "3"],
    ["FROM measurements SELECT max(n) FILTER (n > 2) - min(n)", null],
    ["WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) SELECT sum(x) FROM b", "2"],
    [
      "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 9) SELECT sum(i) FROM t",
      "45",
    ],
    ["SELECT sum(i) FROM range(5) AS t(i)", "10"],
    ["SELECT sum(x) FROM (VALUES (1), (2.5)) AS t(x)", "3.5"],
  ])("%s", async (sql, answer) => {
    expect(await ask(sql)).toBe(answer);
  });

  test.each([
    ["SELECT 1, 2", "fault: must answer with one column"],
    ["SELECT 1 UNION ALL SELECT 2", "fault: must answer with one row"],
    ["SELECT 'a'", "fault: must answer with a number"],
    ["SELECT TRUE", "fault: must answer with a number"],
    ["SELECT 'nan'::DOUBLE", "fault: must answer with a number"],
    ["SELECT 1e308::DOUBLE * 10 * 'inf'::DOUBLE", "fault: must answer with a number"],
  ])("%s: %s", async (sql, answer) => {
    expect(await ask(sql)).toBe(answer);
  });
});

const target = join(tmpdir(), `turnpike-escape-${process.pid}`);

describe("nothing but the relation can be reached", () => {
  test.each([
    "SELECT count(*) FROM read_csv('/etc/passwd')",
    "SELECT count(*) FROM '/etc/passwd'",
    "SELECT count(*) FROM read_text('/etc/*')",
    "SELECT count(*) FROM read_parquet('x.parquet')",
    "SELECT count(*) FROM glob('/*')",
    `COPY measurements TO '${target}'`,
    `COPY (SELECT 1) TO '${target}'`,
    `EXPORT DATABASE '${target}'`,
    `ATTACH '${target}' AS other`,
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD 'httpfs.duckdb_extension'",
    "PRAGMA database_list",
    "PRAGMA memory_limit = '10GB'",
    "SET memory_limit = '10GB'",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE TABLE measurements AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "INSERT INTO measurements VALUES ('a', NULL, 1)",
    "UPDATE measurements SET n = 1",
    "DELETE FROM measurements",
    "DROP TABLE measurements",
    "CALL pragma_version()",
    "EXPLAIN SELECT 1",
    "DESCRIBE measurements",
    "SUMMARIZE measurements",
    "SHOW TABLES",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "CHECKPOINT",
    "BEGIN",
    "VACUUM",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE measurements",
    "WITH t AS (INSERT INTO measurements VALUES ('a', NULL, 1) RETURNING 1) SELECT * FROM t",
    "SELECT count(*) FROM information_schema.tables",
    "SELECT count(*) FROM main.measurements",
    "SELECT count(*) FROM memory.main.measurements",
    "SELECT count(*) FROM system.information_schema.tables",
    "SELECT count(*) FROM duckdb_tables",
    "SELECT count(*) FROM duckdb_tables()",
    "SELECT count(*) FROM duckdb_settings()",
    "SELECT count(*) FROM duckdb_secrets()",
    "SELECT count(*) FROM pragma_database_list",
    "SELECT count(*) FROM sqlite_master",
    "SELECT count(*) FROM pg_class",
    "SELECT count(*) FROM pg_catalog.pg_class",
    "SELECT count(*) FROM usage_0_rows",
    "SELECT count(*) FROM batch",
    "SELECT count(*) FROM (SELECT * FROM account)",
    "SELECT (SELECT count(*) FROM correction)",
    "SELECT 1 WHERE EXISTS (FROM duckdb_columns())",
    "WITH sqlite_master AS (SELECT 1) SELECT count(*) FROM sqlite_master",
    "WITH measurements AS (SELECT 1) SELECT count(*) FROM measurements",
    "SELECT (WITH x AS (SELECT 1 AS a) SELECT a FROM x) + (SELECT count(*) FROM x)",
    "SELECT count(*) FROM query('SELECT * FROM duckdb_tables()')",
    "SELECT count(*) FROM query_table('duckdb_tables')",
    "SELECT count(*) FROM json_execute_serialized_sql('{}')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "SELECT getvariable('x')",
    "SELECT nextval('s')",
    "SELECT write_log('x')",
    "SELECT sleep_ms(1)",
    "SELECT $1",
    "SELECT nothing FROM measurements",
    "SELECT",
    "",
    "-- nothing",
    "garbage",
    "SELECT '\u0000",
  ])("%s", async (sql) => {
    expect(await ask(sql)).toMatch(/^(refused|fault): \S/);
  });

  test("nothing was written", () => {
    expect(existsSync(target)).toBe(false);
  });

  test("an answer depends on no clock and no dice", async () => {
    const unsteady = [
      "random()",
      "now()",
      "current_timestamp",
      "CURRENT_DATE",
      "localtime",
      "uuid()",
      "today()",
      "main.random()",
    ];
    for (const expression of unsteady) {
      expect(await ask(`SELECT length((${expression})::VARCHAR)`), expression).toMatch(/^refused/);
    }
    expect(await ask("SELECT count(*) FROM measurements USING SAMPLE 1")).toMatch(/^refused/);
    expect(await ask("SELECT count(*) FROM measurements TABLESAMPLE 50%")).toMatch(/^refused/);
  });
});

describe("what costs too much is stopped", () => {
  test.each([
    "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t",
    "SELECT count(*) FROM range(1000000000000)",
    "SELECT sum(a.range + b.range) FROM range(10000000) AS a, range(10000000) AS b",
    "SELECT len(range(1000000000))",
    "SELECT length(repeat('x', 4000000000))",
    "SELECT count(*) FROM (SELECT * FROM range(100000000) ORDER BY hash(range))",
    "SELECT max(s) FROM (SELECT repeat('abc', 1000000) || range AS s FROM range(100000))",
    "SELECT length(string_agg(repeat('x', 10000000))) FROM range(1000)",
    "SELECT length(repeat(repeat(repeat('x', 1000), 1000), 1000))",
  ])("%s", { timeout: 30_000 }, async (sql) => {
    expect(await ask(sql)).toMatch(/^fault: (takes (longer|too much)|Out of Memory)/);
    expect(await ask("SELECT 1")).toBe("1");
  });

  test("nesting as deep as a query can be is refused or answered", async () => {
    const deep = `SELECT ${"(".repeat(1000)}1${")".repeat(1000)}`;
    expect(await ask(deep)).toMatch(/^(1|(refused|fault): .*)$/s);
    expect(await ask(`SELECT 1${"+1".repeat(1000)}`)).toMatch(/^(1001|(refused|fault): .*)$/s);
    expect(await ask(`SELECT ${"NOT ".repeat(500)}TRUE`)).toMatch(/^(refused|fault): /);
    expect(await ask("SELECT 1")).toBe("1");
  });

  test("a job of many groups lets others in between", async () => {
    const sharing = new SqlSandbox(2000, 0);
    const order: string[] = [];
    const run = async (name: string, groups: number): Promise<void> => {
      const outcome = await sharing.run({ sql: "SELECT 7", columns, groups });
      expect(outcome).toEqual({
        kind: "answered",
        answers: Array.from({ length: groups }, () => ({ value: "7" })),
      });
      order.push(name);
    };
    await Promise.all([run("long", 3), run("short", 1)]);
    expect(order).toEqual(["short", "long"]);
    sharing.close();
  });

  test("a job is given up after three groups", { timeout: 60_000 }, async () => {
    const sql = "SELECT count(*) FROM range(1000000000000)";
    const outcome = await sandbox.run({ sql, columns, groups: 50 });
    const answers = Array.from({ length: 50 }, () => ({ fault: "takes longer than 2000 ms" }));
    expect(outcome).toEqual({ kind: "answered", answers });
  });
});
