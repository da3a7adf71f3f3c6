import { existsSync } from "node:fs";
import { inspect } from "node:util";
import { ConfigError, readConfig } from "./config.ts";
import { credentialsPath } from "./credentials.ts";
import { UnfitDatabase } from "./ports/unfit-database.ts";
import { DirectoryInUse } from "./ports/usage-store.ts";
import { type RunningServer, startServer } from "./start.ts";

/** How long a stop may take before the process ends anyway. */
const stopTimeoutMs = 60_000;

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** Also while it starts: what it has started by then, PostgreSQL above all, must not outlive it. */
const stopOnSignal = (starting: Promise<RunningServer>): void => {
  let isStopping = false;
  const stopOnceStarted = async (): Promise<void> => {
    const server = await starting;
    try {
      await server.stop();
    } catch (error) {
      say(`stopping failed: ${String(error)}`);
      process.exit(1);
    }
    process.exit(0);
  };
  const stop = (): void => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), stopTimeoutMs).unref();
    // A start that fails is said by who started it.
    stopOnceStarted().catch(() => undefined);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
};

const main = async (): Promise<void> => {
  const config = readConfig(process.env);
  const starting = startServer(config);
  stopOnSignal(starting);
  const server = await starting;
  say(`Turnpike serves ${server.url} for organization ${server.orgId}`);
  const path = credentialsPath(config);
  if (existsSync(path)) say(`The access key and secret are in ${path}`);
};

/** What only an operator can mend: a sentence says more than a stack. */
const isOperators = (error: unknown): error is Error =>
  error instanceof ConfigError || error instanceof DirectoryInUse || error instanceof UnfitDatabase;

try {
  await main();
} catch (error) {
  // With its causes: that a migration failed, or that a store does not open, does not say why.
  say(isOperators(error) ? error.message : inspect(error));
  process.exit(1);
}
