import { mkdir } from "node:fs/promises";
import { pino } from "pino";
import type { Config } from "@turnpike/server/config.ts";
import { firstCredentials } from "@turnpike/server/credentials.ts";
import type { World } from "@turnpike/server/operations/handler.ts";
import { buildWorld } from "@turnpike/server/world.ts";
import { checkCredentials } from "./api.ts";

/** Lends the database of a data directory, past the API: for what concerns organizations that a key may not see. */
export const withWorld = async <T>(
  config: Config,
  work: (world: World) => Promise<T>,
): Promise<T> => {
  checkCredentials(config, false);
  await mkdir(config.dataDir, { recursive: true });
  const credentials = await firstCredentials(config);
  const logger = pino({ level: "silent" });
  const { http, close } = await buildWorld({ config, credentials, logger, claim: "never" });
  try {
    return await work(http.world);
  } finally {
    await close();
  }
};
