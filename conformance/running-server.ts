import { spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const main = fileURLToPath(new URL("../packages/server/src/main.ts", import.meta.url));
const readyTimeoutMs = 60_000;

const announcement = z.object({ url: z.string(), orgId: z.string() });
const keyPair = z.object({ accessKey: z.string(), apiSecret: z.string() });

export interface RunningServer {
  readonly url: string;
  readonly orgId: string;
  readonly accessKey: string;
  readonly apiSecret: string;
  /** Ends the process and removes its data. */
  readonly stop: () => Promise<void>;
}

/** A server as an operator starts it: a process of its own, on a free port, with all its state in a new folder. */
export const startServer = async (): Promise<RunningServer> => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-conformance-"));
  // The embedded database may run as another user, who must get through to its data.
  await chmod(folder, 0o755);
  const dataDir = join(folder, "data");
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env["PATH"],
      TURNPIKE_PORT: "0",
      TURNPIKE_DATA_DIR: dataDir,
      TURNPIKE_LOG_LEVEL: "error",
    },
    // What it logs at this level is a failed request, which a reader of the run should see.
    stdio: ["ignore", "inherit", "pipe"],
  });
  const said: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { url, orgId } = announcement.parse(await written(join(dataDir, "server.json"), child));
    const keys = keyPair.parse(await written(join(dataDir, "credentials.json"), child));
    return { url, orgId, ...keys, stop };
  } catch (error) {
    await stop();
    throw new Error(`the server did not start: ${said.join("")}`, { cause: error });
  }
};

/** The JSON file, once it is there. */
const written = async (path: string, child: { exitCode: number | null }): Promise<unknown> => {
  const deadline = Date.now() + readyTimeoutMs;
  while (Date.now() < deadline && child.exitCode === null) {
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text !== undefined) return JSON.parse(text);
    await delay(100);
  }
  throw new Error(`the server did not write ${path}`);
};

/** The paths of every served collection and singleton, after the organization. */
export const servedPaths = async ({ url }: RunningServer): Promise<string[]> => {
  const response = await fetch(`${url}/openapi.json`);
  const { paths } = z
    .object({ paths: z.record(z.string(), z.unknown()) })
    .parse(await response.json());
  const prefix = "/organizations/{orgId}/";
  return Object.keys(paths)
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length));
};
