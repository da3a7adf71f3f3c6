import { readFile } from "node:fs/promises";
import { request as send } from "node:http";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Client, connect } from "../client.ts";
import {
  hostileBodies,
  hostileHeaders,
  hostileParameters,
  hostileSegments,
  hostileValues,
} from "./texts.ts";
import {
  organizationPrefix,
  type RunningServer,
  type ServedRoute,
  servedRoutes,
  startServer,
} from "../running-server.ts";

/** Requests of each kind to each route. */
const runs = Number(process.env["TURNPIKE_FUZZ_RUNS"] ?? 3);
const seed = Number(process.env["TURNPIKE_SEED"] ?? Date.now() % 1_000_000_000);

const row = z.object({
  name: z.string(),
  path: z.string(),
  within: z.record(z.string(), z.string()).default({}),
  create: z.record(z.string(), z.unknown()),
  extra: z.record(z.string(), z.unknown()).default({}),
});
type Json = z.infer<ReturnType<typeof z.json>>;

interface World {
  readonly server: RunningServer;
  readonly client: Client;
  readonly bearer: string;
  readonly routes: readonly ServedRoute[];
  /** A sound body for the paths of the table, by path, and an id that exists there. */
  readonly sound: ReadonlyMap<string, { body: Json; id: string }>;
}
const started: { server?: RunningServer; world?: World } = {};

const basicOf = ({ accessKey, apiSecret }: RunningServer): string =>
  `Basic ${btoa(`${accessKey}:${apiSecret}`)}`;

const asText = (value: unknown): string => (typeof value === "string" ? value : "");

const fill = (value: unknown, names: ReadonlyMap<string, string>): Json => {
  if (Array.isArray(value)) return value.map((one: unknown) => fill(one, names));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, names)]));
  }
  if (typeof value !== "string") return z.json().parse(value);
  if (value.startsWith("$")) return names.get(value.slice(1)) ?? "";
  return value.replaceAll(/\{([a-zA-Z.]+)\}/g, (_, name: string) => names.get(name) ?? "");
};

/** One record of every resource of the SDKs' table, so that hostile bodies get past the first check. */
const createAll = async (client: Client): Promise<World["sound"]> => {
  const file = new URL("../sdk/resources.json", import.meta.url);
  const table = z.array(row).parse(JSON.parse(await readFile(file, "utf8")));
  const names = new Map([
    ["n", "1"],
    ["m", "1"],
  ]);
  const sound = new Map<string, { body: Json; id: string }>();
  for (const { name, path, within, create, extra } of table) {
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, outer: string) =>
      asText(fill(within[outer], names)),
    );
    const body = z.record(z.string(), z.json()).parse(fill({ ...create, ...extra }, names));
    const { id } = await client.create(filled, body);
    names.set(name, id).set(`${name}.code`, asText(body["code"]));
    sound.set(organizationPrefix + path, { body, id });
  }
  return sound;
};

beforeAll(async () => {
  const server = await startServer();
  started.server = server;
  const client = await connect(server);
  const response = await fetch(`${server.url}/oauth/token`, {
    method: "POST",
    headers: {
      authorization: basicOf(server),
      "content-type": "application/json",
    },
    body: '{"grant_type":"client_credentials"}',
  });
  const { access_token: bearer } = z
    .object({ access_token: z.string() })
    .parse(await response.json());
  const routes = await servedRoutes(server);
  started.world = { server, client, bearer, routes, sound: await createAll(client) };
});
afterAll(() => started.server?.stop());

const theWorld = (): World => {
  if (started.world === undefined) throw new Error("the server did not start");
  return started.world;
};

/** No request is worth more: a request that hangs is a finding. */
const answerTimeoutMs = 5_000;

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Node frames the body of a DELETE only when it is told how long it is. */
const bodyHeaders = ({ body = "", headers = {} }: Sent): Record<string, string | number> => ({
  "content-type": "application/json",
  ...("transfer-encoding" in headers ? {} : { "content-length": Buffer.byteLength(body) }),
});

