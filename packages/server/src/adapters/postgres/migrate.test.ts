import { pino } from "pino";
import { expect, test } from "vitest";
import { openPostgres } from "./open.ts";
import { ownConnection } from "./own-connection.suite.ts";

const own = ownConnection();

test("a role that may create nothing opens a database that is up to date", async () => {
  const { pool } = own();
  await pool.query(`
    CREATE ROLE user_of_tables LOGIN PASSWORD 'its own';
    GRANT ALL ON ALL TABLES IN SCHEMA public TO user_of_tables;`);
  const url = new URL(pool.options.connectionString ?? "");
  url.username = "user_of_tables";
  url.password = encodeURIComponent("its own");
  const { pool: theirs, close } = await openPostgres(url.href, pino({ level: "silent" }));
  try {
    await expect(theirs.query("CREATE TABLE more ()")).rejects.toThrow("permission denied");
    expect((await theirs.query("SELECT FROM migration LIMIT 1")).rowCount).toBe(1);
  } finally {
    await close();
  }
});
