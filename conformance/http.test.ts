import { type IncomingMessage, request as send } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const state: { folder: string; server?: ServerProcess; token: string } = { folder: "", token: "" };

const at = (path: string): string =>
  `${state.server?.url}/${path.replace("{org}", `organizations/${state.server?.orgId}`)}`;

const anyReply = z.looseObject({
  access_token: z.string().optional(),
  errors: z.array(z.object({ field: z.string() })).optional(),
  paths: z.record(z.string(), z.unknown()).optional(),
});

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;

const ask = async (
  method: string,
  path: string,
  options: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
) => {
  const response = await fetch(at(path), {
    method,
    headers: {
      authorization: `Bearer ${state.token}`,
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: options.body }),
  });
  const reply = anyReply.parse(await response.json());
  return { status: response.status, headers: response.headers, reply };
};

beforeAll(async () => {
  state.folder = await newFolder();
  state.server = await startServer(state.folder);
  const { accessKey, apiSecret } = state.server;
  const { reply } = await ask("POST", "oauth/token", {
    body: JSON.stringify({ grant_type: "client_credentials" }),
    headers: { authorization: basic(`${accessKey}:${apiSecret}`) },
  });
  state.token = reply.access_token ?? "";
});
afterAll(async () => {
  await state.server?.stop();
  await removeFolder(state.folder);
});

describe("tokens", () => {
  test("are given for a form too, and live for five hours", async () => {
    const { accessKey, apiSecret } = state.server ?? {};
    const { status, reply } = await ask("POST", "oauth/token", {
      body: "grant_type=client_credentials",
      headers: {
        authorization: basic(`${accessKey}:${apiSecret}`),
        "content-type": "application/x-www-form-urlencoded",
      },
    });
    expect(status).toBe(200);
    expect(reply).toMatchObject({ token_type: "Bearer", expires_in: 18_000 });
  });

  test.each([
    ["a wrong secret", { authorization: basic("nobody:nothing") }, 401, "INVALID_CREDENTIALS"],
    ["no credentials", { authorization: "" }, 401, "INVALID_CREDENTIALS"],
    ["a NUL in the key", { authorization: basic("a\0:x") }, 401, "INVALID_CREDENTIALS"],
    ["a NUL in the secret", { authorization: basic("a:x\0") }, 401, "INVALID_CREDENTIALS"],
  ])("are refused for %s", async (_case, headers, status, errorCode) => {
    const body = JSON.stringify({ grant_type: "client_credentials" });
    const answer = await ask("POST", "oauth/token", { body, headers });
    expect(answer).toMatchObject({ status, reply: { errorCode } });
  });

  test("are not needed with a key, which has no NUL", async () => {
    const headers = { authorization: basic("a\0:x") };
    const answer = await ask("POST", "{org}/authorizations", { body: "{}", headers });
    expect(answer).toMatchObject({ status: 401, reply: { errorCode: "INVALID_CREDENTIALS" } });
  });

  test.each([
    ["no token", ""],
    ["a token of somebody else's making", "Bearer eyJhbGciOiJub25lIn0.e30."],
    ["Basic where a bearer belongs", basic("a:b")],
  ])("are needed: 403 for %s", async (_case, authorization) => {
    const answer = await ask("GET", "{org}/products", { headers: { authorization } });
    expect(answer).toMatchObject({ status: 403, reply: { errorCode: "UNAUTHORIZED" } });
  });

  test("open no other organization, whether it exists or not", async () => {
    const path = "organizations/3f1f0d5e-1111-4222-8333-444455556666/products";
    expect(await ask("GET", path)).toMatchObject({
      status: 403,
      reply: { errorCode: "FORBIDDEN" },
    });
  });
});

