import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import { aggregate, connectUsage, meterCode, type UsageClient } from "./usage-client.ts";

const jobs = "fileuploads/measurements";
const target = z.object({
  jobId: z.string(),
  url: z.url(),
  headers: z.record(z.string(), z.string()),
});
const progress = z.looseObject({ id: z.string(), status: z.string(), processedRows: z.number() });

const failures = z.object({
  data: z.array(
    z.object({
      m3terEvent: z.object({ eventData: z.object({ newDto: z.object({ file: z.string() }) }) }),
    }),
  ),
});
const failedFile = z.object({ measurements: z.array(z.looseObject({ uid: z.string() })) });

const row = (account: string, number: number, more: object = {}) => ({
  uid: `${account}-${number}`,
  meter: meterCode,
  account,
  ts: new Date(Date.UTC(2024, 4, 1) + number * 1000).toISOString(),
  measure: { input: number, output: 0.1 },
  where: { region: "eu" },
  ...more,
});
const rowsOf = (account: string, count: number) =>
  Array.from({ length: count }, (_, number) => row(account, number));

describe("uploaded files of measurements", () => {
  const state: { folder: string; server?: ServerProcess; client?: UsageClient } = { folder: "" };
  const running = (): UsageClient => {
    if (state.client === undefined) throw new Error("no server");
    return state.client;
  };
  const restart = async (): Promise<void> => {
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
  };
  const generate = async (contentLength: number, contentType = "application/json") => {
    const { body } = await running().call("POST", `${jobs}/generateUploadUrl`, {
      fileName: "usage.json",
      contentType,
      contentLength,
    });
    return target.parse(body);
  };
  const put = async ({ url, headers }: z.output<typeof target>, body: string): Promise<number> =>
    (await fetch(url, { method: "PUT", headers, body })).status;
  const upload = async (text: string): Promise<string> => {
    const generated = await generate(Buffer.byteLength(text));
    expect(await put(generated, text)).toBe(200);
    return generated.jobId;
  };
  const job = async (id: string) =>
    progress.parse((await running().call("GET", `${jobs}/jobs/${id}`)).body);
  const until = async (id: string, isThere: (found: z.output<typeof progress>) => boolean) => {
    for (let tries = 0; tries < 600; tries += 1) {
      const found = await job(id);
      if (isThere(found)) return found;
      await delay(20);
    }
    throw new Error(`${id} does not get there`);
  };
  const finished = (id: string) =>
    until(id, ({ status }) => status === "succeeded" || status === "failed");
  const totals = async (account: string) => {
    const { meterId } = running();
    const accountId = (await running().list(`accounts?codes=${account}`)).data[0]?.id;
    const { data } = await running().query({
      accountIds: [accountId],
      aggregations: ["COUNT", "SUM"].map((name) => aggregate(meterId, "input", name)),
    });
    return [data[0]?.["llm.input.COUNT"], data[0]?.["llm.input.SUM"]];
  };

  beforeAll(async () => {
    state.folder = await newFolder();
    await restart();
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("an array is ingested behind the answer, with its progress", async () => {
    const text = JSON.stringify(rowsOf("array", 2500));
    const generated = await generate(Buffer.byteLength(text), "text/json");
    expect(generated.headers).toEqual({ "Content-Type": "text/json" });
    expect((await job(generated.jobId)).status).toBe("notUploaded");
    expect(await put(generated, text)).toBe(200);
    expect(await finished(generated.jobId)).toEqual({
      id: generated.jobId,
      version: expect.any(Number),
      fileName: "usage.json",
      uploadDate: expect.stringMatching(/^20.*Z$/),
      contentLength: Buffer.byteLength(text),
      status: "succeeded",
      totalRows: 2500,
      processedRows: 2500,
      failedRows: 0,
    });
    // 0 + 1 + … + 2,499
    expect(await totals("array")).toEqual([2500, 3_123_750]);
  });

  test("rows that failed are downloaded, put right and uploaded again; each counts once", async () => {
    const rows = rowsOf("repaired", 5).map((one, number) =>
      number < 2 ? { ...one, meter: "none" } : one,
    );
    expect(await finished(await upload(JSON.stringify(rows)))).toMatchObject({ failedRows: 2 });
    // 2 + 3 + 4
    expect(await totals("repaired")).toEqual([3, 9]);
    const { body: events } = await running().call(
      "GET",
      "events?eventName=ingest.validation.failure",
    );
    const [event] = failures.parse(events).data;
    const path = `measurements/failedIngest/getDownloadUrl?file=${event?.m3terEvent.eventData.newDto.file}`;
    const { url } = z.object({ url: z.url() }).parse((await running().call("GET", path)).body);
    const { measurements } = failedFile.parse(await (await fetch(url)).json());
    const repaired = measurements.map((one) => ({ ...one, meter: meterCode }));
    expect(repaired).toHaveLength(2);
    // With a row that was stored before, as somebody does who sends the whole file.
    const again = JSON.stringify([...repaired, row("repaired", 4)]);
    expect(await finished(await upload(again))).toMatchObject({ totalRows: 3, failedRows: 1 });
    // 0 + 1 + 2 + 3 + 4
    expect(await totals("repaired")).toEqual([5, 10]);
  });

  test("lines are taken too, and rows without a uid count each", async () => {
    const lines = rowsOf("lines", 10).map(({ uid: _uid, ...rest }) => JSON.stringify(rest));
    const id = await upload(lines.join("\n"));
    expect(await finished(id)).toEqual(expect.objectContaining({ totalRows: 10, failedRows: 0 }));
    expect(await totals("lines")).toEqual([10, 45]);
  });

  test("rows that cannot be stored leave the others alone and are in an event's file", async () => {
    const good = rowsOf("mixed", 40);
    const bad = [
      ...Array.from({ length: 30 }, (_, number) => row("mixed", 100 + number, { ts: "never" })),
      7,
      row("mixed", 200, { meter: "none" }),
      row("mixed", 0),
    ];
    const id = await upload(JSON.stringify([...good, ...bad]));
    expect(await finished(id)).toEqual(
      expect.objectContaining({ status: "succeeded", processedRows: 73, failedRows: 33 }),
    );
    expect(await totals("mixed")).toEqual([40, 780]);
    const { data } = await running().list("events?eventName=ingest.validation.failure");
    expect(data[0]?.["m3terEvent"]).toEqual({
      eventData: {
        newDto: expect.objectContaining({
          failedRows: 33,
          types: { Invalid: 31, UndefinedMeter: 1, DuplicateUid: 1 },
        }),
      },
    });
  });

  test("a file that breaks off counts as nothing", async () => {
    const text = JSON.stringify(rowsOf("broken", 1500)).slice(0, -20);
    const id = await upload(text);
    expect(await finished(id)).toEqual(
      expect.objectContaining({ status: "failed", failureReason: "the array does not end" }),
    );
    expect((await running().list("accounts?codes=broken")).data).toEqual([]);
  });

  test("a file can be uploaded once, in its length, to its own URL, and got back", async () => {
    const text = JSON.stringify(rowsOf("once", 3));
    const generated = await generate(Buffer.byteLength(text));
    expect(await put(generated, text.slice(1))).toBe(400);
    expect(await put(generated, `${text} `)).toBe(413);
    const other = { ...generated, url: generated.url.replace(/signature=./, "signature=g") };
    expect(await put(other, text)).toBe(403);
    const statuses = await Promise.all([put(generated, text), put(generated, text)]);
    expect(statuses.toSorted()).toEqual([200, 400]);
    expect(await put(generated, text)).toBe(400);
    await finished(generated.jobId);
    const { body } = await running().call("GET", `${jobs}/jobs/${generated.jobId}/original`);
    expect(await (await fetch(target.parse(body).url)).text()).toBe(text);
    expect(await totals("once")).toEqual([3, 3]);
  });

  test("uploads are listed newest first, in a period", async () => {
    const all = (await running().list(`${jobs}/jobs`)).data;
    const times = all.map(({ uploadDate }) => String(uploadDate));
    expect(times).toEqual(times.toSorted().toReversed());
    const [first, , third] = all;
    const period = `dateCreatedStart=${String(third?.["uploadDate"])}&dateCreatedEnd=${String(first?.["uploadDate"])}`;
    const { data } = await running().list(`${jobs}/jobs?${period}`);
    expect(data).toEqual(all.slice(1, 3));
    const page = await running().list(`${jobs}/jobs?pageSize=2`);
    const next = await running().list(`${jobs}/jobs?pageSize=2&nextToken=${page.nextToken}`);
    expect([...page.data, ...next.data]).toEqual(all.slice(0, 4));
  });

  test("a file goes on where it was when the server is killed, and every row is there once", async () => {
    const count = 40_000;
    const rows = rowsOf("killed", count).map(({ uid, ...rest }, index) =>
      index % 2 === 0 ? { uid, ...rest } : rest,
    );
    const id = await upload(JSON.stringify(rows));
    for (const share of [0.1, 0.5]) {
      await until(id, ({ processedRows }) => processedRows >= count * share);
      await state.server?.kill();
      await restart();
    }
    expect(await finished(id)).toEqual(
      expect.objectContaining({ status: "succeeded", processedRows: count, failedRows: 0 }),
    );
    expect(await totals("killed")).toEqual([count, (count * (count - 1)) / 2]);
  }, 120_000);
});
