import { existsSync } from "node:fs";
import { ConfigError, readConfig } from "./config.ts";
import { credentialsPath } from "./credentials.ts";
import { DirectoryInUse } from "./ports/usage-store.ts";
import { type RunningServer, startServer } from "./start.ts";

/** How long a stop may take before the process ends anyway. */
const stopTimeoutMs = 60_000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const stopOnSignal = (server: RunningServer): void => {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), stopTimeoutMs).unref();
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        say(`stopping failed: ${String(error)}`);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
};

const main = async (): Promise<void> => {
  const config = readConfig(process.env);
  const server = await startServer(config);
  stopOnSignal(server);
  say(`Turnpike serves ${server.url} for organization ${server.orgId}`);
  const path = credentialsPath(config);
  if (existsSync(path)) say(`The access key and secret are in ${path}`);
};

try {
  await main();
} catch (error) {
  const isOperators = error instanceof ConfigError || error instanceof DirectoryInUse;
  say(isOperators ? error.message : String(error instanceof Error ? error.stack : error));
  process.exit(1);
}