/** As raw as HTTP allows: the target is not normalized, and any header goes. */
const ask = ({ server, bearer }: World, sent: Sent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const headers = {
      // Sound credentials, so that what follows them is read.
      authorization: sent.target.startsWith("/oauth/") ? basicOf(server) : `Bearer ${bearer}`,
      ...(sent.body === undefined ? {} : bodyHeaders(sent)),
      ...sent.headers,
    };
    const outgoing = send(
      { hostname, port, method: sent.method, path: sent.target, headers, agent: false },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          const { statusCode: status = 0, headers: seen } = response;
          resolve({ status, headers: seen, text: Buffer.concat(parts).toString() });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.setTimeout(answerTimeoutMs, () => outgoing.destroy(new Error("no answer")));
    outgoing.end(sent.body);
  });

const problem = z.object({
  message: z.string().min(1),
  errorCode: z.string().min(1),
  statusCode: z.number(),
  errors: z.array(z.object({ field: z.string().min(1), message: z.string().min(1) })).default([]),
});
/** Refusals that are about a field say which. */
const fieldCodes = new Set([
  "VALIDATION_FAILED",
  "REFERENCE_NOT_FOUND",
  "DUPLICATE_VALUE",
  "RULE_VIOLATED",
  "VERSION_MISMATCH",
  "INEXACT_NUMBER",
  "MALFORMED_JSON",
  "INVALID_NEXT_TOKEN",
]);
const leaks = /\n\s+at |node_modules|\.ts:\d|postgres|duckdb|SELECT |INSERT |ECONN|undefined/i;

const shown = ({ method, target, headers, body }: Sent): string =>
  [method, target, JSON.stringify(headers ?? {}), String(body)]
    .map((part) => part.slice(0, 250))
    .join(" ");

/** What is wrong with an answer: it is a success, or a refusal that names the field and is not to be repeated. */
const faultOf = ({ status, headers, text }: Answer): string | undefined => {
  if (status >= 200 && status < 300) return undefined;
  if (status < 400 || status >= 500) return "is neither a success nor a refusal";
  const read = problem.safeParse(parsed(text));
  if (!read.success) return "has no error body";
  const { message, errorCode, statusCode, errors } = read.data;
  if (statusCode !== status) return "has another status in its body";
  if (headers["x-should-retry"] !== "false") return "may be repeated";
  if (leaks.test(message)) return "shows what is inside";
  if (fieldCodes.has(errorCode) && errors.length === 0) return "names no field";
  return errors.every(({ field }) => message.includes(field))
    ? undefined
    : "keeps a field out of its message";
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const targetOf = (world: World, { path }: ServedRoute, id?: string): string => {
  const collection = path.replace(/\/\{id\}$/, "");
  const known = id ?? world.sound.get(collection)?.id ?? "x";
  return path.replace("{orgId}", world.server.orgId).replaceAll(/\{\w+\}/g, known);
};

const check = async (sent: Sent): Promise<string | undefined> => {
  try {
    const answer = await ask(theWorld(), sent);
    const fault = faultOf(answer);
    if (fault === undefined) return undefined;
    return `${shown(sent)} → ${fault}: ${answer.status} ${answer.text.slice(0, 400)}`;
  } catch (error) {
    return `${shown(sent)} → ${String(error)}`;
  }
};

/** Sends some of the cases to every route and expects no fault; prints the seed that made them. */
const overRoutes = async <T>(
  wanted: (route: ServedRoute) => boolean,
  { cases, make }: { cases: fc.Arbitrary<T>; make: (route: ServedRoute, one: T) => Sent },
): Promise<void> => {
  const faults: string[] = [];
  for (const [index, route] of theWorld().routes.filter(wanted).entries()) {
    for (const one of fc.sample(cases, { numRuns: runs, seed: seed + index })) {
      const fault = await check(make(route, one));
      if (fault !== undefined) faults.push(fault);
    }
  }
  expect(faults, `TURNPIKE_SEED=${seed}`).toEqual([]);
};

/** Deletes with their ids would take the records away that others need. */
const isSafe = ({ method }: ServedRoute): boolean => method !== "DELETE";
const some = <T>(values: readonly T[]) => fc.constantFrom(...values);

/** Every place in a document where a value stands. */
const placesOf = (value: Json, path: (string | number)[] = []): (string | number)[][] => {
  if (typeof value !== "object" || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, one]) =>
    placesOf(one, [...path, Array.isArray(value) ? Number(key) : key]),
  );
  return [path, ...inner];
};

