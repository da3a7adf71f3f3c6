import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import type { UsageStore } from "../../ports/usage-store.ts";
import { onConnection } from "../rows/connection.ts";
import { type Repeating, startRepeating } from "../repeating.ts";

const rowsMax = 100;
/** How long nothing new is looked for when nothing was found, and after a failure. */
const idleMs = 500;
const pauseMs = 1_000;

interface VoidColumns {
  readonly sequence: string;
  readonly org_id: string;
  /** By which the usage store has it. */
  readonly uid: string;
  readonly refund: string;
}

export interface VoidRelayParts {
  readonly pool: Pool;
  readonly usage: UsageStore;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * Has the usage store void what was refunded, once the measurement has been delivered. To void twice is to void once, so
 * that a crash between the two stores does no harm.
 */
export const startVoidRelay = (parts: VoidRelayParts): Repeating =>
  startRepeating({
    work: async () => ((await voidBatch(parts)) < rowsMax ? idleMs : 0),
    pauseMs,
    paused: "relay of voids paused",
    logger: parts.logger,
  });

/** How many rows were taken. */
const voidBatch = (parts: VoidRelayParts): Promise<number> =>
  onConnection(parts.pool, async (client) => {
    await client.query("BEGIN");
    const { rows } = await client.query<VoidColumns>({
      name: "voids-take",
      // One that is still under way to the usage store waits for it.
      text: `SELECT sequence, org_id, coalesce(stored_as, uid) AS uid, refund
             FROM usage_void AS void LEFT JOIN usage_name USING (org_id, uid)
             WHERE NOT EXISTS (
               SELECT FROM usage_outbox AS outbox
                 CROSS JOIN json_array_elements(outbox.measurements::json) AS measurement
               WHERE outbox.org_id = void.org_id AND refusal IS NULL
                 AND measurement->>'uid' = void.uid)
             ORDER BY sequence LIMIT ${rowsMax} FOR UPDATE OF void SKIP LOCKED`,
    });
    for (const row of rows) await voidOne(parts, client, row);
    await client.query("COMMIT");
    return rows.length;
  });

const voidOne = async (
  { usage, logger, now }: VoidRelayParts,
  client: PoolClient,
  { sequence, org_id: orgId, uid, refund }: VoidColumns,
): Promise<void> => {
  const { kind } = await usage.correct({
    orgId,
    uid,
    correctedBy: "refund",
    reason: `refund ${refund}`,
    receivedAtMs: now(),
  });
  if (kind === "invalid") logger.error({ orgId, uid, refund }, "usage cannot be voided");
  // It was refused, or is in a usage store that this one took the place of: no bill counts it.
  else if (kind === "unknown") logger.warn({ orgId, uid, refund }, "refunded usage is not there");
  else if (kind !== "corrected") throw new Error(`the usage store is ${kind}`);
  await client.query({
    name: "voids-done",
    text: "DELETE FROM usage_void WHERE sequence = $1",
    values: [sequence],
  });
};
