import { setTimeout as delay } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { useServer } from "./fixture.ts";

const { client } = useServer();

const schema = {
  fields: [
    { name: "country", type: "STRING" },
    { name: "tier", type: "NUMBER" },
    { name: "rate", type: "NUMBER" },
  ],
  keys: ["country", "tier"],
};
const rows = [
  { country: "UK", tier: 1, rate: 0.8 },
  { country: "UK", tier: 2, rate: 0.7 },
];

const state = { table: "", revision: "", path: "" };

beforeEach(async () => {
  const code = `t${crypto.randomUUID()}`;
  state.table = (await client().create("lookuptables", { name: "Rates", code })).id;
  const revisions = `lookuptables/${state.table}/revisions`;
  state.revision = (await client().create(revisions, { name: "One", ...schema })).id;
  state.path = `${revisions}/${state.revision}`;
});

const put = (items: unknown, version?: number) =>
  client().call("PUT", `${state.path}/data`, { items, version });
const publish = (version: number, status = "PUBLISHED") =>
  client().call("PUT", `${state.path}/status`, { status, version });
const jobId = (body: unknown): string => z.object({ jobId: z.string() }).parse(body).jobId;

describe("a revision", () => {
  test.each([
    [{ keys: ["country", "nothing"] }, "keys[1] is not one of the fields"],
    [{ keys: ["country", "tier", "rate"] }, "keys must leave at least one field"],
    [{ keys: ["country", "country"] }, "keys[1] is given twice"],
    [{ fields: [schema.fields[0], schema.fields[0]] }, "fields[1].name"],
  ])("with %j is refused", async (fields, message) => {
    const body = { name: "Two", ...schema, ...fields };
    const path = `lookuptables/${state.table}/revisions`;
    expect(await client().refusal("POST", path, body)).toContain(message);
  });

  test("keeps its schema while it has data", async () => {
    const change = { name: "One", ...schema, keys: ["country"], version: 1 };
    await put(rows);
    expect(await client().refusal("PUT", state.path, change)).toContain("keys cannot be changed");
    await client().call("DELETE", `${state.path}/data`);
    expect(await client().put(state.path, change)).toMatchObject({ keys: ["country"], version: 2 });
  });

  test("that is published archives the one before and is the table's active one", async () => {
    await put(rows);
    expect((await publish(1)).body).toMatchObject({ status: "PUBLISHED", version: 2 });
    const first = state.path;
    const { id } = await client().create(`lookuptables/${state.table}/revisions`, {
      name: "Two",
      ...schema,
    });
    state.path = `lookuptables/${state.table}/revisions/${id}`;
    await publish(1);
    expect(await client().get(first)).toMatchObject({ status: "ARCHIVED", itemCount: 2 });
    expect(await client().get(`lookuptables/${state.table}`)).toMatchObject({
      activeRevision: { id, status: "PUBLISHED", itemCount: 0 },
    });
  });

  test("does not become a draft again, nor change its data", async () => {
    await publish(1);
    const draft = await publish(2, "DRAFT");
    expect(draft.body).toMatchObject({ errors: [{ field: "status" }] });
    expect(JSON.stringify((await put(rows)).body)).toContain("only a DRAFT's data");
  });
});

/** The job once its file was read. */
const ended = async (id: string) => {
  for (;;) {
    const job = await client().get(`${state.path}/data/jobs/${id}`);
    if (job["status"] !== "PENDING") return job;
    await delay(20);
  }
};

