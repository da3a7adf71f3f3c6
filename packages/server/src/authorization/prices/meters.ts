import { meter as meterResource } from "@turnpike/contract/catalog/meter.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Database } from "../../ports/database.ts";
import { lookupCodes } from "../../records/lookup.ts";
import { createCache } from "../cache.ts";
import type { KeptRecords } from "../kept-records.ts";

export type MeterRecord = Stored<typeof meterResource>;
type FindMeter = (orgId: string, code: string) => Promise<MeterRecord | undefined>;

export interface Meters {
  readonly find: FindMeter;
  /** Before its usage is decided, if only to be refused: from then on the catalog keeps the meter and its code. */
  readonly findKept: FindMeter;
  readonly forget: (orgId: string) => void;
}

interface Parts {
  readonly database: Database;
  readonly keptRecords: KeptRecords;
  readonly now: () => number;
  readonly rememberedMs: () => number;
}

export const createMeters = ({ database, keptRecords, now, rememberedMs }: Parts): Meters => {
  const remembered = { now, rememberedMs, max: 10_000 };
  const meters = createCache<MeterRecord | undefined>(remembered);
  const keptMeters = createCache<MeterRecord | undefined>(remembered);
  const find: FindMeter = (orgId, code) =>
    meters.get(orgId, code, async () => {
      const [found] = await lookupCodes(database, meterResource, { orgId, codes: [code] });
      return found;
    });
  const findKept: FindMeter = async (orgId, code) => {
    const found = await find(orgId, code);
    if (found === undefined) return undefined;
    const named = { orgId, kind: meterResource.kind, by: "code", names: [code] } as const;
    if ((await keptRecords.keep(named)).has(code)) return found;
    meters.forget(orgId, (_known, known) => known === code);
    return undefined;
  };
  return {
    find,
    findKept: (orgId, code) => keptMeters.get(orgId, code, () => findKept(orgId, code)),
    forget: (orgId) => {
      meters.forget(orgId);
      keptMeters.forget(orgId);
    },
  };
};
