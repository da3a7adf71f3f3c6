import { join } from "node:path";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import { sql } from "kysely";
import { resources } from "@turnpike/contract/resources.ts";
import { installationKey } from "./access/installation-keys.ts";
import { createKeys } from "./access/keys.ts";
import { type Credentials, ensureOrganization } from "./access/organizations.ts";
import { createPermissions, isAccessKind } from "./access/permissions.ts";
import { createLinks } from "./access/links.ts";
import { createTokens } from "./access/tokens.ts";
import { openFileStore } from "./adapters/disk/file-store.ts";
import { openUsageStore } from "./adapters/duckdb/usage-store.ts";
import { manualPayments } from "./adapters/manual-payments/payment-provider.ts";
import { startEmbeddedPostgres } from "./adapters/postgres/embedded.ts";
import { listen } from "./adapters/postgres/listener.ts";
import { openPostgres, type PostgresConnection } from "./adapters/postgres/open.ts";
import { createLedger, type Ledger } from "./authorization/ledger.ts";
import { startPayments } from "./authorization/payments.ts";
import { createPlainUsage, type PlainUsage } from "./authorization/usage/plain-usage.ts";
import { startRelay } from "./authorization/usage/relay.ts";
import { startSweeper } from "./authorization/sweeper.ts";
import { startVoidRelay } from "./authorization/usage/void-relay.ts";
import { createWallets } from "./authorization/usage/true-ups.ts";
import {
  createUsageCorrections,
  type UsageCorrections,
} from "./authorization/usage/usage-corrections.ts";
import { tickBillClock } from "./billing/bill-clock.ts";
import { runBillJob } from "./billing/bill-run.ts";
import { trueUpWallets } from "./billing/wallet-true-ups.ts";
import { runStatementJob } from "./billing/statements.ts";
import { type Config, ConfigError } from "./config.ts";
import {
  type ExportParts,
  expireExports,
  removeStrayExports,
  runExportJob,
} from "./exports/export-run.ts";
import { IngestFailures, storeFailures } from "./events/ingest-failures.ts";
import type { HttpParts } from "./http/server.ts";
import { createDerivedFields } from "./ingest/derived-fields.ts";
import { background, billJobLater, startQueue } from "./jobs/queue.ts";
import { runUpload, type UploadParts } from "./metering/upload-run.ts";
import { chargedIngest } from "./operations/charged-ingest.ts";
import type { Database } from "./ports/database.ts";
import type { FileStore } from "./ports/file-store.ts";
import type { UsageDirectory } from "./ports/usage-directory.ts";
import type { CustomSqlChecker, UsageStore } from "./ports/usage-store.ts";
import { newsChannel, readNews } from "./resources/catalog-news.ts";
import { examineCustomSql } from "./resources/custom-sql.ts";
import { ensureIndexes } from "./resources/indexes.ts";
import { runLookupUpload } from "./resources/lookup-upload.ts";
import { createSealer, type Sealer } from "./resources/sealing.ts";
import { createSecrets, missingKeys } from "./resources/secrets.ts";
import { createDirectory } from "./resources/usage-directory.ts";
import { tickSchedules } from "./resources/schedule-clock.ts";
import { type Catalog, createCatalog, type OnChange } from "./resources/verbs.ts";
import { secretKeys } from "./secret-keys.ts";

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

const assemble = async (setup: Setup, closers: Closer[]): Promise<HttpParts> => {
  const { config, credentials, logger } = setup;
  const opened: { database?: Database } = {};
  const directory = createDirectory(() => {
    if (opened.database === undefined) throw new Error("the database is not open yet");
    return opened.database;
  }, now);
  // First, because it locks the data directory: a second server must not touch the first one's database.
  const usage = await openUsage({ config, directory, logger }, closers);
  const { database, pool } = await openDatabase(config, logger, closers);
  opened.database = database;
  await ensureIndexes(database, resources);
  await ensureOrganization(database, resources, { credentials, at: now() });
  const files = await openFileStore(join(config.dataDir, "uploads"));
  const exports = await openFileStore(join(config.dataDir, "exports"));
  const authorization = openLedger({ database, pool, usage, directory, logger }, closers);
  const { ledger } = authorization;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const keys = createKeys(database, Date.now);
  const permissions = createPermissions(database, Date.now);
  const accessChanged = (orgId: string): void => {
    keys.forget(orgId);
    permissions.forget(orgId);
  };
  const onChange: OnChange = (change) => {
    directory.announce(change);
    ledger.announce(change);
    if (isAccessKind(change.kind)) accessChanged(change.orgId);
  };
  await hearNews({ database, pool, logger, onChange }, closers);
  const examine = examineCustomSql(database, usage);
  const sealer = await openSealer(config, database);
  const secrets = createSecrets(sealer);
  const catalog = createCatalog({ database, resources, secrets, now, onChange, examine });
  const queue = { database, usage, files, exports, catalog, pool, logger, ...authorization };
  await openQueue(queue, closers);
  const tokens = createTokens(await installationKey(database, sealer, "token-key"), Date.now);
  const links = createLinks(await installationKey(database, sealer, "link-key"), Date.now);
  const failures = new IngestFailures({ database, logger, now });
  closers.push(() => failures.stop());
  return {
    world: {
      database,
      catalog,
      usage,
      ...authorization,
      failures,
      files,
      exports,
      tokens,
      links,
      background,
      now,
      accessChanged,
    },
    keys,
    permissions,
    resources,
    logger,
    publicUrl: config.publicUrl,
    bodyBytesMax: config.bodyBytesMax,
    ingestBodyBytesMax: config.ingestBodyBytesMax,
    checkReady: async () => {
      await sql`SELECT 1`.execute(database);
    },
    metrics: () => registry.metrics(),
  };
};

