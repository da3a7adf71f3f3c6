import { randomUUID } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Client, connect } from "./client.ts";
import { endedExport, jobsOfSchedule, linkToExport } from "./exported-files.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const state: { folder: string; server?: ServerProcess } = { folder: "" };
const start = async (): Promise<Client> => {
  state.server = await startServer(state.folder);
  return connect(state.server);
};
beforeAll(async () => {
  state.folder = await newFolder();
});
afterAll(async () => {
  await state.server?.stop();
  await removeFolder(state.folder);
});

const exportsFolder = (): string => join(state.folder, "data/exports");
const files = async (): Promise<string[]> =>
  (await readdir(exportsFolder())).filter((name) => name !== "drafts");

const order = async (client: Client): Promise<string> => {
  const body = { sourceType: "OPERATIONAL", operationalDataTypes: ["ACCOUNTS", "PRODUCTS"] };
  const answer = await client.call("POST", "dataexports/adhoc", body);
  return z.object({ jobId: z.string() }).parse(answer.body).jobId;
};

test("a start keeps the files of exports and removes those that no export names", async () => {
  const client = await start();
  const id = await order(client);
  expect(await endedExport(client, id)).toMatchObject({ status: "SUCCEEDED" });
  const kept = await files();
  expect(kept).toHaveLength(1);
  await state.server?.kill();
  await writeFile(join(exportsFolder(), randomUUID()), "cut off before its job named it");

  const again = await start();

  expect(await files()).toEqual(kept);
  expect((await fetch(await linkToExport(again, id))).status).toBe(200);
}, 60_000);

test("killed anywhere, every export ends, and each file is one export's", async () => {
  let client = await connect(state.server ?? (await startServer(state.folder)));
  const ids: string[] = [];
  for (const waitMs of [0, 15, 40]) {
    ids.push(...(await Promise.all([order(client), order(client), order(client)])));
    await delay(waitMs);
    await state.server?.kill();
    client = await start();
  }
  const statuses = await Promise.all(ids.map(async (id) => (await endedExport(client, id)).status));
  expect(new Set(statuses)).toEqual(new Set(["SUCCEEDED"]));
  await state.server?.stop();
  client = await start();
  // Its own, and the one of the test before.
  expect(await files()).toHaveLength(ids.length + 1);
}, 120_000);

test("killed anywhere, every schedule has run, and once", async () => {
  let client = await connect(state.server ?? (await startServer(state.folder)));
  const ids: string[] = [];
  for (const waitMs of [0, 10, 30]) {
    for (let nth = 0; nth < 3; nth += 1) {
      const { id } = await client.create("dataexports/schedules", {
        name: "Daily",
        code: `daily_${ids.length}`,
        sourceType: "OPERATIONAL",
        operationalDataTypes: ["ACCOUNTS"],
        scheduleType: "DAY",
        period: 1,
      });
      ids.push(id);
    }
    await delay(waitMs);
    await state.server?.kill();
    client = await start();
  }
  for (const id of ids) {
    expect(await jobsOfSchedule(client, id, 1)).toMatchObject([{ status: "SUCCEEDED" }]);
  }
}, 120_000);

test("an export that fails as nobody expected says so, with an event, and does not run for ever", async () => {
  const client = await connect(state.server ?? (await startServer(state.folder)));
  // What an operator's mistake does: the folder is no longer there.
  await rm(exportsFolder(), { recursive: true });
  const id = await order(client);
  const failureReason = "The server made a mistake; it has been logged";
  expect(await endedExport(client, id)).toMatchObject({ status: "FAILED", failureReason });
  const { data } = await client.list("events?eventType=DataExportJobFailure");
  expect(data).toMatchObject([
    {
      eventName: "dataexport.job.failure",
      m3terEvent: { eventData: { newDto: { jobId: id, reason: failureReason } } },
    },
  ]);
});