describe("bad requests are answered with the field that is wrong", () => {
  const tooLarge = `{"name": "${"x".repeat(2_000_000)}"}`;
  const badUtf8 = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);

  test.each<[string, string | Uint8Array<ArrayBuffer>, number, string, string | undefined]>([
    ["broken JSON", "{", 400, "MALFORMED_JSON", "body"],
    ["text that is not UTF-8", badUtf8, 400, "MALFORMED_JSON", "body"],
    ["an empty body", "", 400, "MALFORMED_JSON", "body"],
    ["a list instead of an object", "[]", 400, "VALIDATION_FAILED", "body"],
    ["a missing field", '{"name": "A"}', 400, "VALIDATION_FAILED", "code"],
    ["a wrong type", '{"name": 1, "code": "a"}', 400, "VALIDATION_FAILED", "name"],
    [
      "a code with a trailing space",
      '{"name": "A", "code": "a "}',
      400,
      "VALIDATION_FAILED",
      "code",
    ],
    ["a NUL character", '{"name": "A\\u0000", "code": "a"}', 400, "VALIDATION_FAILED", "name"],
    ["half a surrogate pair", '{"name": "\\ud800", "code": "a"}', 400, "VALIDATION_FAILED", "name"],
    ["a body over the limit", tooLarge, 413, "BODY_TOO_LARGE", undefined],
  ])("%s", async (_case, body, status, errorCode, field) => {
    const answer = await ask("POST", "{org}/products", { body });
    expect(answer).toMatchObject({ status, reply: { errorCode, statusCode: status } });
    expect(answer.reply.errors?.[0]?.field).toBe(field);
    expect(answer.headers.get("x-should-retry")).toBe("false");
    expect(JSON.stringify(answer.reply)).not.toMatch(/ at .*\.ts|node_modules/);
  });

  test("a number that a double would change", async () => {
    const body = '{"name": "A", "code": "a", "customFields": {"n": 0.12345678901234567891}}';
    const answer = await ask("POST", "{org}/products", { body });
    expect(answer).toMatchObject({ status: 400, reply: { errorCode: "INEXACT_NUMBER" } });
    expect(answer.reply.errors?.[0]?.field).toBe("customFields.n");
  });

  test("a content type that is not JSON", async () => {
    const headers = { "content-type": "text/xml" };
    const answer = await ask("POST", "{org}/products", { body: "<a/>", headers });
    expect(answer).toMatchObject({ status: 415, reply: { errorCode: "UNSUPPORTED_MEDIA_TYPE" } });
  });

  test("measurements over the limit, as m3ter answers them", async () => {
    const body = `{"measurements": [], "padding": "${"x".repeat(5_000_000)}"}`;
    const answer = await ask("POST", "{org}/measurements", { body });
    expect(answer).toMatchObject({ status: 403, reply: { errorCode: "INGEST_BODY_TOO_LARGE" } });
  });

  test.each(["nothing/here", "organizations", "{org}/nothing"])(
    "unknown route %s",
    async (path) => {
      const answer = await ask("GET", path);
      expect(answer).toMatchObject({ status: 404, reply: { errorCode: "ROUTE_NOT_FOUND" } });
    },
  );
});

describe("a body that is refused before it was read", () => {
  const slowly = async (piece: Buffer): Promise<Buffer> => {
    await setTimeout(1);
    return piece;
  };

  /** The status, for a client that sends slowly and reads when it has sent everything. */
  const statusOf = async (method: string, path: string): Promise<number | undefined> => {
    const headers = { authorization: "", "content-length": 60 * 100_000 };
    const request = send(at(path), { method, headers, agent: false });
    const answered = new Promise<IncomingMessage>((resolve) => request.once("response", resolve));
    const pieces = Array.from({ length: 60 }, () => Buffer.alloc(100_000, "y"));
    const [response] = await Promise.all([
      answered,
      pipeline(Readable.from(pieces).map(slowly), request),
    ]);
    response.resume();
    return response.statusCode;
  };

  test.each([
    ["for want of a token", "POST", "{org}/products", 403],
    ["for its link", "PUT", `files/lookup/${crypto.randomUUID()}/x`, 400],
    ["for its path", "POST", "nothing/here", 413],
  ])("is heard to its end: %s", async (_case, method, path, status) => {
    expect(await statusOf(method, path)).toBe(status);
  });
});

describe("the contract", () => {
  test("doubled slashes are one slash", async () => {
    expect((await ask("GET", "/{org}/products")).status).toBe(200);
  });

  test("unknown fields and nulls for optional fields are ignored", async () => {
    const body = '{"name": "A", "code": "tolerant", "customFields": null, "colour": "red"}';
    const { status, reply } = await ask("POST", "{org}/products", { body });
    expect(status).toBe(200);
    expect(reply).not.toHaveProperty("colour");
    expect(reply).not.toHaveProperty("customFields");
  });

  test("is described at /openapi.json", async () => {
    const { reply } = await ask("GET", "openapi.json");
    expect(reply.paths).toHaveProperty(["/organizations/{orgId}/products/{id}", "put"]);
    expect(reply.paths).toHaveProperty(["/organizations/{orgId}/measurements", "post"]);
    const eitherWay = [{ bearer: [] }, { key: [] }];
    for (const path of ["authorizations", "budgets"]) {
      const own = ["/organizations/{orgId}/" + path, "post", "security"];
      expect(reply.paths).toHaveProperty(own, eitherWay);
    }
  });

  test("metrics are Prometheus text", async () => {
    const text = await (await fetch(at("metrics"))).text();
    expect(text).toMatch(/^# HELP process_cpu_user_seconds_total /);
  });
});
