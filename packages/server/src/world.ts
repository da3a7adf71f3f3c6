import { join } from "node:path";
import type { Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import { sql } from "kysely";
import { resources } from "@turnpike/contract/resources.ts";
import { createKeys } from "./access/keys.ts";
import { type Credentials, ensureOrganization } from "./access/organizations.ts";
import { createTokens } from "./access/tokens.ts";
import { startEmbeddedPostgres } from "./adapters/postgres/embedded.ts";
import { openPostgres } from "./adapters/postgres/open.ts";
import type { Config } from "./config.ts";
import type { HttpParts } from "./http/server.ts";
import { ensureIndexes } from "./resources/indexes.ts";
import { createCatalog } from "./resources/verbs.ts";

export interface BuiltWorld {
  readonly http: HttpParts;
  /** Closes everything that was opened, last first. */
  readonly close: () => Promise<void>;
}

interface Setup {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly logger: Logger;
}

const now = (): Date => new Date();

type Closer = () => Promise<void>;

/** Builds everything once. The only place that names an adapter. */
export const buildWorld = async (setup: Setup): Promise<BuiltWorld> => {
  const closers: Closer[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    return { http: await assemble(setup, closers), close };
  } catch (error) {
    await close();
    throw error;
  }
};

const assemble = async (
  { config, credentials, logger }: Setup,
  closers: Closer[],
): Promise<HttpParts> => {
  const { database } = await openDatabase(config, logger, closers);
  await ensureIndexes(database, resources);
  await ensureOrganization(database, resources, { credentials, at: now() });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const catalog = createCatalog({ database, resources, now, onChange: () => undefined });
  return {
    world: { database, catalog, tokens: await createTokens(database, Date.now), now },
    keys: createKeys(database, Date.now),
    resources,
    logger,
    bodyBytesMax: config.bodyBytesMax,
    ingestBodyBytesMax: config.ingestBodyBytesMax,
    checkReady: async () => {
      await sql`SELECT 1`.execute(database);
    },
    metrics: () => registry.metrics(),
  };
};

const openDatabase = async (config: Config, logger: Logger, closers: Closer[]) => {
  const url = config.databaseUrl ?? (await openEmbedded(config, logger, closers));
  const connection = await openPostgres(url, logger);
  closers.push(connection.close);
  return connection;
};

const openEmbedded = async (config: Config, logger: Logger, closers: Closer[]) => {
  const embedded = await startEmbeddedPostgres(join(config.dataDir, "postgres"), logger);
  closers.push(embedded.stop);
  return embedded.url;
};
