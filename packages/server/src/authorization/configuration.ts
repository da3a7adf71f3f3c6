import { asset } from "@turnpike/contract/authorization/asset.ts";
import { assetRate } from "@turnpike/contract/authorization/asset-rate.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Asset, ExchangeRate } from "@turnpike/engine/ledger/asset.ts";
import type { Database } from "../ports/database.ts";
import type { CatalogChange } from "../records/catalog-change.ts";
import { lookupEvery } from "../records/lookup.ts";
import { createCache, whileHeard } from "./cache.ts";

/** The organization's records that all decisions depend on. */
export interface Configuration {
  readonly assets: ReadonlyMap<string, Asset>;
  readonly rates: readonly ExchangeRate[];
}

const kinds: ReadonlySet<string> = new Set([asset, assetRate].map(({ kind }) => kind));

/** How long a server may still decide by records that another one has changed, once it knows that it does not hear of it. */
export const unheardMs = 2_000;

export interface Configurations {
  readonly of: (orgId: string) => Promise<Configuration>;
  readonly announce: (change: CatalogChange) => void;
}

interface Parts {
  readonly database: Database;
  readonly now: () => number;
  /** Whether changes by other servers are heard of. */
  readonly hearsNews: () => boolean;
}

export const createConfigurations = ({ database, now, hearsNews }: Parts): Configurations => {
  const rememberedMs = whileHeard(hearsNews, unheardMs);
  const cache = createCache<Configuration>({ now, rememberedMs, max: 10_000 });
  return {
    of: (orgId) => cache.get(orgId, orgId, () => load(database, orgId)),
    announce: ({ orgId, kind }) => {
      if (kinds.has(kind)) cache.forget(orgId);
    },
  };
};

const load = async (database: Database, orgId: string): Promise<Configuration> => {
  const assets = await lookupEvery(database, asset, orgId);
  return {
    assets: new Map(assets.map(({ code, scale, kind }) => [code, { code, scale, kind }])),
    rates: (await lookupEvery(database, assetRate, orgId)).map(rateFrom),
  };
};

const rateFrom = (record: Stored<typeof assetRate>): ExchangeRate => {
  const [whole = "", fraction = ""] = record.rate.split(".");
  return {
    from: record.from,
    to: record.to,
    num: BigInt(`${whole}${fraction}`),
    den: 10n ** BigInt(fraction.length),
    effectiveAt: Date.parse(record.effectiveAt),
  };
};
