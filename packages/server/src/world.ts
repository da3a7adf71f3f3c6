import { join } from "node:path";
import type { Pool } from "pg";
import type { Logger } from "pino";
import { resources } from "@turnpike/contract/resources.ts";
import { installationKey } from "./access/installation-keys.ts";
import { createKeys } from "./access/keys.ts";
import { type Credentials, ensureOrganization } from "./access/organizations.ts";
import { createPermissions, isAccessKind } from "./access/permissions.ts";
import { createLinks } from "./access/links.ts";
import { createTokens } from "./access/tokens.ts";
import { openFileStore } from "./adapters/disk/file-store.ts";
import { openUsageStore } from "./adapters/duckdb/usage-store.ts";
import { storeIdOf } from "./adapters/journal/store-id.ts";
import { manualPayments } from "./adapters/manual-payments/payment-provider.ts";
import { startEmbeddedPostgres } from "./adapters/postgres/embedded.ts";
import { checkWritable } from "./adapters/postgres/fitness.ts";
import { listen } from "./adapters/postgres/listener.ts";
import { openPostgres, type PostgresConnection } from "./adapters/postgres/open.ts";
import {
  heardOfUsage,
  noteUnheard,
  UsageClaimant,
  type UsageClaim,
} from "./adapters/postgres/usage-claim.ts";
import { createLedger, type Ledger } from "./authorization/ledger.ts";
import { startPayments } from "./authorization/payments.ts";
import { createPlainUsage } from "./authorization/usage/plain-usage.ts";
import { startRelay } from "./authorization/usage/relay.ts";
import { steadyMs } from "./authorization/steady-clock.ts";
import { startSweeper } from "./authorization/sweeper.ts";
import { startVoidRelay } from "./authorization/usage/void-relay.ts";
import { createWallets } from "./authorization/usage/true-ups.ts";
import { createUsageCorrections } from "./authorization/usage/usage-corrections.ts";
import { tickBillClock } from "./billing/bill-clock.ts";
import { runBillJob } from "./billing/bill-run.ts";
import { trueUpWallets } from "./billing/wallets/true-ups.ts";
import { runStatementJob } from "./billing/statements/statements.ts";
import { type Config, ConfigError } from "./config.ts";
import { tickExportClock } from "./exports/export-clock.ts";
import {
  type ExportParts,
  expireExports,
  removeStrayExports,
  runExportJob,
} from "./exports/export-run.ts";
import { IngestFailures, storeFailures } from "./events/ingest-failures.ts";
import type { HttpParts } from "./http/server.ts";
import { createDerivedFields } from "./ingest/derived-fields.ts";
import { background, beginTurn, billJobLater, prepareQueue, startQueue } from "./jobs/queue.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { runUpload, type UploadParts } from "./metering/upload-run.ts";
import { createDoors } from "./ingest/door.ts";
import { chargedIngest } from "./operations/charged-ingest.ts";
import type { World } from "./operations/handler.ts";
import type { Database } from "./ports/database.ts";
import type { UsageDirectory } from "./ports/usage-directory.ts";
import type { CustomSqlChecker, UsageStore } from "./ports/usage-store.ts";
import { heedNews, type Hearing, newsChannel } from "./resources/catalog-news.ts";
import { examineCustomSql } from "./resources/custom-sql.ts";
import { ensureIndexes } from "./resources/indexes.ts";
import { runLookupUpload } from "./resources/lookup-upload.ts";
import { createSealer, type Sealer } from "./resources/sealing.ts";
import { createSecrets, missingKeys } from "./resources/secrets.ts";
import { createDirectory } from "./resources/usage-directory.ts";
import { tickSchedules } from "./resources/schedule-clock.ts";
import { type Catalog, createCatalog, type OnChange } from "./resources/verbs.ts";
import { secretKeys } from "./secret-keys.ts";
import { checkWhole } from "./older-usage.ts";
import { meteringElsewhere, usageElsewhere } from "./usage-elsewhere.ts";

export type { UsageClaim };

export interface BuiltWorld {
  readonly http: HttpParts;
  /** Closes everything that was opened, last first. */
  readonly close: () => Promise<void>;
}

