import type { Pool } from "pg";
import { meter as meterResource } from "@turnpike/contract/catalog/meter.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Database } from "../../ports/database.ts";
import { lookupCodes } from "../../records/lookup.ts";
import { createCache } from "../cache.ts";

type FindMeter = (orgId: string, code: string) => Promise<Stored<typeof meterResource> | undefined>;

export interface Meters {
  readonly find: FindMeter;
  /** Before its usage is decided, if only to be refused: from then on the catalog keeps the meter and its code. */
  readonly findKept: FindMeter;
  readonly forget: (orgId: string) => void;
}

interface Parts {
  readonly database: Database;
  readonly pool: Pool;
  readonly now: () => number;
  readonly rememberedMs: number;
}

export const createMeters = ({ database, pool, now, rememberedMs }: Parts): Meters => {
  const remembered = { now, rememberedMs, max: 10_000 };
  const meters = createCache<Stored<typeof meterResource> | undefined>(remembered);
  const keptMeters = createCache<Stored<typeof meterResource> | undefined>(remembered);
  // What is kept stays kept.
  const kept = createCache<boolean>({ ...remembered, rememberedMs: Number.MAX_SAFE_INTEGER });
  const find: FindMeter = (orgId, code) =>
    meters.get(`${orgId} ${code}`, async () => {
      const [found] = await lookupCodes(database, meterResource, { orgId, codes: [code] });
      return found;
    });
  const findKept: FindMeter = async (orgId, code) => {
    const found = await find(orgId, code);
    const key = `${orgId} ${code}`;
    if (found === undefined || (await kept.get(key, () => keep(pool, orgId, code)))) return found;
    kept.forget(key);
    meters.forget(key);
    return undefined;
  };
  return {
    find,
    findKept: (orgId, code) => keptMeters.get(`${orgId} ${code}`, () => findKept(orgId, code)),
    forget: (orgId) => {
      meters.forget(orgId);
      keptMeters.forget(orgId);
    },
  };
};

/**
 * Writes that authorizations name the meter (`resources/rules/meter.ts`); false where it was removed or renamed. Its record is
 * held meanwhile, so that neither happens in between.
 */
const keep = async (pool: Pool, orgId: string, code: string): Promise<boolean> => {
  const { rowCount } = await pool.query({
    name: "ledger-keep-meter",
    text: `WITH standing AS (
             SELECT org_id, id FROM record WHERE org_id = $1 AND kind = $2 AND code = $3 FOR KEY SHARE
           ), kept AS (
             INSERT INTO ledger_meter (org_id, meter_id) SELECT org_id, id FROM standing ON CONFLICT DO NOTHING
           )
           SELECT FROM standing`,
    values: [orgId, meterResource.kind, code],
  });
  return rowCount !== 0;
};
