import { Pool } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseCsv } from "@turnpike/server/records/csv.ts";
import { type Client, connect, type Entity } from "./client.ts";
import { filesOfExport, jobsOfSchedule } from "./exported-files.ts";
import { ownDatabase, serverPair } from "./wallet-world.ts";

/** Schedules are written at the second server, and run at the first, which keeps usage. */
const databaseUrl = ownDatabase();
const { servers } = serverPair(databaseUrl);
const state: { pool?: Pool; readonly clients: Client[] } = { clients: [] };

beforeAll(async () => {
  for (const server of servers) state.clients.push(await connect(server));
  state.pool = new Pool({ connectionString: databaseUrl(), max: 1 });
});
afterAll(() => state.pool?.end());

const client = (nth: number): Client => {
  const found = state.clients[nth];
  if (found === undefined) throw new Error("no server");
  return found;
};

let count = 0;
const schedule = (fields: object): Promise<Entity> => {
  count += 1;
  const body = { name: "n", code: `s${count}`, scheduleType: "HOUR", period: 1, ...fields };
  return client(1).create("dataexports/schedules", body);
};
const accounts = { sourceType: "OPERATIONAL", operationalDataTypes: ["ACCOUNTS"] };

/** Has the schedule been there for so many hours, and run never since then but when it was new. */
const age = async ({ id }: Entity, hours: number): Promise<void> => {
  const begun = `now() - make_interval(hours => ${hours}, mins => 30)`;
  await state.pool?.query(`UPDATE record SET dt_created = ${begun} WHERE id = $1`, [id]);
  await state.pool?.query(
    `UPDATE export_schedule SET next_run_at = ${begun} + interval '1 hour' WHERE id = $1`,
    [id],
  );
  // Sooner than the clock would look by itself: whatever is due runs when a schedule is new.
  await schedule(accounts);
};

const rowsOf = (text = ""): string[][] => parseCsv(text).slice(1);

test("a schedule runs as soon as it is there, at the server that keeps usage", async () => {
  const { id: accountId } = await client(0).create("accounts", {
    name: "Acme",
    code: "acme",
    emailAddress: "a@example.com",
  });
  const { id } = await schedule({ ...accounts, exportFileFormat: "JSONL" });
  const jobs = await jobsOfSchedule(client(0), id, 1);
  expect(jobs).toMatchObject([{ scheduleId: id, sourceType: "OPERATIONAL", status: "SUCCEEDED" }]);
  const files = await filesOfExport(client(0), jobs[0]?.id ?? "");
  expect(Object.keys(files)).toEqual(["ACCOUNTS.jsonl"]);
  expect(files["ACCOUNTS.jsonl"]).toContain(accountId);
  expect((await client(0).list("dataexports/jobs?scheduleId=none")).data).toEqual([]);
});

test("it makes up for the hours that no server was there with one run, of what there is then", async () => {
  const made = await schedule(accounts);
  await jobsOfSchedule(client(0), made.id, 1);
  await client(0).create("accounts", { name: "B", code: "b", emailAddress: "b@example.com" });
  await age(made, 12);
  const jobs = await jobsOfSchedule(client(0), made.id, 2);
  expect(jobs).toHaveLength(2);
  const files = await Promise.all(jobs.map(({ id }) => filesOfExport(client(0), id)));
  expect(files.map((each) => rowsOf(each["ACCOUNTS.csv"]).length)).toEqual([2, 1]);
});

const day = (days: number): Temporal.PlainDate => Temporal.Now.plainDateISO("UTC").add({ days });

const meter = (code: string) =>
  client(0).create("meters", {
    name: "Calls",
    code,
    dataFields: [{ category: "MEASURE", code: "calls", name: "Calls", unit: "1" }],
    derivedFields: [],
  });

test("usage is that of the period before the run", async () => {
  const { id: meterId } = await meter("calls");
  const measurements = [-8, -7, -1, 0].map((days) => ({
    uid: `day${days}`,
    meter: "calls",
    account: "acme",
    ts: `${day(days).toString()}T00:00:00Z`,
    measure: { calls: 1 },
  }));
  await client(0).call("POST", "measurements", { measurements });
  const usage = { sourceType: "USAGE", timePeriod: "LAST_7_DAYS", meterIds: [meterId] };
  const { id } = await schedule(usage);
  const [job] = await jobsOfSchedule(client(0), id, 1);
  const files = await filesOfExport(client(0), job?.id ?? "");
  expect(rowsOf(files["USAGE.csv"]).map(([uid]) => uid)).toEqual(["day-1", "day-7"]);
});

test("a period that has just begun has no usage yet, which is a file without rows", async () => {
  const { id: meterId } = await meter("none");
  const usage = { sourceType: "USAGE", timePeriod: "TODAY", meterIds: [meterId] };
  const made = await schedule({ ...usage, scheduleType: "DAY" });
  await jobsOfSchedule(client(0), made.id, 1);
  await state.pool?.query(
    `UPDATE record SET dt_created = date_trunc('day', now(), 'UTC') WHERE id = $1`,
    [made.id],
  );
  await state.pool?.query(
    `UPDATE export_schedule SET next_run_at = date_trunc('day', now(), 'UTC') WHERE id = $1`,
    [made.id],
  );
  await schedule(accounts);
  const [job] = await jobsOfSchedule(client(0), made.id, 2);
  expect(job).toMatchObject({ status: "SUCCEEDED" });
  const files = await filesOfExport(client(0), job?.id ?? "");
  expect(files["USAGE.csv"]?.split("\n")[0]).toContain("calls");
  expect(rowsOf(files["USAGE.csv"])).toEqual([]);
});

test("a meter that is gone when its turn comes is why a run fails, and an event says so", async () => {
  const { id: meterId } = await meter("gone");
  const aggregations = [{ meterId, fieldCode: "calls", fieldType: "MEASURE", function: "SUM" }];
  const made = await schedule({ sourceType: "USAGE", timePeriod: "YESTERDAY", aggregations });
  expect(await jobsOfSchedule(client(0), made.id, 1)).toMatchObject([{ status: "SUCCEEDED" }]);
  await client(0).remove(`meters/${meterId}`);
  await age(made, 2);
  const [failed] = await jobsOfSchedule(client(0), made.id, 2);
  expect(failed).toMatchObject({ status: "FAILED" });
  expect(failed?.["failureReason"]).toContain("names no meter");
  const { data } = await client(0).list("events?eventType=DataExportJobFailure");
  expect(data).toMatchObject([{ m3terEvent: { eventData: { newDto: { jobId: failed?.id } } } }]);
});

test("a run for a destination fails, as nothing can be written there, and the schedule goes on", async () => {
  const { id: destinationId } = await client(0).create("dataexports/destinations", {
    name: "Bucket",
    code: "bucket",
    destinationType: "S3",
    bucketName: "exports",
    iamRoleArn: "arn:aws:iam::123456789012:role/exports",
  });
  const made = await schedule({ ...accounts, destinationIds: [destinationId] });
  await jobsOfSchedule(client(0), made.id, 1);
  await age(made, 2);
  const jobs = await jobsOfSchedule(client(0), made.id, 2);
  for (const job of jobs) {
    expect(job).toMatchObject({ status: "FAILED" });
    expect(job["failureReason"]).toContain("destinationIds cannot be written to");
  }
});
