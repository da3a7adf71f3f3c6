import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Config, ConfigError, settings } from "@turnpike/server/config.ts";
import { credentialsPath, firstCredentials } from "@turnpike/server/credentials.ts";
import { startServer } from "@turnpike/server/start.ts";

/** One organization of a server. Paths are below `/organizations/{orgId}/`; a refusal throws its message. */
export interface Api {
  readonly call: (
    method: "GET" | "POST" | "DELETE",
    path: string,
    body?: unknown,
  ) => Promise<unknown>;
  /** Every record of a list, through all its pages. */
  readonly list: (path: string) => Promise<unknown[]>;
}

const announcement = z.object({ url: z.string(), orgId: z.string() });
type Target = z.output<typeof announcement>;
const token = z.object({ access_token: z.string() });
const refusal = z.object({ message: z.string() });
const page = z.object({ data: z.array(z.unknown()), nextToken: z.string().optional() });

/** The server that runs on this data directory, if one does. */
export const runningOn = async ({ dataDir }: Config): Promise<Target | undefined> => {
  const text = await readFile(join(dataDir, "server.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const server = announcement.parse(JSON.parse(text));
  // A server that was killed leaves the file behind.
  const isAlive = await fetch(`${server.url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );
  return isAlive ? server : undefined;
};

const hasCredentials = (config: Config): boolean =>
  config.accessKey !== undefined || existsSync(credentialsPath(config));

/** Credentials are made at a first start only, never for a database or a server that has some of its own. */
export const checkCredentials = (config: Config, isRunning: boolean): void => {
  if (hasCredentials(config)) return;
  const { accessKey, apiSecret, orgId } = settings;
  if (isRunning) {
    throw new ConfigError(`${accessKey.name} and ${apiSecret.name} must be the server's`);
  }
  if (config.databaseUrl === undefined || config.orgId !== undefined) return;
  throw new ConfigError(`${orgId.name} must say which organization is meant`);
};

/** Lends a server's API to `work`: of the server that is running, else of one that runs for so long. */
export const withApi = async <T>(config: Config, work: (api: Api) => Promise<T>): Promise<T> => {
  const running = await runningOn(config);
  checkCredentials(config, running !== undefined);
  if (running !== undefined) {
    return work(await connect(config, { ...running, orgId: config.orgId ?? running.orgId }));
  }
  // Where no server was started yet, the first that is keeps usage, not the machine that keys are made on.
  const server = await startServer({ ...config, port: 0, logLevel: "silent" }, "never");
  try {
    return await work(await connect(config, server));
  } finally {
    await server.stop();
  }
};

const connect = async (config: Config, { url, orgId }: Target): Promise<Api> => {
  const { accessKey, apiSecret } = await firstCredentials({ ...config, orgId });
  const authorization = `Basic ${btoa(`${accessKey}:${apiSecret}`)}`;
  const given = await ask(`${url}/oauth/token`, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify({ grant_type: "client_credentials" }),
  });
  const { access_token: bearer } = token.parse(given);
  const call: Api["call"] = (method, path, body) =>
    ask(`${url}/organizations/${orgId}/${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const list: Api["list"] = async (path) => {
    const found: unknown[] = [];
    let after = "";
    do {
      const { data, nextToken } = page.parse(await call("GET", `${path}${after}`));
      found.push(...data);
      after = nextToken === undefined ? "" : `?nextToken=${encodeURIComponent(nextToken)}`;
    } while (after !== "");
    return found;
  };
  return { call, list };
};

const ask = async (url: string, request: RequestInit): Promise<unknown> => {
  const response = await fetch(url, request);
  const reply: unknown = await response.json();
  if (response.ok) return reply;
  throw new Error(refusal.parse(reply).message);
};
