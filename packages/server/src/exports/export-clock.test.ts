import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { sql } from "kysely";
import { beforeEach, describe, expect, test } from "vitest";
import { resources } from "@turnpike/contract/resources.ts";
import { exportSchedule } from "@turnpike/contract/sync/export-schedule.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { createSealer } from "../resources/sealing.ts";
import { createSecrets } from "../resources/secrets.ts";
import { createCatalog } from "../resources/verbs.ts";
import { type ExportClockParts, tickExportClock } from "./export-clock.ts";
import { listExportJobs } from "./export-jobs.ts";

const connection = ownConnection();
const state: {
  now: string;
  orgId: string;
} = { now: "", orgId: "" };

const now = (): Date => new Date(state.now);
const queued: string[] = [];
const parts = () => {
  const { database } = connection();
  const catalog = createCatalog({
    database,
    resources,
    secrets: createSecrets(createSealer([Buffer.alloc(32)])),
    now,
    background: { exportClock: () => Promise.resolve() },
    onChange: () => undefined,
    examine: () => Promise.resolve(),
  });
  const background: ExportClockParts["background"] = {
    exportJob: async (_, { jobId }) => void queued.push(jobId),
  };
  return { database, catalog, now, background };
};

const organization = async (): Promise<void> => {
  state.orgId = randomUUID();
  const row = { id: state.orgId, created_at: new Date(0) };
  await parts().database.insertInto("organization").values(row).execute();
};
beforeEach(async () => {
  state.now = "2024-06-01T10:00:00.000Z";
  await parts().database.deleteFrom("export_schedule").execute();
  await organization();
});

const place = () => ({
  caller: { orgId: state.orgId, principal: "tester" },
  resource: exportSchedule,
});
const operational = { sourceType: "OPERATIONAL", operationalDataTypes: ["BILLS"] };
const daily = { scheduleType: "DAY", period: 1 };

let count = 0;
const bodyOf = (fields: object) => {
  count += 1;
  return { name: "n", code: `c${count}`, ...operational, ...daily, ...fields };
};
const create = async (fields: object = {}) => {
  const { id } = await parts().catalog.create(place(), bodyOf(fields));
  return id;
};
const change = (id: string, fields: object, version = 1) =>
  parts().catalog.update(place(), { id, body: { ...bodyOf(fields), version } });

/** The clock strikes, and what it began ends. */
const tick = async (at: string, clock = parts()): Promise<void> => {
  state.now = at;
  await tickExportClock(clock);
};
const endAll = async (): Promise<void> => {
  await parts().database.updateTable("export_job").set({ status: "SUCCEEDED" }).execute();
};

/** When the schedule's runs were made, the oldest first. */
const runsOf = async (scheduleId: string): Promise<string[]> => {
  const page = { filter: { scheduleId }, pageSize: 100 };
  const { data } = await listExportJobs(parts().database, state.orgId, page);
  return data.map(({ dateCreated }) => dateCreated).toReversed();
};
const runThrough = async (id: string, ...times: string[]): Promise<string[]> => {
  for (const at of times) {
    await tick(at);
    await endAll();
  }
  return runsOf(id);
};
const orderOf = async (id: string) => {
  const { request } = await parts()
    .database.selectFrom("export_job")
    .select("request")
    .where("schedule_id", "=", id)
    .orderBy("dt_created", "desc")
    .limit(1)
    .executeTakeFirstOrThrow();
  return request;
};

test("a schedule runs as soon as it is there, and then after every period", async () => {
  // The documented case of m3ter semantics 21: created on June 1 at 10:00, every two days.
  const id = await create({ period: 2 });
  const runs = await runThrough(
    id,
    "2024-06-01T10:00:00.000Z",
    "2024-06-01T10:01:00.000Z",
    "2024-06-03T09:59:59.999Z",
    "2024-06-03T10:00:00.000Z",
    "2024-06-03T10:01:00.000Z",
  );
  expect(runs).toEqual(["2024-06-01T10:00:00.000Z", "2024-06-03T10:00:00.000Z"]);
  const [job] = (
    await listExportJobs(parts().database, state.orgId, {
      filter: { scheduleId: id },
      pageSize: 1,
    })
  ).data;
  expect(job).toMatchObject({ scheduleId: id, sourceType: "OPERATIONAL", status: "SUCCEEDED" });
  expect(queued.at(-1)).toBe(job?.id);
  expect(await orderOf(id)).toEqual({ ...operational, exportFileFormat: "CSV" });
});

test("one run makes up for all times that were missed, and the next ones are where they were", async () => {
  const id = await create({ scheduleType: "HOUR", period: 1 });
  const runs = await runThrough(
    id,
    "2024-06-01T10:00:01.000Z",
    "2024-06-01T22:30:00.000Z",
    "2024-06-01T22:31:00.000Z",
    "2024-06-01T23:00:00.000Z",
  );
  expect(runs).toEqual([
    "2024-06-01T10:00:01.000Z",
    "2024-06-01T22:30:00.000Z",
    "2024-06-01T23:00:00.000Z",
  ]);
});

