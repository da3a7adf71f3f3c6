import type { Pool } from "pg";
import type { Logger } from "pino";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Database } from "../ports/database.ts";
import type { DerivedFields } from "../ports/derived-fields.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import type { CatalogChange } from "../records/catalog-change.ts";
import { decideBatch } from "./batch.ts";
import { Batcher } from "./batcher.ts";
import { createConfigurations, type Configurations } from "./configuration.ts";
import { createCustomers, type Customers } from "./customers.ts";
import { createKeptRecords, type KeptRecords } from "./kept-records.ts";
import { type AccountLimits, createLimits } from "./limits.ts";
import { DatabaseClock } from "./rows/database-clock.ts";
import { readBeginnings } from "./prices/earlier-usage.ts";
import { createBeginnings } from "./prices/position-beginnings.ts";
import { createPrices, type Prices } from "./prices/prices.ts";
import { Remembered } from "./rows/remembered-rows.ts";
import { steadyMs } from "./steady-clock.ts";
import type { Decide } from "./work.ts";

/** What the requests of authorization are made and decided with. */
export interface LedgerParts {
  readonly pool: Pool;
  readonly configurations: Configurations;
  readonly limits: AccountLimits;
  readonly customers: Customers;
  readonly prices: Prices;
  readonly keptRecords: KeptRecords;
  readonly derivedFields: DerivedFields;
  /** Epoch milliseconds of this process: for when usage occurred, never for a decision. */
  readonly now: () => number;
}

export interface Ledger extends LedgerParts {
  readonly decide: Decide;
  /** To be called after every committed change of the catalog. */
  readonly announce: (change: CatalogChange) => void;
  /** Waits until everything that was asked has been answered. */
  readonly drain: () => Promise<void>;
}

interface Opened extends Pick<LedgerParts, "pool" | "derivedFields" | "now"> {
  readonly database: Database;
  /** Undefined where another server keeps it: positions that begin here begin at nothing. */
  readonly usage: Pick<UsageStore, "aggregateJointly"> | undefined;
  readonly logger: Logger;
  /** Whether changes by other servers are heard of. */
  readonly hearsNews: () => boolean;
  /** Told of what was decided, once it is committed. */
  readonly onDecided?: (outcomes: readonly Outcome[]) => void;
}

export const createLedger = ({
  database,
  pool,
  usage,
  derivedFields,
  logger,
  now,
  hearsNews,
  onDecided,
}: Opened): Ledger => {
  const keptRecords = createKeptRecords(pool);
  const configurations = createConfigurations({ database, now: steadyMs, hearsNews });
  const parts: LedgerParts = {
    pool,
    configurations,
    limits: createLimits({ database, configurations, now: steadyMs, hearsNews }),
    customers: createCustomers({ database, pool, now: steadyMs }),
    prices: createPrices({ database, pool, keptRecords, now: steadyMs, hearsNews }),
    keptRecords,
    derivedFields,
    now,
  };
  const beginnings = createBeginnings({
    read: async (orgId, ids) =>
      usage === undefined ? [] : readBeginnings({ ...parts, database, usage }, orgId, ids),
    logger,
    now: steadyMs,
  });
  const remembered = new Remembered();
  const batchParts = { ...parts, beginnings, remembered, clock: new DatabaseClock() };
  const batcher = new Batcher(async (orgId, works) => {
    const decided = await decideBatch(batchParts, orgId, works);
    if (onDecided !== undefined) for (const outcomes of decided) onDecided(outcomes);
    return decided;
  });
  return {
    ...parts,
    decide: batcher.decide,
    drain: () => batcher.drain(),
    announce: (change) => {
      parts.configurations.announce(change);
      parts.limits.announce(change);
      parts.customers.announce(change);
      parts.prices.announce(change);
    },
  };
};
