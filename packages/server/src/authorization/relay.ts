import { setTimeout as delay } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import type { UsageStore } from "../ports/usage-store.ts";

/** Delivered at once; the usage store takes no more in one request. */
const batchSizeMax = 1000;
/** How long nothing new is looked for when nothing was found, and after a failure. */
const idleMs = 250;
const pauseMs = 1_000;

interface OutboxColumns {
  readonly sequence: string;
  readonly org_id: string;
  readonly measurement: unknown;
}

export interface RelayParts {
  readonly pool: Pool;
  readonly usage: UsageStore;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface Relay {
  readonly stop: () => Promise<void>;
}

/**
 * Delivers measurements from the ledger to the usage store: at least once from here, once there by uid. A row is
 * deleted in the transaction that locked it, after the usage store has acknowledged it.
 */
export const startRelay = (parts: RelayParts): Relay => {
  const stopping = new AbortController();
  const wait = (ms: number): Promise<void> =>
    delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        if ((await deliverBatch(parts)) < batchSizeMax) await wait(idleMs);
      } catch (error) {
        parts.logger.warn({ err: error }, "usage relay paused");
        await wait(pauseMs);
      }
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};

/** How many rows were taken. */
const deliverBatch = async (parts: RelayParts): Promise<number> => {
  const client = await parts.pool.connect();
  let isBroken = false;
  try {
    await client.query("BEGIN");
    const { rows } = await client.query<OutboxColumns>({
      name: "relay-take",
      text: `SELECT sequence, org_id, measurement FROM usage_outbox WHERE refusal IS NULL
             ORDER BY sequence LIMIT ${batchSizeMax} FOR UPDATE SKIP LOCKED`,
    });
    for (const [orgId, own] of Map.groupBy(rows, (row) => row.org_id))
      await deliver(parts, client, { orgId, rows: own });
    await client.query("COMMIT");
    return rows.length;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {
      isBroken = true;
    });
    throw error;
  } finally {
    client.release(isBroken);
  }
};

const deliver = async (
  parts: RelayParts,
  client: PoolClient,
  { orgId, rows }: { readonly orgId: string; readonly rows: readonly OutboxColumns[] },
): Promise<void> => {
  const { usage, logger, now } = parts;
  const measurements = rows.map(({ measurement }) => measurement);
  const outcome = await usage.ingest({
    orgId,
    body: Buffer.from(JSON.stringify({ measurements })),
    format: "json",
    encoding: "identity",
    receivedAtMs: now(),
  });
  if (outcome.kind === "invalid" && rows.length > 1) {
    // One that the usage store cannot read must not keep the others from it.
    for (const row of rows) await deliver(parts, client, { orgId, rows: [row] });
    return;
  }
  const refusals = refusalsOf(outcome, rows);
  for (const { sequence, reason } of refusals) {
    logger.error({ orgId, sequence, reason }, "usage refused");
    await client.query("UPDATE usage_outbox SET refusal = $2 WHERE sequence = $1", [
      sequence,
      reason,
    ]);
  }
  const refused = new Set(refusals.map(({ sequence }) => sequence));
  const delivered = rows.map(({ sequence }) => sequence).filter((one) => !refused.has(one));
  await client.query({
    name: "relay-delivered",
    text: "DELETE FROM usage_outbox WHERE sequence = ANY($1::bigint[])",
    values: [delivered],
  });
};

type Outcome = Awaited<ReturnType<UsageStore["ingest"]>>;

/** What the usage store will never take. Known uids and values that cannot be derived are delivered. */
const refusalsOf = (
  outcome: Outcome,
  rows: readonly OutboxColumns[],
): { readonly sequence: string; readonly reason: string }[] => {
  if (outcome.kind === "accepted") {
    return outcome.failures.flatMap(({ index, kind, message }) => {
      const row = rows[index];
      if (row === undefined || kind === "DuplicateUid" || kind === "CalculationError") return [];
      return [{ sequence: row.sequence, reason: `${kind}: ${message}` }];
    });
  }
  if (outcome.kind === "invalid") {
    const reason = outcome.errors.map(({ field, message }) => `${field} ${message}`).join("; ");
    return rows.map(({ sequence }) => ({ sequence, reason }));
  }
  throw new Error(`the usage store is ${outcome.kind}`);
};
