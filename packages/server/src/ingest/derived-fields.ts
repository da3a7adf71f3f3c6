import type { DerivedFields } from "../ports/derived-fields.ts";
import type { UsageDirectory } from "../ports/usage-directory.ts";
import type { DerivedFrom } from "./derivation.ts";
import { DirectoryCache } from "./directory-cache.ts";
import { instantMicros } from "./instant.ts";

const nothing = { values: new Map(), byReceipt: new Set<string>() };

/** By the calculations, custom fields and lookup tables of ingest, each meter compiled once. */
export const createDerivedFields = (
  directory: UsageDirectory,
  now: () => number,
): DerivedFields => {
  const known = new DirectoryCache(directory);
  return {
    of: async (orgId, { meter: code, account, accountId, occurredAt, ets, fields }) => {
      const meter = known.meter(orgId, code) ?? (await known.findMeters(orgId, [code])).get(code);
      if (meter === undefined) return nothing;
      const measurement: DerivedFrom = {
        account,
        tsMicros: occurredAt * 1000,
        etsMicros: ets === undefined ? undefined : instantMicros(ets),
        fields,
      };
      const receivedAtMs = now();
      const subjects = meter.namesSurroundings ? [{ measurement, meter, accountId }] : [];
      const around = await known.surroundings.around(orgId, receivedAtMs, subjects);
      const derived = meter.derive(measurement, { receivedAtMs, ...around.of(meter, accountId) });
      const values = new Map(
        derived.flatMap(([field, one]) =>
          "value" in one && one.value !== null ? [[field, one.value] as const] : [],
        ),
      );
      return { values, byReceipt: meter.byReceipt };
    },
  };
};
