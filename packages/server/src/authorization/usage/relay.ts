import type { Pool, PoolClient } from "pg";
import { z } from "zod";
import type { UsageMark } from "../../ports/usage-changes.ts";
import type { FailureKind, MeasurementFailure, UsageStore } from "../../ports/usage-store.ts";
import { onConnection } from "../rows/connection.ts";
import { type Repeating, startRepeating } from "../repeating.ts";
import {
  type RenamedUsage,
  renamedWhereTaken,
  type TakenUidParts,
  writeRenamed,
} from "./taken-uids.ts";

/** Rows taken at once, each of a batch of decisions. */
const rowsMax = 100;
/** The usage store takes no more in one request. */
const measurementsMax = 1000;
/** How long nothing new is looked for when nothing was found, and after a failure. */
const idleMs = 250;
const pauseMs = 1_000;

interface OutboxColumns {
  readonly org_id: string;
  /** The text of a JSON array, as it goes on. */
  readonly measurements: string;
  readonly count: number;
}

export interface RelayParts extends TakenUidParts {
  readonly pool: Pool;
}

/** Rows are deleted as they are locked, which nobody else sees before the commit; they come in the order of their writing. */
const taking = `
  WITH taken AS (
    DELETE FROM usage_outbox WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM usage_outbox WHERE refusal IS NULL ORDER BY sequence LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED))
    RETURNING sequence, org_id, measurements, count)
  SELECT org_id, measurements, count FROM taken ORDER BY sequence`;

/**
 * Delivers measurements from the ledger to the usage store: at least once from here, once there by uid. What deletes a
 * row is committed after the usage store has acknowledged it.
 */
export const startRelay = (parts: RelayParts): Repeating =>
  startRepeating({
    work: async () => ((await deliverBatch(parts)) < rowsMax ? idleMs : 0),
    pauseMs,
    paused: "usage relay paused",
    logger: parts.logger,
  });

/** How many rows were taken. */
const deliverBatch = (parts: RelayParts): Promise<number> =>
  onConnection(parts.pool, async (client) => {
    await client.query("BEGIN");
    const { rows: taken } = await client.query<OutboxColumns>({ name: "relay-take", text: taking });
    for (const [orgId, own] of Map.groupBy(taken, (row) => row.org_id))
      for (const rows of inRequests(own)) await deliver(parts, client, { orgId, rows });
    await hearOf(client, await parts.usage.mark());
    await client.query("COMMIT");
    return taken.length;
  });

/**
 * With what was delivered the database forgets it, and remembers how far usage has come: a start on an older copy of usage
 * is refused then. What came in without the ledger is heard of on the way.
 */
const hearOf = async (client: PoolClient, mark: UsageMark): Promise<void> => {
  await client.query({
    name: "relay-mark",
    text: "UPDATE usage_store SET mark = $1 WHERE mark IS DISTINCT FROM $1",
    values: [mark],
  });
};

/** As many rows together as one request takes. */
const inRequests = (rows: readonly OutboxColumns[]): OutboxColumns[][] => {
  const requests: OutboxColumns[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (size + row.count > measurementsMax) {
      requests.push([]);
      size = 0;
    }
    requests.at(-1)?.push(row);
    size += row.count;
  }
  return requests;
};

interface Delivery {
  readonly orgId: string;
  readonly rows: readonly OutboxColumns[];
}

const deliver = async (
  parts: RelayParts,
  client: PoolClient,
  { orgId, rows }: Delivery,
): Promise<void> => {
  const { refusals, renamed } = await handOver(parts, {
    orgId,
    arrays: rows.map(({ measurements }) => measurements),
    receivedAtMs: parts.now(),
  });
  for (const { measurement, reason } of refusals) {
    parts.logger.error({ orgId, reason }, "usage refused");
    await client.query(
      `INSERT INTO usage_outbox (org_id, measurements, count, refusal, event_id, refused_at)
       VALUES ($1, $2, 1, $3, gen_random_uuid(), clock_timestamp())`,
      [orgId, JSON.stringify([measurement]), reason],
    );
  }
  if (renamed.length > 0) await writeRenamed(client, orgId, renamed);
};

interface Refusal {
  readonly measurement: unknown;
  readonly reason: string;
}