interface NewsParts {
  readonly database: Database;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly onChange: OnChange;
}

/** Changes of the catalog by other servers on the database count here as soon as they are heard of. */
const hearNews = async (
  { database, pool, logger, onChange }: NewsParts,
  closers: Closer[],
): Promise<void> => {
  const listener = await listen({
    url: pool.options.connectionString ?? "",
    channel: newsChannel,
    onMessage: (payload) => {
      const news = readNews(payload);
      for (const kind of news?.kinds ?? []) onChange({ orgId: news?.orgId ?? "", kind });
    },
    onReturn: async () => {
      const organizations = await database.selectFrom("organization").select("id").execute();
      for (const { id: orgId } of organizations)
        for (const { kind } of resources) onChange({ orgId, kind });
    },
    onLost: (reason) => logger.warn({ reason }, "changes by other servers are not heard of"),
  });
  closers.push(listener.stop);
};

interface UsageParts {
  readonly config: Config;
  readonly directory: UsageDirectory;
  readonly logger: Logger;
}

const openUsage = async (
  { config: { dataDir }, directory, logger }: UsageParts,
  closers: Closer[],
): Promise<UsageStore & CustomSqlChecker> => {
  const usage = await openUsageStore({
    path: join(dataDir, "usage.duckdb"),
    onDamage: (path) =>
      logger.error({ path }, "the usage store was damaged and is made again from its journal"),
    directory,
    worker: new URL("usage-worker.ts", import.meta.url),
    startedAtMs: Date.now(),
  });
  closers.push(() => usage.close());
  return usage;
};

/** Refuses a start that could not read what is stored, such as that of a second server with a key of its own. */
const openSealer = async (config: Config, database: Database): Promise<Sealer> => {
  const sealer = createSealer(await secretKeys(config));
  const missing = await missingKeys(database, sealer);
  if (missing.length === 0) return sealer;
  throw new ConfigError(
    `stored credentials and keys are sealed with ${missing.join(", ")}: give that key in TURNPIKE_SECRET_KEYS, or its secret.key file`,
  );
};

interface LedgerParts {
  readonly database: Database;
  readonly pool: Pool;
  readonly usage: UsageStore;
  readonly directory: UsageDirectory;
  readonly logger: Logger;
}

interface Authorization {
  readonly ledger: Ledger;
  readonly plainUsage: PlainUsage;
  readonly usageCorrections: UsageCorrections;
}

const openLedger = (
  { database, pool, usage, directory, logger }: LedgerParts,
  closers: Closer[],
): Authorization => {
  const ledger = createLedger({
    database,
    pool,
    usage,
    derivedFields: createDerivedFields(directory, Date.now),
    logger,
    now: Date.now,
  });
  closers.push(ledger.drain);
  for (const running of [
    startRelay({ ...ledger, usage, logger }),
    startVoidRelay({ pool, usage, logger, now: Date.now }),
    startSweeper(ledger, logger),
    startPayments(ledger, manualPayments, logger),
  ])
    closers.push(running.stop);
  return {
    ledger,
    plainUsage: createPlainUsage(ledger),
    usageCorrections: createUsageCorrections(ledger),
  };
};

interface QueueParts {
  readonly database: Database;
  readonly usage: UsageStore;
  readonly files: FileStore;
  readonly exports: FileStore;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly catalog: Catalog;
  readonly ledger: Ledger;
  readonly plainUsage: PlainUsage;
}

const openQueue = async (
  { database, usage, files, exports, catalog, pool, logger, ledger, plainUsage }: QueueParts,
  closers: Closer[],
): Promise<void> => {
  const run = { database, usage, now };
  const settling = { ...run, wallets: createWallets(ledger) };
  const uploads: UploadParts = {
    ...run,
    usage: { ingest: (request) => chargedIngest({ ledger, plainUsage, usage }, request) },
    files,
    storeFailures: (transaction, failed) => storeFailures(transaction, [failed]),
  };
  const exporting: ExportParts = { ...run, files: exports, replies: catalog.replies };
  await removeStrayExports(exporting);
  const queue = await startQueue(
    pool,
    {
      "bill-job": (key) =>
        runBillJob(run, key, {
          settle: (job) => trueUpWallets(settling, job),
          again: (waiting) => billJobLater(database, waiting),
        }),
      "bill-clock": () => tickBillClock({ ...run, background }),
      "schedule-clock": () => tickSchedules({ ...run, catalog }),
      "usage-upload": (key) => runUpload(uploads, key),
      "export-job": (key) => runExportJob(exporting, key),
      "export-expiry": () => expireExports(exporting),
      "lookup-upload": (key) => runLookupUpload({ database, files, now }, key),
      "statement-job": (key) => runStatementJob(run, key),
    },
    logger,
  );
  closers.push(queue.stop);
};

const openDatabase = async (
  config: Config,
  logger: Logger,
  closers: Closer[],
): Promise<PostgresConnection> => {
  const url = config.databaseUrl ?? (await openEmbedded(config, logger, closers));
  const connection = await openPostgres(url, logger);
  closers.push(connection.close);
  return connection;
};

const openEmbedded = async (
  { dataDir }: Config,
  logger: Logger,
  closers: Closer[],
): Promise<string> => {
  const embedded = await startEmbeddedPostgres(join(dataDir, "postgres"), logger);
  closers.push(embedded.stop);
  return embedded.url;
};
