import { expect, test } from "vitest";
import { z } from "zod";
import { parseCsv } from "@turnpike/server/records/csv.ts";
import { endedExport, filesOfExport, linkToExport } from "../exported-files.ts";
import { useServer } from "./fixture.ts";

const { client, account, plan, accountPlan } = useServer();

const accepted = z.object({ jobId: z.string() });

const order = async (body: object): Promise<string> => {
  const answer = await client().call("POST", "dataexports/adhoc", body);
  return accepted.parse(answer.body).jobId;
};

/** The files of an export, by name. */
const exported = async (body: object): Promise<Record<string, string>> => {
  const jobId = await order(body);
  expect(await endedExport(client(), jobId)).toMatchObject({ status: "SUCCEEDED" });
  return filesOfExport(client(), jobId);
};

/** Rows of a CSV file as records. */
const table = (text = ""): Record<string, string | undefined>[] => {
  const [names = [], ...rows] = parseCsv(text);
  return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])));
};

const operational = (...operationalDataTypes: string[]) => ({
  sourceType: "OPERATIONAL",
  operationalDataTypes,
});

const meterWithUsage = async (): Promise<{ meterId: string; accountId: string }> => {
  const { id: accountId, code } = await account();
  const meter = await client().create("meters", {
    name: "Calls",
    code: `calls_${String(code)}`,
    dataFields: [
      { category: "MEASURE", code: "calls", name: "Calls", unit: "1" },
      { category: "WHERE", code: "region", name: "Region" },
    ],
    derivedFields: [],
  });
  const measurements = [1, 2].map((day) => ({
    uid: `${meter.id}-${day}`,
    meter: meter["code"],
    account: code,
    ts: `2025-03-0${day}T12:00:00Z`,
    measure: { calls: day === 1 ? 0.1 : 12345678901.5 },
    where: { region: 'a "quoted", value' },
  }));
  await client().call("POST", "measurements", { measurements });
  return { meterId: meter.id, accountId };
};

test("each operational type is a file with every record in it", async () => {
  const { id } = await account({ name: 'Ätna, "Ltd"' });
  const { id: planId } = await plan();
  const { id: aggregated } = await client().create("aggregations", {
    name: "a",
    code: "exported",
    meterId: (await meterWithUsage()).meterId,
    targetField: "calls",
    aggregation: "SUM",
    rounding: "NONE",
    quantityPerUnit: 1,
    unit: "call",
  });
  const pricing = await client().create("pricings", {
    planId,
    aggregationId: aggregated,
    startDate: "2025-01-01T00:00:00Z",
    pricingBands: [
      { lowerLimit: 0, fixedPrice: 0, unitPrice: 0.15 },
      { lowerLimit: 500, fixedPrice: 1, unitPrice: 0.1 },
    ],
  });
  await accountPlan({ accountId: id, planId });

  const files = await exported(operational("ACCOUNTS", "PRICING_BANDS", "CHARGES", "BILLS"));

  expect(Object.keys(files)).toEqual([
    "ACCOUNTS.csv",
    "PRICING_BANDS.csv",
    "CHARGES.csv",
    "BILLS.csv",
  ]);
  expect(table(files["ACCOUNTS.csv"])).toContainEqual(
    expect.objectContaining({ id, name: 'Ätna, "Ltd"', version: "1" }),
  );
  const bands = table(files["PRICING_BANDS.csv"]);
  expect(bands.filter(({ pricingId }) => pricingId === pricing.id)).toMatchObject([
    { lowerLimit: "0", unitPrice: "0.15" },
    { lowerLimit: "500", unitPrice: "0.1" },
  ]);
  expect(table(files["CHARGES.csv"])).toEqual([]);
});

test("a start date leaves out what was not changed since", async () => {
  await account();
  const startDate = new Date(Date.now() + 60_000).toISOString();
  const files = await exported({
    ...operational("ACCOUNTS"),
    startDate,
    exportFileFormat: "JSONL",
  });
  expect(files).toEqual({ "ACCOUNTS.jsonl": "" });
});

test("usage is exported with every digit, as measurements or aggregated", async () => {
  const { meterId, accountId } = await meterWithUsage();
  const usage = {
    sourceType: "USAGE",
    meterIds: [meterId],
    startDate: "2025-03-01T00:00:00Z",
    endDate: "2025-04-01T00:00:00Z",
  };
  expect(table((await exported(usage))["USAGE.csv"])).toMatchObject([
    { calls: "12345678901.5", region: 'a "quoted", value', accountId, meterId },
    { calls: "0.1", ts: "2025-03-01T12:00:00Z" },
  ]);
  const summed = await exported({
    ...usage,
    aggregations: [{ meterId, fieldCode: "calls", fieldType: "MEASURE", function: "SUM" }],
    groups: [{ groupType: "ACCOUNT" }],
    exportFileFormat: "JSONL",
  });
  expect(summed["USAGE.jsonl"]).toContain('.SUM":12345678901.6}\n');
});

test("what cannot be exported is refused before the job", async () => {
  const usage = { sourceType: "USAGE", startDate: "2025-03-02T00:00:00Z" };
  const refused = (body: object): Promise<string> =>
    client().refusal("POST", "dataexports/adhoc", body);
  expect(await refused({ ...usage, endDate: usage.startDate })).toContain("endDate");
  expect(await refused({ ...usage, endDate: "2999-01-01T00:00:00Z" })).toContain("endDate");
  const unknown = { meterId: "none", fieldCode: "f", fieldType: "MEASURE", function: "SUM" };
  const endDate = "2025-03-03T00:00:00Z";
  expect(await refused({ ...usage, endDate, aggregations: [unknown] })).toContain("no meter");
  expect(await refused({ ...operational("ACCOUNTS"), destinationIds: ["d"] })).toContain(
    "destinationIds",
  );
});

test("jobs are listed by status and opened only with their link", async () => {
  const jobId = await order(operational("PRODUCTS"));
  await endedExport(client(), jobId);
  const list = async (query: string): Promise<string[]> =>
    (await client().list(`dataexports/jobs?${query}`)).data.map(({ id }) => id);
  expect(await list(`ids=${jobId}&status=SUCCEEDED`)).toEqual([jobId]);
  expect(await list(`ids=${jobId}&status=FAILED`)).toEqual([]);
  expect(await list(`ids=${jobId}&dateCreatedStart=2999-01-01`)).toEqual([]);
  const url = new URL(await linkToExport(client(), jobId));
  url.searchParams.set("signature", "0".repeat(64));
  expect((await fetch(url)).status).toBe(403);
  expect((await fetch(`${url.origin}${url.pathname}`)).status).toBe(400);
});