/** What the usage store will never take, and what it has by another uid. */
interface HandedOver {
  readonly refusals: readonly Refusal[];
  readonly renamed: readonly RenamedUsage[];
}

interface HandOver {
  readonly orgId: string;
  /** Each the text of a JSON array of measurements. */
  readonly arrays: readonly string[];
  readonly receivedAtMs: number;
}

const handOver = async (parts: RelayParts, given: HandOver): Promise<HandedOver> => {
  const { orgId, arrays, receivedAtMs } = given;
  const list = arrays.map((text) => text.slice(1, -1)).join(",");
  const outcome = await parts.usage.ingest({
    orgId,
    body: Buffer.from(`{"measurements":[${list}]}`),
    format: "json",
    encoding: "identity",
    receivedAtMs,
  });
  const refused = refusalsOf(outcome);
  const failures = outcome.kind === "accepted" ? outcome.failures : [];
  const again = together([
    await handOverRenamed(parts, given, failures),
    await handOverAhead(parts, orgId, failures),
  ]);
  if (refused.size === 0) return again;
  const measurements: unknown[] = arrays.flatMap((text): unknown => JSON.parse(text));
  if (outcome.kind === "invalid" && measurements.length > 1) {
    // One that the usage store cannot read must not keep the others from it.
    const each: HandedOver[] = [];
    for (const one of measurements)
      each.push(await handOver(parts, { ...given, arrays: [JSON.stringify([one])] }));
    return together(each);
  }
  const atOnce = [...refused].map(([index, reason]) => ({
    measurement: measurements[index],
    reason,
  }));
  return together([{ refusals: atOnce, renamed: [] }, again]);
};

const together = (all: readonly HandedOver[]): HandedOver => ({
  refusals: all.flatMap(({ refusals }) => refusals),
  renamed: all.flatMap(({ renamed }) => renamed),
});

const timed = z.looseObject({ ts: z.string() });

/**
 * Its time was judged when it was decided, by the clock of a server that may be ahead of this one, or before this one's was
 * set back: what was paid for is taken as received at its time then.
 */
const handOverAhead = async (
  parts: RelayParts,
  orgId: string,
  failures: readonly MeasurementFailure[],
): Promise<HandedOver> => {
  const ahead = failures
    .filter(({ kind }) => kind === "TimestampInFuture")
    .map(({ measurement }) => timed.parse(measurement));
  if (ahead.length === 0) return together([]);
  const latest = Math.max(...ahead.map(({ ts }) => Date.parse(ts)));
  return handOver(parts, { orgId, arrays: [JSON.stringify(ahead)], receivedAtMs: latest });
};

/** What has another uid now may find that one taken, too: it is known by the last. */
const handOverRenamed = async (
  parts: RelayParts,
  given: HandOver,
  failures: readonly MeasurementFailure[],
): Promise<HandedOver> => {
  const taken = await renamedWhereTaken(parts, given.orgId, failures);
  if (taken.length === 0) return together([]);
  const measurements = JSON.stringify(taken.map(({ measurement }) => measurement));
  const { refusals, renamed } = await handOver(parts, { ...given, arrays: [measurements] });
  const last = new Map(renamed.map(({ uid, storedAs }) => [uid, storedAs]));
  return {
    refusals,
    renamed: taken.map(({ uid, storedAs }) => ({ uid, storedAs: last.get(storedAs) ?? storedAs })),
  };
};

type Outcome = Awaited<ReturnType<UsageStore["ingest"]>>;

/** What is delivered all the same: uids that are known, values that cannot be derived; or once more, as of its time. */
const notRefused: ReadonlySet<string> = new Set<FailureKind>([
  "DuplicateUid",
  "CalculationError",
  "TimestampInFuture",
]);

/** Index → why the usage store will never take it. */
const refusalsOf = (outcome: Outcome): Map<number, string> => {
  if (outcome.kind === "accepted")
    return new Map(
      outcome.failures
        .filter(({ kind }) => !notRefused.has(kind))
        .map(({ index, kind, message }) => [index, `${kind}: ${message}`]),
    );
  if (outcome.kind === "invalid") {
    const reason = outcome.errors.map(({ field, message }) => `${field} ${message}`).join("; ");
    return new Map([[0, reason]]);
  }
  throw new Error(`the usage store is ${outcome.kind}`);
};
