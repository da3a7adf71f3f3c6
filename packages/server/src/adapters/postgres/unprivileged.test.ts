import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { startEmbeddedPostgres } from "./embedded.ts";

test("the embedded database starts, and starts again, in a folder that only its owner may enter", async () => {
  const home = await mkdtemp(join(tmpdir(), "turnpike-home-"));
  onTestFinished(() => rm(home, { recursive: true }));
  const folder = join(home, "data", "postgres");
  await mkdir(folder, { recursive: true });
  for (const starts of [1, 2]) {
    const embedded = await startEmbeddedPostgres(folder, pino({ level: "silent" }));
    onTestFinished(embedded.stop);
    const client = new Client({ connectionString: embedded.url });
    await client.connect();
    await client.query("CREATE TABLE IF NOT EXISTS start ()");
    await client.query("INSERT INTO start DEFAULT VALUES");
    const { rows } = await client.query("SELECT count(*)::integer AS starts FROM start");
    expect(rows).toEqual([{ starts }]);
    await client.end();
    await embedded.stop();
  }
});