describe("data", () => {
  test("has a version of its own", async () => {
    expect((await put(rows)).body).toMatchObject({ items: rows, version: 1 });
    expect((await put(rows)).status).toBe(400);
    expect((await put([rows[0]], 1)).body).toMatchObject({ items: [rows[0]], version: 2 });
  });

  test.each([
    [[{ country: "UK", rate: 1 }], "items[0].tier is a key and required"],
    [[{ country: "UK", tier: "1", rate: 1 }], "items[0].tier must be a number"],
    [[{ country: "UK", tier: 1, other: 1 }], "items[0].other is not a field"],
    [[rows[0], rows[0]], "items[1] repeats the keys"],
  ])("%j is refused", async (items, message) => {
    expect(JSON.stringify((await put(items)).body)).toContain(message);
  });

  test("is read, written and removed by its keys in the order of the schema", async () => {
    await put(rows);
    const entry = `${state.path}/data/UK,2`;
    expect((await client().call("GET", entry)).body).toMatchObject({ items: [rows[1]] });
    const item = { ...rows[1], rate: 0.6 };
    const written = await client().call("PUT", entry, { item, version: 1 });
    expect(written.body).toMatchObject({ items: [item], version: 2 });
    const elsewhere = { item: rows[0], version: 2 };
    expect(await client().refusal("PUT", entry, elsewhere)).toContain("other keys than the path");
    await client().call("DELETE", entry, { version: 2 });
    expect((await client().call("GET", entry)).status).toBe(404);
    const shown = await client().call("GET", `${state.path}/data?additional=lookupKey`);
    expect(shown.body).toMatchObject({ items: [{ ...rows[0], lookupKey: "UK,1" }], version: 3 });
  });

  test("is copied to a new revision, or to one of the same schema", async () => {
    await put(rows);
    const { body } = await client().call("POST", `${state.path}/data/copy`);
    const job = await client().get(`${state.path}/data/jobs/${jobId(body)}`);
    expect(job).toMatchObject({ type: "COPY", status: "SUCCEEDED" });
    const target = String(job["destinationLookupTableRevisionId"]);
    const copy = await client().get(`lookuptables/${state.table}/revisions/${target}`);
    expect(copy).toMatchObject({ name: "One Copy", status: "DRAFT", itemCount: 2 });
  });

  test.each([
    ["text/csv", "country,tier,rate\r\nUK,1,0.8\r\nUK,2,0.7\r\n"],
    ["application/jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join("")],
  ])("goes up and comes down as %s", async (contentType, text) => {
    const file = { fileName: "rates", contentType, contentLength: text.length };
    const generated = await client().call("POST", `${state.path}/data/generateuploadurl`, file);
    const { url, headers } = z
      .object({ url: z.string(), headers: z.record(z.string(), z.string()) })
      .parse(generated.body);
    const uploaded = await fetch(url, { method: "PUT", headers, body: text });
    expect(uploaded.status).toBe(200);
    const job = await ended(jobId(generated.body));
    expect(job).toMatchObject({ type: "UPLOAD", status: "SUCCEEDED", fileName: "rates" });
    expect((await client().call("GET", `${state.path}/data`)).body).toMatchObject({ items: rows });

    const asked = await client().call("POST", `${state.path}/data/jobs/download`, { contentType });
    const download = await client().get(`${state.path}/data/jobs/${jobId(asked.body)}`);
    const file2 = await fetch(String(download["downloadUrl"]));
    expect(file2.headers.get("content-type")).toContain(contentType);
    const values = (content: string) => content.match(/UK|[0-9.]+/g);
    expect(values(await file2.text())).toEqual(values(text));
    expect((await fetch(url, { method: "PUT", headers, body: text })).status).toBe(400);
  });

  test("in a large file is taken in pieces", async () => {
    const count = 50_000;
    const lines = Array.from({ length: count }, (_, tier) => `FR,${tier},0.5\n`).join("");
    const body = `country,tier,rate\n${lines}`;
    const file = { fileName: "x", contentType: "text/csv", contentLength: body.length };
    const generated = await client().call("POST", `${state.path}/data/generateuploadurl`, file);
    const { url } = z.object({ url: z.string() }).parse(generated.body);
    await fetch(url, { method: "PUT", body });
    expect(await ended(jobId(generated.body))).toMatchObject({ status: "SUCCEEDED" });
    expect(await client().get(state.path)).toMatchObject({ itemCount: count });
    const asked = await client().call("POST", `${state.path}/data/jobs/download`, {
      contentType: "application/jsonl",
    });
    const download = await client().get(`${state.path}/data/jobs/${jobId(asked.body)}`);
    const text = await (await fetch(String(download["downloadUrl"]))).text();
    expect(new Set(text.trim().split("\n")).size).toBe(count);
  });

  test.each([
    ["country,tier\nUK\n", "line 2"],
    ["country,tier,rate\nUK,1,0.1\nFR,1,0.2\nUK,1,0.3\n", "items[2] repeats the keys"],
    ["country,tier,rate\nUK,1,0.1000000000000000055511151231257827\n", "more digits"],
    ["country,tier,rate\nUK,one,0.1\n", "items[0].tier must be a number"],
    ["country,tier\nU\0K,1\n", "not text"],
    ['country,tier,rate\nFR,1,0.1\n"UK,1,0.1\n', "line 3 is not CSV"],
  ])("in a file that is wrong leaves everything as it was: %j", async (body, reason) => {
    await put(rows);
    const contentLength = body.length;
    const file = { fileName: "x", contentType: "text/csv", contentLength, version: 1 };
    const generated = await client().call("POST", `${state.path}/data/generateuploadurl`, file);
    const { url } = z.object({ url: z.string() }).parse(generated.body);
    expect((await fetch(url, { method: "PUT", body: `${body} ` })).status).toBe(413);
    expect((await fetch(url, { method: "PUT", body })).status).toBe(200);
    const job = await ended(jobId(generated.body));
    expect(job).toMatchObject({
      status: "FAILED",
      failureReason: expect.stringContaining(reason),
    });
    expect((await client().call("GET", `${state.path}/data`)).body).toMatchObject({ items: rows });
  });
});
