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
  const renamed: Renamed[] = [];
  for (const { kind, measurement } of failures) {
    if (kind !== "DuplicateUid") continue;
    const own = delivered.parse(measurement);
    if (await isDelivered(parts, orgId, own)) continue;
    const { uid } = own;
    const storedAs = hashedUid(uid);
    parts.logger.warn({ orgId, uid, storedAs }, "the uid of usage is another measurement's");
    renamed.push({ uid, storedAs, measurement: { ...own, uid: storedAs } });
  }
  return renamed;
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
 * Whether what has the uid is this, delivered before a crash or a restore: it must not count twice. What says the same in
 * everything is the same usage, whoever sent it. Ours cannot have been corrected, which waits until the usage store has
 * acknowledged it. A call whose decision was lost with an older dump is decided anew, at another time where it names none:
 * of what the database has lost, the time says nothing.
 */
const isDelivered = async (
  { pool, usage, customers, prices, now }: TakenUidParts,
  orgId: string,
  own: Delivered,
): Promise<boolean> => {
  const stored = await usage.ingested({ orgId, uid: own.uid, askedAtMs: now() });
  if (stored === undefined || stored.isCorrected) return false;
  const meter = await prices.meter(orgId, own.meter);
  // A code that nothing has any more may have been that of what is stored.
  const accountId =
    (await customers.idsOf(orgId, [own.account])).get(own.account) ?? stored.accountId;
  const isOfSame =
    accountId === stored.accountId && (meter?.id ?? stored.meterId) === stored.meterId;
  const sent = z.custom<MeasurementFields>().parse(own);
  if (!isOfSame || !saysTheSame(sent, stored, meter)) return false;
  return (
    Date.parse(own.ts) === stored.ts.epochMilliseconds || (await isUnheard(pool, stored.batch))
  );
};

/** Whether the batch had come before a start of a server that the database had not heard of it at. */
const isUnheard = async (pool: Pool, batch: number): Promise<boolean> => {
  const text = "SELECT FROM usage_unheard WHERE after_batch < $1 AND last_batch >= $1 LIMIT 1";
  return (await pool.query(text, [batch])).rowCount === 1;
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
