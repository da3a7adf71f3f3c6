import { promisify } from "node:util";
import { deflate, gzip } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import { connectUsage, type Measurement, meterCode, type UsageClient } from "./usage-client.ts";

const compress = { gzip: promisify(gzip), deflate: promisify(deflate) };
const accepted = { status: 200, text: '{"result":"accepted"}' };
const refusal = z.object({
  errorCode: z.string(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })),
});

const sent = (uid: string): Measurement => ({
  uid,
  meter: meterCode,
  account: "acme",
  ts: "2024-05-01T00:00:00Z",
  measure: { input: 1, output: 2 },
  where: { region: "eu" },
});

const code = "must have 1 to 80 characters";
const edges = "must not contain control characters, nor start or end with a space";
const instant = "must be an ISO-8601 date-time with a zone, such as 2024-05-01T12:00:00Z";

/** Every constraint of m3ter semantics 3.1: what is wrong with one field, and what the server says about it. */
const constraints: readonly (readonly [field: string, change: object, message: string])[] = [
  ["uid", { uid: "u".repeat(51) }, "must have at most 50 characters"],
  ["uid", { uid: 1 }, "must be a string"],
  ["meter", { meter: undefined }, "must be present"],
  ["meter", { meter: null }, "must be present"],
  ["meter", { meter: "" }, code],
  ["meter", { meter: "m".repeat(81) }, code],
  ["meter", { meter: 7 }, "must be a string"],
  ["meter", { meter: " m" }, edges],
  ["meter", { meter: "a\u0007" }, edges],
  ["account", { account: undefined }, "must be present"],
  ["account", { account: "a".repeat(81) }, code],
  ["account", { account: "a " }, edges],
  ["ts", { ts: undefined }, "must be present"],
  ["ts", { ts: "yesterday" }, instant],
  ["ts", { ts: "2024-05-01T00:00:00" }, instant],
  ["ts", { ts: "2024-02-30T00:00:00Z" }, instant],
  ["ts", { ts: 1_714_521_600 }, "must be a string"],
  ["ets", { ets: "2024-05-01" }, instant],
  ...["who", "what", "where", "other", "metadata"].flatMap((category) => [
    [category, { [category]: "eu" }, "must be an object"] as const,
    [`${category}.region`, { [category]: { region: 1 } }, "must be a string"] as const,
    [`${category}.region`, { [category]: { region: null } }, "must be a string"] as const,
  ]),
  ["metadata.note", { metadata: { note: "x".repeat(257) } }, "must have at most 256 characters"],
  ...["measure", "cost", "income"].flatMap((category) => [
    [category, { [category]: [1] }, "must be an object"] as const,
    [`${category}.input`, { [category]: { input: "1" } }, "must be a finite number"] as const,
    [`${category}.input`, { [category]: { input: null } }, "must be a finite number"] as const,
  ]),
];

describe("POST measurements", () => {
  const state: { folder: string; server?: ServerProcess; client?: UsageClient } = { folder: "" };
  const running = (): UsageClient => {
    if (state.client === undefined) throw new Error("no server");
    return state.client;
  };
  const count = async (): Promise<number> => (await running().query({})).data.length;
  const refused = async (body: string | Uint8Array<ArrayBuffer>, headers = {}) => {
    const { status, text } = await running().post("measurements", body, headers);
    const { errorCode, errors } = refusal.parse(JSON.parse(text));
    return { status, errorCode, errors };
  };

  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test.each(constraints)("refuses %s that is %j", async (field, change, message) => {
    const measurements = [sent("sound"), { ...sent("wrong"), ...change }];
    expect(await refused(JSON.stringify({ measurements }))).toEqual({
      status: 400,
      errorCode: "VALIDATION_FAILED",
      errors: [{ field: `measurements[1].${field}`, message }],
    });
  });

  test.each([
    ["no measurement", { measurements: [] }],
    ["more than 1,000", { measurements: Array.from({ length: 1001 }, (_, row) => sent(`${row}`)) }],
  ])("refuses %s", async (_, body) => {
    const { status, errors } = await refused(JSON.stringify(body));
    expect({ status, errors }).toEqual({
      status: 400,
      errors: [{ field: "measurements", message: "must have 1 to 1000 elements" }],
    });
  });

  test("refuses one that lies in the future alone, as a whole", async () => {
    const future = { ...sent("future"), ts: new Date(Date.now() + 3_600_000).toISOString() };
    expect(await refused(JSON.stringify({ measurements: [future] }))).toEqual({
      status: 400,
      errorCode: "VALIDATION_FAILED",
      errors: [{ field: "measurements[0].ts", message: "ts must not be in the future" }],
    });
  });

  test("stored nothing of all that was refused", async () => {
    expect(await count()).toBe(0);
  });

  test.each(["gzip", "deflate"] as const)("takes %s", async (encoding) => {
    const before = await count();
    const body = JSON.stringify({ measurements: [sent(`${encoding}-1`), sent(`${encoding}-2`)] });
    const packed = new Uint8Array(await compress[encoding](body));
    const headers = { "content-encoding": encoding };
    expect(await running().post("measurements", packed, headers)).toEqual(accepted);
    expect(await count()).toBe(before + 2);
    expect((await running().post("measurements", body, headers)).status).toBe(400);
  });

  test.each(["application/x-ndjson", "application/jsonl"])("takes lines as %s", async (type) => {
    const before = await count();
    const lines = [sent(`${type}-1`), sent(`${type}-2`)].map((row) => JSON.stringify(row));
    const body = `${lines.join("\n\n")}\n`;
    const headers = { "content-type": type };
    expect(await running().post("measurements", body, headers)).toEqual(accepted);
    const packed = new Uint8Array(await compress.gzip(body.replaceAll("-1", "-3")));
    const both = { ...headers, "content-encoding": "gzip" };
    expect(JSON.parse((await running().post("measurements", packed, both)).text)).toEqual({
      result: "accepted",
      failures: [expect.objectContaining({ index: 1, type: "DuplicateUid" })],
    });
    expect(await count()).toBe(before + 3);
    expect((await refused('{"uid":\n', headers)).errors).toEqual([
      { field: "measurements[0]", message: "must be valid JSON" },
    ]);
  });

  test("refuses what it cannot read, saying what it can", async () => {
    const body = JSON.stringify({ measurements: [sent("unread")] });
    expect(await refused(body, { "content-encoding": "br" })).toEqual({
      status: 415,
      errorCode: "UNSUPPORTED_MEDIA_TYPE",
      errors: [
        { field: "content-encoding", message: "must be one of identity, gzip, deflate, not br" },
      ],
    });
    expect((await refused(body, { "content-type": "text/csv" })).status).toBe(415);
  });

  test("makes an account for a code that nobody has (m3ter semantics 3.5)", async () => {
    const body = JSON.stringify({ measurements: [{ ...sent("temp"), account: "TempAcct" }] });
    expect(await running().post("measurements", body)).toEqual(accepted);
    const [made] = (await running().list("accounts?codes=TempAcct")).data;
    expect(made).toEqual(
      expect.objectContaining({
        name: "TempAcct-autocreated",
        emailAddress: expect.stringMatching(/^[0-9a-f]+-autocreated@example\.com$/),
      }),
    );
  });
});
