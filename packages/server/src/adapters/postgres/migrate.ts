import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type { Pool, PoolClient } from "pg";

const folder = new URL("migrations/", import.meta.url);
/** Any number, the same in every server: only one migrates at a time. */
const lockId = 7_466_051;

/** Applies the numbered migrations that the database has not seen, each in a transaction of its own. */
export const migrate = async (pool: Pool): Promise<void> => {
  const client = await pool.connect();
  try {
    await client.query("SELECT pg_advisory_lock($1)", [lockId]);
    // Whoever only starts again needs no right to create.
    const { rows: found } = await client.query("SELECT WHERE to_regclass('migration') IS NULL");
    if (found.length > 0)
      await client.query("CREATE TABLE migration (name text PRIMARY KEY, sha256 text NOT NULL)");
    const { rows } = await client.query<{ name: string; sha256: string }>(
      "SELECT * FROM migration",
    );
    const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]));
    for (const name of (await readdir(folder)).sort()) await apply(client, name, applied);
  } finally {
    await client.query("SELECT pg_advisory_unlock($1)", [lockId]).catch(() => undefined);
    client.release();
  }
};

const apply = async (
  client: PoolClient,
  name: string,
  applied: ReadonlyMap<string, string>,
): Promise<void> => {
  const sql = await readFile(new URL(name, folder), "utf8");
  const sha256 = createHash("sha256").update(sql).digest("hex");
  const known = applied.get(name);
  if (known === sha256) return;
  if (known !== undefined) throw new Error(`migration ${name} was edited after it was applied`);
  await client.query("BEGIN");
  try {
    await client.query(sql);
    await client.query("INSERT INTO migration VALUES ($1, $2)", [name, sha256]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw new Error(`migration ${name} failed`, { cause: error });
  }
};
