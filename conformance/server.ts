import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const main = fileURLToPath(new URL("../packages/server/src/main.ts", import.meta.url));
const readyTimeoutMs = 60_000;

const announcement = z.object({ url: z.string(), orgId: z.string(), pid: z.number() });
const keyPair = z.object({ accessKey: z.string(), apiSecret: z.string() });

export interface ServerProcess {
  readonly url: string;
  readonly orgId: string;
  readonly pid: number;
  readonly accessKey: string;
  readonly apiSecret: string;
  /** SIGTERM; the exit code. */
  readonly stop: () => Promise<number | null>;
  /** SIGKILL, as a power cut would: the database it started is left running. */
  readonly kill: () => Promise<void>;
}

/** A folder for a server's state, which the embedded database's user can reach. */
export const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-test-"));
  await chmod(folder, 0o755);
  return folder;
};

export const removeFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });

/** Servers that share a database and their first organization; what they seal, all can open. */
export const sharedKeys = {
  TURNPIKE_ORG_ID: "11111111-2222-4333-8444-555555555555",
  TURNPIKE_ACCESS_KEY: "test-access-key",
  TURNPIKE_API_SECRET: "test-api-secret-that-is-long",
  TURNPIKE_SECRET_KEYS: "5e".repeat(32),
};

/** A server as an operator starts it: a process of its own on a free port, with its state in the folder. */
export const startServer = async (
  folder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> => {
  const dataDir = join(folder, "data");
  const child = spawn(process.execPath, ["--v8-pool-size=0", main], {
    env: {
      PATH: process.env["PATH"],
      TURNPIKE_PORT: "0",
      TURNPIKE_DATA_DIR: dataDir,
      TURNPIKE_LOG_LEVEL: "error",
      ...settings,
    },
    stdio: ["ignore", "inherit", "pipe"],
  });
  const said: string[] = [];
  child.stderr.setEncoding("utf8").on("data", (text: string) => said.push(text));
  try {
    const announced = announcement.parse(await ownAnnouncement(dataDir, child));
    const keys = keyPair.parse(
      settings["TURNPIKE_ACCESS_KEY"] === undefined
        ? JSON.parse(await readFile(join(dataDir, "credentials.json"), "utf8"))
        : {
            accessKey: settings["TURNPIKE_ACCESS_KEY"],
            apiSecret: settings["TURNPIKE_API_SECRET"],
          },
    );
    return { ...announced, ...keys, ...endings(child) };
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`the server did not start: ${said.join("")}`, { cause: error });
  }
};

const endings = (child: ChildProcess): Pick<ServerProcess, "stop" | "kill"> => {
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
};

/** What this process wrote to server.json; an earlier one's file may still be there. */
const ownAnnouncement = async (dataDir: string, child: ChildProcess): Promise<unknown> => {
  const deadline = Date.now() + readyTimeoutMs;
  while (Date.now() < deadline && child.exitCode === null) {
    const text = await readFile(join(dataDir, "server.json"), "utf8").catch(() => "null");
    const found: unknown = JSON.parse(text);
    if (announcement.safeParse(found).data?.pid === child.pid) return found;
    await delay(50);
  }
  throw new Error(`it ended with ${child.exitCode} before it was ready`);
};
