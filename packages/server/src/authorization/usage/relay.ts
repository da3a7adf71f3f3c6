import type { Pool, PoolClient } from "pg";
import type { UsageMark } from "../../ports/usage-changes.ts";
import type { MeasurementFailure, UsageStore } from "../../ports/usage-store.ts";
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
  const { refusals, renamed } = await handOver(
    parts,
    orgId,
    rows.map(({ measurements }) => measurements),
  );
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

/** Hands over arrays of measurements. */
const handOver = async (
  parts: RelayParts,
  orgId: string,
  arrays: readonly string[],
): Promise<HandedOver> => {
  const list = arrays.map((text) => text.slice(1, -1)).join(",");
  const outcome = await parts.usage.ingest({
    orgId,
    body: Buffer.from(`{"measurements":[${list}]}`),
    format: "json",
    encoding: "identity",
    receivedAtMs: parts.now(),
  });
  const refused = refusalsOf(outcome);
  const failures = outcome.kind === "accepted" ? outcome.failures : [];
  const again = await handOverRenamed(parts, orgId, failures);
  if (refused.size === 0) return again;
  const measurements: unknown[] = arrays.flatMap((text): unknown => JSON.parse(text));
  if (outcome.kind === "invalid" && measurements.length > 1) {
    // One that the usage store cannot read must not keep the others from it.
    const each: HandedOver[] = [];
    for (const one of measurements)
      each.push(await handOver(parts, orgId, [JSON.stringify([one])]));
    return {
      refusals: each.flatMap(({ refusals }) => refusals),
      renamed: each.flatMap(({ renamed }) => renamed),
    };
  }
  const atOnce = [...refused].map(([index, reason]) => ({
    measurement: measurements[index],
    reason,
  }));
  return { refusals: [...atOnce, ...again.refusals], renamed: again.renamed };
};

/** What has another uid now may find that one taken, too: it is known by the last. */
const handOverRenamed = async (
  parts: RelayParts,
  orgId: string,
  failures: readonly MeasurementFailure[],
): Promise<HandedOver> => {
  const taken = await renamedWhereTaken(parts, orgId, failures);
  if (taken.length === 0) return { refusals: [], renamed: [] };
  const measurements = JSON.stringify(taken.map(({ measurement }) => measurement));
  const { refusals, renamed } = await handOver(parts, orgId, [measurements]);
  const last = new Map(renamed.map(({ uid, storedAs }) => [uid, storedAs]));
  return {
    refusals,
    renamed: taken.map(({ uid, storedAs }) => ({ uid, storedAs: last.get(storedAs) ?? storedAs })),
  };
};

type Outcome = Awaited<ReturnType<UsageStore["ingest"]>>;

/** Index → why the usage store will never take it. Known uids and values that cannot be derived are delivered. */
const refusalsOf = (outcome: Outcome): Map<number, string> => {
  if (outcome.kind === "accepted")
    return new Map(
      outcome.failures
        .filter(({ kind }) => kind !== "DuplicateUid" && kind !== "CalculationError")
        .map(({ index, kind, message }) => [index, `${kind}: ${message}`]),
    );
  if (outcome.kind === "invalid") {
    const reason = outcome.errors.map(({ field, message }) => `${field} ${message}`).join("; ");
    return new Map([[0, reason]]);
  }
  throw new Error(`the usage store is ${outcome.kind}`);
};