test.each([
  // Whenever a server comes to it, it covers what it would have on time.
  ["TODAY", "2024-06-02T06:00:59.000Z", "2024-06-02T00:00:00.000Z", "2024-06-02T06:00:00.000Z"],
  ["YESTERDAY", "2024-06-05T03:00:00.000Z", "2024-06-03T00:00:00.000Z", "2024-06-04T00:00:00.000Z"],
  [
    "LAST_12_HOURS",
    "2024-06-02T06:01:00.000Z",
    "2024-06-01T18:00:00.000Z",
    "2024-06-02T06:00:00.000Z",
  ],
])("%s at %s is from %s to %s", async (timePeriod, at, startDate, endDate) => {
  const usage = { sourceType: "USAGE", timePeriod, exportFileFormat: "JSONL" };
  const timing = { scheduleType: undefined, period: undefined, cronExpression: "0 6 * * *" };
  const id = await create({ ...usage, ...timing });
  await runThrough(id, state.now, at);
  expect(await orderOf(id)).toEqual({
    sourceType: "USAGE",
    exportFileFormat: "JSONL",
    startDate,
    endDate,
  });
});

test("several clocks at once make one run", async () => {
  const id = await create();
  // Long enough for each to see what the others have not committed.
  const slow = { ...parts(), background: { exportJob: () => delay(200) } };
  const times = ["10:00:01", "10:00:02", "10:00:03"];
  await Promise.all(times.map((at) => tick(`2024-06-01T${at}Z`, slow)));
  expect(await runsOf(id)).toHaveLength(1);
});

test("a clock that jumps back repeats nothing, and goes on when it is there again", async () => {
  const id = await create({ scheduleType: "HOUR", period: 1 });
  const runs = await runThrough(
    id,
    "2024-06-01T11:00:00.000Z",
    "2024-06-01T10:30:00.000Z",
    "2024-06-01T11:00:00.000Z",
    "2024-06-01T12:00:00.000Z",
  );
  expect(runs).toEqual(["2024-06-01T11:00:00.000Z", "2024-06-01T12:00:00.000Z"]);
});

test("what is cut off before the commit has not happened, and is still owed", async () => {
  const id = await create();
  const exportJob = () => Promise.reject(new Error("cut off"));
  const broken = { ...parts(), background: { exportJob } };
  await expect(tick("2024-06-01T10:00:01Z", broken)).rejects.toThrow("the clock of exports failed");
  expect(await runsOf(id)).toEqual([]);
  await tick("2024-06-01T10:01:00.000Z");
  expect(await runsOf(id)).toEqual(["2024-06-01T10:01:00.000Z"]);
});

test("a run waits while the one before it is under way", async () => {
  const id = await create({ scheduleType: "MINUTE", period: 15 });
  await tick("2024-06-01T10:00:00.000Z");
  await tick("2024-06-01T10:15:00.000Z");
  await tick("2024-06-01T10:30:00.000Z");
  expect(await runsOf(id)).toEqual(["2024-06-01T10:00:00.000Z"]);
  await endAll();
  await tick("2024-06-01T10:31:00.000Z");
  await tick("2024-06-01T10:32:00.000Z");
  expect(await runsOf(id)).toEqual(["2024-06-01T10:00:00.000Z", "2024-06-01T10:31:00.000Z"]);
});

describe("a schedule that is changed", () => {
  test("runs at its new times, which are counted from its creation, and not at once", async () => {
    const id = await create({ period: 3 });
    await runThrough(id, "2024-06-01T10:00:00.000Z");
    state.now = "2024-06-02T13:30:00.000Z";
    await change(id, { scheduleType: "HOUR", period: 6 });
    const runs = await runThrough(
      id,
      "2024-06-02T13:31:00.000Z",
      "2024-06-02T15:59:00.000Z",
      "2024-06-02T16:00:00.000Z",
    );
    expect(runs).toEqual(["2024-06-01T10:00:00.000Z", "2024-06-02T16:00:00.000Z"]);
  });

  test("makes a run that it owes already, as it is now", async () => {
    const id = await create();
    await change(id, { operationalDataTypes: ["ACCOUNTS"] });
    await tick("2024-06-01T10:00:01.000Z");
    expect(await orderOf(id)).toMatchObject({ operationalDataTypes: ["ACCOUNTS"] });
  });

  test("keeps its next time where only its name is another", async () => {
    const id = await create({ period: 2 });
    await runThrough(id, "2024-06-01T10:00:00.000Z");
    state.now = "2024-06-02T13:30:00.000Z";
    await change(id, { period: 2, name: "another" });
    expect(await runThrough(id, "2024-06-03T10:00:00.000Z")).toHaveLength(2);
  });
});

test("a schedule that is deleted runs no more, and its jobs stay", async () => {
  const id = await create();
  await runThrough(id, "2024-06-01T10:00:00.000Z");
  await parts().catalog.remove(place(), id);
  expect(await runThrough(id, "2024-06-02T10:00:00.000Z")).toEqual(["2024-06-01T10:00:00.000Z"]);
});

test("one that fails keeps no other waiting, and is told of", async () => {
  const broken = await create();
  await sql`UPDATE record SET document = document - 'period' WHERE id = ${broken}`.execute(
    parts().database,
  );
  await organization();
  const id = await create();
  await expect(tick("2024-06-01T10:00:01.000Z")).rejects.toThrow("the clock of exports failed");
  expect(await runsOf(id)).toEqual(["2024-06-01T10:00:01.000Z"]);
});
