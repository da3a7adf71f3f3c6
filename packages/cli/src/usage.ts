import type { Config } from "@turnpike/server/config.ts";
import { startServer } from "@turnpike/server/start.ts";
import { runningOn } from "./api.ts";

/**
 * Makes the usage store of a server that is stopped the database's own, in the place of one that is gone: what only that
 * one had is never billed. Throws while the server that has it is connected to the database.
 */
export const adoptUsage = async (config: Config): Promise<unknown> => {
  const running = await runningOn(config);
  if (running !== undefined) throw new Error(`Stop the server ${running.url} first`);
  const server = await startServer({ ...config, port: 0, logLevel: "silent" }, "instead");
  await server.stop();
  return { result: "adopted", dataDir: config.dataDir };
};