interface Setup {
  readonly config: Config;
  readonly credentials: Credentials;
  readonly logger: Logger;
  /** Whether the server may keep the usage of its database; `first` when absent. */
  readonly claim?: UsageClaim | undefined;
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
  { config, credentials, logger, claim = "first" }: Setup,
  closers: Closer[],
): Promise<HttpParts> => {
  const opened: { database?: Database } = {};
  const directory = createDirectory(() => {
    if (opened.database === undefined) throw new Error("the database is not open yet");
    return opened.database;
  }, now);
  const stores = await openStores({ config, directory, logger, claim }, closers);
  const { database, pool, cut, usage } = stores;
  opened.database = database;
  await ensureIndexes(database, resources);
  await ensureOrganization(database, resources, { credentials, at: now() });
  const earlier = stores.isUsageHere ? usage : undefined;
  const hearing: Hearing = { isHeard: false };
  const metrics = createMetrics(database);
  const ledger = openLedger(
    { database, pool, usage: earlier, directory, logger, hearing, onDecided: metrics.decided },
    closers,
  );
  const { keys, permissions, accessChanged } = openAccess(database);
  const onChange: OnChange = (change) => {
    directory.announce(change);
    ledger.announce(change);
    if (isAccessKind(change.kind)) accessChanged(change.orgId);
  };
  await hearNews({ database, pool, cut, logger, onChange, hearing }, closers);
  const examine = examineCustomSql(database, usage);
  const sealer = await openSealer(config, database);
  const writing = { secrets: createSecrets(sealer), now, background, onChange, examine };
  const catalog = createCatalog({ database, resources, ...writing });
  const doors = createDoors();
  const metering = stores.isUsageHere
    ? await openMetering({ config, database, pool, usage, catalog, ledger, logger, doors }, closers)
    : await withoutMetering(pool, logger);
  const tokens = createTokens(await installationKey(database, sealer, "token-key"), Date.now);
  const links = createLinks(await installationKey(database, sealer, "link-key"), Date.now);
  const failures = new IngestFailures({ database, logger, now });
  closers.push(() => failures.stop());
  return {
    world: {
      database,
      catalog,
      usage,
      ledger,
      ...metering,
      failures,
      doors,
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
    checkReady: () => checkWritable(pool),
    metrics,
  };
};

/** Who may do what; what is remembered of it is forgotten when it changes. */
const openAccess = (database: Database) => {
  const keys = createKeys(database, steadyMs);
  const permissions = createPermissions(database, { now, steadyMs });
  const accessChanged = (orgId: string): void => {
    keys.forget();
    permissions.forget(orgId);
  };
  return { keys, permissions, accessChanged };
};

interface NewsParts extends Pick<PostgresConnection, "database" | "pool" | "cut"> {
  readonly logger: Logger;
  readonly onChange: OnChange;
  readonly hearing: Hearing;
}

/** Changes of the catalog by other servers on the database count here as soon as they are heard of. */
const hearNews = async (
  { pool, cut, logger, ...parts }: NewsParts,
  closers: Closer[],
): Promise<void> => {
  const news = heedNews({ ...parts, resources });
  const listener = await listen({
    url: pool.options.connectionString ?? "",
    channel: newsChannel,
    onMessage: news.heed,
    onReturn: news.begin,
    onLost: (reason) => {
      news.end();
      logger.warn({ reason }, "changes by other servers are not heard of");
    },
    // Requests wait on connections that a frozen machine does not close: they are answered that it is UNAVAILABLE.
    onUnreachable: cut,
  });
  closers.push(listener.stop);
  await news.begin();
};

interface StoreParts {
  readonly config: Config;
  readonly directory: UsageDirectory;
  readonly logger: Logger;
  readonly claim: UsageClaim;
}

interface Stores extends Pick<PostgresConnection, "database" | "pool" | "cut"> {
  /** One that refuses where another server keeps the usage of the database. */
  readonly usage: UsageStore & CustomSqlChecker;
  readonly isUsageHere: boolean;
}

/** Here it is decided who keeps the usage of a database, and so meters and bills: see decision 0031. */
const openStores = async (parts: StoreParts, closers: Closer[]): Promise<Stores> => {
  const { config, logger, claim } = parts;
  const storeId = await storeIdOf(usageFile(config));
  // It locks the data directory: a second server must not touch the database that the first one has in there.
  const locking = config.databaseUrl === undefined ? await openUsage(parts, closers) : undefined;
  const claimant = new UsageClaimant(storeId);
  const { database, pool, cut } = await openDatabase(parts, claimant, closers);
  const keeper = await claimant.claim(pool, claim);
  const isUsageHere = keeper === storeId;
  if (isUsageHere) logger.info({ storeId }, "this server keeps the usage of the database");
  else logger.warn({ storeId, keeper }, elsewhereSaid);
  const usage = isUsageHere ? (locking ?? (await openUsage(parts, closers))) : usageElsewhere;
  if (isUsageHere) {
    await checkWhole(usage, await heardOfUsage(pool), config.dataDir);
    await noteUnheard(pool, await usage.mark());
  }
  return { database, pool, cut, usage, isUsageHere };
};

const elsewhereSaid =
  "another server keeps the usage of the database: this one only decides, and neither meters nor bills. " +
  "If that one or its data directory is gone for good, stop this one and run `npm run turnpike -- usage adopt` on its directory";

const usageFile = ({ dataDir }: Config): string => join(dataDir, "usage.duckdb");

const openUsage = async (
  { config, directory, logger }: StoreParts,
  closers: Closer[],
): Promise<UsageStore & CustomSqlChecker> => {
  const usage = await openUsageStore({
    path: usageFile(config),
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

interface LedgerParts extends Pick<Parameters<typeof createLedger>[0], "onDecided"> {
  readonly database: Database;
  readonly pool: Pool;
  readonly usage: UsageStore | undefined;
  readonly directory: UsageDirectory;
  readonly logger: Logger;
  readonly hearing: Readonly<Hearing>;
}

/** What every server does: it decides, and sees to what has been decided. */
const openLedger = (
  { directory, logger, hearing, ...parts }: LedgerParts,
  closers: Closer[],
): Ledger => {
  const ledger = createLedger({
    ...parts,
    derivedFields: createDerivedFields(directory, Date.now),
    logger,
    now: Date.now,
    hearsNews: () => hearing.isHeard,
  });
  closers.push(ledger.drain);
  for (const running of [
    startSweeper(ledger, logger),
    startPayments(ledger, { provider: manualPayments, logger }),
  ])
    closers.push(running.stop);
  return ledger;
};

interface MeteringParts {
  readonly config: Config;
  readonly database: Database;
  readonly usage: UsageStore;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly catalog: Catalog;
  readonly ledger: Ledger;
  readonly doors: World["doors"];
}

type Metering = Pick<World, "plainUsage" | "usageCorrections" | "files" | "exports">;

/** What only the server does that keeps usage: what has been decided is metered, and tasks are run. */
const openMetering = async (parts: MeteringParts, closers: Closer[]): Promise<Metering> => {
  const { config, pool, usage, ledger, logger } = parts;
  const metering: Metering = {
    plainUsage: createPlainUsage(ledger),
    usageCorrections: createUsageCorrections(ledger),
    files: await openFileStore(join(config.dataDir, "uploads")),
    exports: await openFileStore(join(config.dataDir, "exports")),
  };
  for (const running of [
    startRelay({ ...ledger, usage, logger }),
    startVoidRelay({ pool, usage, logger, now: Date.now }),
  ])
    closers.push(running.stop);
  await openQueue({ ...parts, ...metering }, closers);
  return metering;
};

const withoutMetering = async (pool: Pool, logger: Logger): Promise<Metering> => {
  await prepareQueue(pool, logger);
  return meteringElsewhere;
};

const openQueue = async (parts: MeteringParts & Metering, closers: Closer[]): Promise<void> => {
  const { database, usage, files, exports, catalog, pool, logger, ledger } = parts;
  const run = { database, usage, now };
  const settling = { ...run, wallets: createWallets(ledger) };
  const uploads: UploadParts = {
    ...run,
    usage: { ingest: (request) => chargedIngest(parts, request) },
    files,
    storeFailures: (transaction, failed) => storeFailures(transaction, [failed]),
  };
  const exporting: ExportParts = { ...run, files: exports, replies: catalog.replies };
  await removeStrayExports(exporting);
  const queue = await startQueue({
    pool,
    logger,
    handlers: {
      "bill-job": (key) =>
        runBillJob(run, key, {
          settle: (job) => trueUpWallets(settling, job),
          again: (waiting) => billJobLater(database, waiting),
          isTurnOver: beginTurn(database, key.orgId),
        }),
      "bill-clock": () => tickBillClock({ ...run, background }),
      "schedule-clock": () => tickSchedules({ ...run, catalog }),
      "usage-upload": (key) => runUpload(uploads, key),
      "export-job": (key) => runExportJob(exporting, key),
      "export-clock": () => tickExportClock({ ...run, background }),
      "export-expiry": () => expireExports(exporting),
      "lookup-upload": (key) => runLookupUpload({ database, files, now }, key),
      "statement-job": (key) => runStatementJob(run, key),
    },
  });
  closers.push(queue.stop);
};

const openDatabase = async (
  { config, logger }: StoreParts,
  { greet }: UsageClaimant,
  closers: Closer[],
): Promise<PostgresConnection> => {
  const url = config.databaseUrl ?? (await openEmbedded(config, logger, closers));
  const max = config.connectionsMax - 1;
  const connection = await openPostgres(url, logger, { max, onConnect: greet });
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
