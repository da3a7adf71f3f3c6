import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "./embedded.ts";
import { openPostgres, type PostgresConnection } from "./open.ts";
import { printSchema } from "./printed-schema.ts";

const logger = pino({ level: "silent" });
const state: { connection?: PostgresConnection; readonly closers: (() => Promise<unknown>)[] } = {
  closers: [],
};

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-schema-"));
  state.closers.push(() => rm(folder, { recursive: true, force: true }));
  // The embedded database may run as another user, who must get through to its data.
  await chmod(folder, 0o755);
  const embedded = await startEmbeddedPostgres(join(folder, "postgres"), logger);
  state.closers.push(embedded.stop);
  state.connection = await openPostgres(embedded.url, logger);
  state.closers.push(state.connection.close);
});
afterAll(async () => {
  for (const close of state.closers.reverse()) await close();
});

const header = `-- What the migrations make of an empty database, printed by \`npm run schema\` to be read in one place; the migrations say why.
-- A start adds an index for each field that a resource's declaration filters by (\`resources/indexes.ts\`).
`;

test("the migrations make the schema of schema.sql, in which a reader sees it whole", async () => {
  if (state.connection === undefined) throw new Error("the database did not start");
  const printed = `${header}\n${await printSchema(state.connection.pool)}\n`;
  await expect(printed).toMatchFileSnapshot(join(import.meta.dirname, "schema.sql"));
});
