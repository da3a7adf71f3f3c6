import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import type { Config } from "./config.ts";
import { firstCredentials } from "./credentials.ts";
import { createHttpServer } from "./http/server.ts";
import { buildWorld, type UsageClaim } from "./world.ts";

export interface RunningServer {
  readonly url: string;
  readonly orgId: string;
  /** Answers what was asked, then ends: no acknowledged work is lost. */
  readonly stop: () => Promise<void>;
}

/** Starts a server and says so in `server.json`; throws when it cannot. */
export const startServer = async (config: Config, claim?: UsageClaim): Promise<RunningServer> => {
  const logger = pino({ level: config.logLevel });
  await mkdir(config.dataDir, { recursive: true });
  const credentials = await firstCredentials(config);
  const world = await buildWorld({ config, credentials, logger, claim });
  const app = createHttpServer(world.http);
  const announcement = join(config.dataDir, "server.json");
  const stop = async (): Promise<void> => {
    await rm(announcement, { force: true });
    await app.close();
    await world.close();
  };
  try {
    const url = await app.listen({ host: config.host, port: config.port });
    const { orgId } = credentials;
    await writeWhole(announcement, { url, pid: process.pid, orgId });
    logger.info({ url, orgId }, "serving");
    return { url, orgId, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** A reader finds the whole file or none. */
const writeWhole = async (path: string, value: unknown): Promise<void> => {
  const draft = `${path}.new`;
  await writeFile(draft, `${JSON.stringify(value)}\n`);
  await rename(draft, path);
};
