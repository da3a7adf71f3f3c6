import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import { aggregate, connectUsage, meterCode, type UsageClient } from "./usage-client.ts";

interface Request {
  readonly ts: string;
  readonly input: number;
  readonly output: number;
}

interface Totals {
  readonly count: number;
  readonly input: number;
  readonly output: number;
}

const pathOf = (name: string): string =>
  fileURLToPath(new URL(`../../shared/data/azure-llm-inference-2023-${name}.csv`, import.meta.url));
const traces = ["code", "conv"];

const readTrace = async (name: string): Promise<Request[]> => {
  const [, ...lines] = (await readFile(pathOf(name), "utf8")).trim().split(/\r?\n/);
  return lines.map((line) => {
    const [time = "", input, output] = line.split(",");
    return { ts: `${time.replace(" ", "T")}Z`, input: Number(input), output: Number(output) };
  });
};

/** The straight count: by the first letters of the timestamp, 13 for hours and 16 for minutes. */
const countBy = (requests: readonly Request[], letters: number): Map<string, Totals> => {
  const totals = new Map<string, Totals>();
  for (const { ts, input, output } of requests) {
    const key = ts.slice(0, letters);
    const before = totals.get(key) ?? { count: 0, input: 0, output: 0 };
    totals.set(key, {
      count: before.count + 1,
      input: before.input + input,
      output: before.output + output,
    });
  }
  return totals;
};

const totalsOf = (row: Readonly<Record<string, unknown>> = {}): Totals => ({
  count: Number(row["llm.input.COUNT"]),
  input: Number(row["llm.input.SUM"]),
  output: Number(row["llm.output.SUM"]),
});

describe.skipIf(!traces.every((name) => existsSync(pathOf(name))))("real traces", () => {
  const state: { folder: string; server?: ServerProcess; client?: UsageClient } = { folder: "" };
  const running = (): UsageClient => {
    if (state.client === undefined) throw new Error("no server");
    return state.client;
  };
  const aggregations = () => [
    aggregate(running().meterId, "input", "COUNT"),
    aggregate(running().meterId, "input", "SUM"),
    aggregate(running().meterId, "output", "SUM"),
  ];
  const accountId = async (code: string): Promise<string> =>
    (await running().list(`accounts?codes=${code}`)).data[0]?.id ?? "";

  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
    for (const name of traces) {
      const measurements = (await readTrace(name)).map(({ ts, input, output }, index) => ({
        uid: `${name}-${index}`,
        meter: meterCode,
        account: name,
        ts,
        measure: { input, output },
        where: { region: "eu" },
      }));
      for (let sent = 0; sent < measurements.length; sent += 1000) {
        const { status } = await running().submit(measurements.slice(sent, sent + 1000));
        expect(status).toBe(200);
      }
    }
  }, 120_000);
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test.each(traces)("%s by hour equals a straight count of the file", async (name) => {
    const { data } = await running().query({
      accountIds: [await accountId(name)],
      aggregations: aggregations(),
      groups: [{ groupType: "TIME", frequency: "HOUR" }],
    });
    const found = new Map(data.map((row) => [String(row["time"]).slice(0, 13), totalsOf(row)]));
    expect(found).toEqual(countBy(await readTrace(name), 13));
  });

  test.each(traces)("%s by minute, asked one by one, equals it too", async (name) => {
    const accountIds = [await accountId(name)];
    const counted = countBy(await readTrace(name), 16);
    const found = new Map<string, Totals>();
    for (const minute of counted.keys()) {
      const start = Temporal.Instant.from(`${minute}:00Z`);
      const { data } = await running().query({
        startDate: start.toString(),
        endDate: start.add({ minutes: 1 }).toString(),
        accountIds,
        aggregations: aggregations(),
      });
      found.set(minute, totalsOf(data[0]));
    }
    expect(found).toEqual(counted);
  });
});
