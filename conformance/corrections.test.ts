import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const state: { folder: string; server?: ServerProcess; token: string } = { folder: "", token: "" };

const send = async (path: string, body: object, token = state.token) => {
  const { url, orgId } = state.server ?? {};
  const response = await fetch(`${url}/organizations/${orgId}/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const reply: unknown = await response.json();
  return { status: response.status, reply };
};

beforeAll(async () => {
  state.folder = await newFolder();
  state.server = await startServer(state.folder);
  const { url, accessKey, apiSecret } = state.server;
  const response = await fetch(`${url}/oauth/token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`${accessKey}:${apiSecret}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ grant_type: "client_credentials" }),
  });
  state.token = z.object({ access_token: z.string() }).parse(await response.json()).access_token;
  await send("meters", {
    name: "Calls",
    code: "calls",
    dataFields: [{ code: "tokens", name: "Tokens", category: "MEASURE", unit: "1" }],
    derivedFields: [],
  });
  const event = { meter: "calls", account: "acme", ts: "2024-05-01T00:00:00Z" };
  await send("measurements", { measurements: [{ ...event, uid: "a/b", measure: { tokens: 1 } }] });
});
afterAll(async () => {
  await state.server?.stop();
  await removeFolder(state.folder);
});

const uid = encodeURIComponent("a/b");

test("a measurement is amended and voided under its uid, with a reason", async () => {
  const measurement = { measure: { tokens: 2 } };
  expect(await send(`measurements/${uid}/amend`, { reason: "counted twice", measurement })).toEqual(
    { status: 200, reply: { uid: "a/b", result: "amended" } },
  );
  for (let time = 0; time < 2; time++) {
    expect(await send(`measurements/${uid}/void`, { reason: "a test call" })).toEqual({
      status: 200,
      reply: { uid: "a/b", result: "voided" },
    });
  }
});

test("404 for an unknown uid, 400 for an amendment that could not be stored or without a reason", async () => {
  const missing = { reason: "x", measurement: { measure: {} } };
  expect(await send("measurements/unknown/void", { reason: "x" })).toMatchObject({ status: 404 });
  expect(await send("measurements/unknown/amend", missing)).toMatchObject({ status: 404 });
  expect(await send(`measurements/${uid}/amend`, missing)).toMatchObject({ status: 400 });
  expect(await send(`measurements/${uid}/void`, {})).toMatchObject({ status: 400 });
});