/** The document as text with one value replaced by a text that need not be JSON. */
const withValueAt = (value: Json, [first, ...rest]: (string | number)[], text: string): string => {
  if (first === undefined || typeof value !== "object" || value === null) return text;
  const inner = Object.entries(value).map(([key, one]) => {
    const written =
      key === String(first) ? withValueAt(one, rest, text) : JSON.stringify(one ?? null);
    return Array.isArray(value) ? written : `${JSON.stringify(key)}:${written}`;
  });
  return Array.isArray(value) ? `[${inner.join(",")}]` : `{${inner.join(",")}}`;
};

test("every route is known and the table's records exist", () => {
  expect(theWorld().routes.length).toBeGreaterThan(50);
  expect(theWorld().sound.size).toBeGreaterThan(9);
});

test("hostile values in sound bodies", { timeout: 120_000 }, async () => {
  const world = theWorld();
  await overRoutes((route) => route.hasBody, {
    cases: fc.tuple(fc.nat(), some(hostileValues), fc.boolean()),
    make: (route, [at, value, isNewField]) => {
      const known = world.sound.get(route.path.replace(/\/\{id\}$/, ""))?.body ?? { name: "a" };
      const body: Json = { ...z.record(z.string(), z.json()).parse(known), version: 1 };
      const places = placesOf(body);
      const place = places[at % places.length] ?? [];
      const text = isNewField
        ? `{"unknown":${value},${JSON.stringify(body).slice(1)}`
        : withValueAt(body, place, value);
      return { method: route.method, target: targetOf(world, route), body: text };
    },
  });
});

test("hostile bodies", { timeout: 120_000 }, async () => {
  const world = theWorld();
  await overRoutes((route) => route.method !== "GET" && isSafe(route), {
    cases: some(hostileBodies),
    make: (route, body) => ({ method: route.method, target: targetOf(world, route), body }),
  });
});

test("hostile query parameters", { timeout: 120_000 }, async () => {
  const world = theWorld();
  await overRoutes((route) => route.method === "GET", {
    cases: fc.tuple(fc.nat(), some(hostileParameters), fc.constantFrom("once", "twice", "unknown")),
    make: (route, [at, value, how]) => {
      const name = route.query[at % Math.max(route.query.length, 1)] ?? "pageSize";
      const pairs = { once: `${name}=${value}`, twice: `${name}=${value}&${name}=${value}` };
      const query = how === "unknown" ? `__proto__=${value}&${name}[]=${value}` : pairs[how];
      return { method: route.method, target: `${targetOf(world, route)}?${query}` };
    },
  });
});

test("hostile path parameters", { timeout: 120_000 }, async () => {
  const world = theWorld();
  await overRoutes(({ path }) => path.includes("{"), {
    cases: fc.tuple(some(hostileSegments), fc.boolean()),
    make: ({ method, path, hasBody }, [segment, isOrganizationToo]) => {
      const orgId = isOrganizationToo ? segment : world.server.orgId;
      const target = path.replace("{orgId}", orgId).replaceAll(/\{\w+\}/g, segment);
      return { method, target, ...(hasBody ? { body: '{"version":1}' } : {}) };
    },
  });
});

test("hostile headers", { timeout: 120_000 }, async () => {
  const world = theWorld();
  await overRoutes(isSafe, {
    cases: some(hostileHeaders),
    make: (route, headers) => ({
      method: route.method,
      target: targetOf(world, route),
      headers,
      ...(route.hasBody ? { body: "{}" } : {}),
    }),
  });
});

test("the server still serves what it had", async () => {
  const { client, server } = theWorld();
  expect((await client.get("organizationconfig")).id).toBe(server.orgId);
  expect((await client.list("products?pageSize=1")).data).toHaveLength(1);
});
