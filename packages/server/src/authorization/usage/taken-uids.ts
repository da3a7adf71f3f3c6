import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import { z } from "zod";
import { categoryProperties } from "@turnpike/contract/usage/measurement-rules.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type {
  IngestedMeasurement,
  MeasurementFailure,
  UsageStore,
} from "../../ports/usage-store.ts";
import { hashedUid } from "./batch-usage.ts";
import type { LedgerParts } from "../ledger.ts";
import type { Meter } from "./measurements.ts";
import type { MeterRecord } from "../prices/meters.ts";

/** What it takes to see whether a measurement that has our uid is ours. */
export interface TakenUidParts extends Pick<LedgerParts, "customers" | "prices" | "now"> {
  readonly pool: Pool;
  readonly usage: UsageStore;
  readonly logger: Logger;
}

const delivered = z.looseObject({
  uid: z.string(),
  account: z.string(),
  meter: z.string(),
  ts: z.string(),
});
type Delivered = z.output<typeof delivered>;

/** A measurement of the ledger's, and the uid by which the usage store has it. */
export interface RenamedUsage {
  readonly uid: string;
  readonly storedAs: string;
}

interface Renamed extends RenamedUsage {
  readonly measurement: Delivered;
}

/**
 * The ledger has uids of its own, and measurements that were never charged have the same namespace in the usage store: one
 * of them may have the uid of a charge. Returns what was not stored for that, under a uid that follows from its own, so
 * that it is known when it is delivered again.
 */
export const renamedWhereTaken = async (
  parts: TakenUidParts,
  orgId: string,
  failures: readonly MeasurementFailure[],
): Promise<Renamed[]> => {
  const own = failures
    .filter(({ kind }) => kind === "DuplicateUid")
    .map(({ measurement }) => delivered.parse(measurement));
  if (own.length === 0) return [];
  const isDelivered = await deliveredAmong(parts, orgId, own);
  return own
    .filter((one) => !isDelivered(one))
    .map((one) => {
      const { uid } = one;
      const storedAs = hashedUid(uid);
      parts.logger.warn({ orgId, uid, storedAs }, "the uid of usage is another measurement's");
      return { uid, storedAs, measurement: { ...one, uid: storedAs } };
    });
};

/**
 * Keeps what measurements are stored as, for those who correct them: by a uid of the ledger its own measurement is meant.
 * In the transaction that takes them out of the outbox: nobody corrects what is still in there.
 */
export const writeRenamed = async (
  client: PoolClient,
  orgId: string,
  renamed: readonly RenamedUsage[],
): Promise<void> => {
  await client.query(
    // A part with a name too long has its row; two measurements may have one uid, and what was written first stays.
    `INSERT INTO usage_name (org_id, uid, stored_as)
     SELECT DISTINCT ON (uid) $1::uuid, uid, stored_as
     FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS row (uid, stored_as, nth) ORDER BY uid, nth
     ON CONFLICT (org_id, uid) DO UPDATE SET stored_as = excluded.stored_as
     WHERE usage_name.stored_as = usage_name.uid`,
    [orgId, renamed.map(({ uid }) => uid), renamed.map(({ storedAs }) => storedAs)],
  );
};

/**
 * Tells whether what has the uid is this, delivered before a crash or a restore: it must not count twice. What says the
 * same in everything is the same usage, whoever sent it. Ours cannot have been corrected, which waits until the usage
 * store has acknowledged it. A call whose decision was lost with an older dump is decided anew, at another time where it
 * names none: of what the database has lost, the time says nothing. After a crash everything is a duplicate: all of them
 * are looked up together.
 */
const deliveredAmong = async (
  { pool, usage, customers, prices, now }: TakenUidParts,
  orgId: string,
  all: readonly Delivered[],
): Promise<(own: Delivered) => boolean> => {
  const uids = all.map(({ uid }) => uid);
  const stored = await usage.ingested({ orgId, uids, askedAtMs: now() });
  const accounts = all.map(({ account }) => account);
  const accountIds = await customers.idsOf(orgId, accounts);
  const meters = new Map<string, MeterRecord | undefined>();
  for (const { meter } of all)
    if (!meters.has(meter)) meters.set(meter, await prices.meter(orgId, meter));
  const isUnheard = await unheardAmong(pool, [...stored.values()]);
  return (own) => {
    const one = stored.get(own.uid);
    if (one === undefined || one.isCorrected) return false;
    const meter = meters.get(own.meter);
    // A code that nothing has any more may have been that of what is stored.
    const accountId = accountIds.get(own.account) ?? one.accountId;
    const isOfSame = accountId === one.accountId && (meter?.id ?? one.meterId) === one.meterId;
    const sent = z.custom<MeasurementFields>().parse(own);
    if (!isOfSame || !saysTheSame(sent, one, meter)) return false;
    return Date.parse(own.ts) === one.ts.epochMilliseconds || isUnheard(one.batch);
  };
};

/** Tells whether a batch had come before a start of a server that the database had not heard of it at. */
const unheardAmong = async (
  pool: Pool,
  stored: readonly IngestedMeasurement[],
): Promise<(batch: number) => boolean> => {
  const { rows } = await pool.query<{ batch: string }>(
    `SELECT batch FROM unnest($1::bigint[]) AS batch
     WHERE EXISTS (SELECT FROM usage_unheard WHERE after_batch < batch AND last_batch >= batch)`,
    [[...new Set(stored.map(({ batch }) => batch))]],
  );
  const unheard = new Set(rows.map(({ batch }) => Number(batch)));
  return (batch) => unheard.has(batch);
};

/** Whenever it was. Beside what was sent, a stored measurement has what its meter calculates. */
export const saysTheSame = (
  own: MeasurementFields,
  stored: Pick<IngestedMeasurement, "ets" | "fields">,
  meter: Pick<Meter, "derivedFields"> | undefined,
): boolean => {
  const sent = sentFields(own);
  const derived = new Set(
    meter?.derivedFields.map(({ category, code }) => `${categoryProperties[category]}.${code}`),
  );
  return (
    (own.ets && Date.parse(own.ets)) === stored.ets?.epochMilliseconds &&
    [...sent].every(([field, value]) => stored.fields.get(field) === value) &&
    stored.fields.keys().every((field) => sent.has(field) || derived.has(field))
  );
};

/** As the usage store keeps them: halves of a character are not kept. */
const sentFields = (own: MeasurementFields): ReadonlyMap<string, string> =>
  new Map(
    Object.values(categoryProperties).flatMap((property) =>
      Object.entries<string | number>(own[property] ?? {}).map(([code, value]) => [
        `${property}.${code}`,
        typeof value === "number" ? decimal(value).toString() : value.toWellFormed(),
      ]),
    ),
  );
