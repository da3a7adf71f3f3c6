import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import type { UsageStore } from "../../ports/usage-store.ts";
import { onConnection } from "../rows/connection.ts";
import { LeftAlone, SaidOnce } from "../left-alone.ts";
import { type Repeating, startRepeating } from "../repeating.ts";

const rowsMax = 100;
/** How long nothing new is looked for when nothing was found, and after a failure. */
const idleMs = 500;
const pauseMs = 1_000;
/** After so long somebody should look why the usage store does not know it. */
const lateMs = 3_600_000;
const toldMax = 50_000;

interface VoidColumns {
  readonly sequence: string;
  readonly org_id: string;
  /** By which the usage store has it. */
  readonly uid: string;
  readonly refund: string;
  readonly decided_at: Date;
}

export interface VoidRelayParts {
  readonly pool: Pool;
  readonly usage: UsageStore;
  readonly logger: Logger;
  readonly now: () => number;
}

/**
 * Has the usage store void what was refunded: after the measurement has been delivered, and again until it says that it
 * has. To void twice is to void once, so that a crash between the two stores does no harm.
 */
export const startVoidRelay = (parts: VoidRelayParts): Repeating => {
  /** Rows of measurements that the usage store does not have: those of one that it took the place of. */
  const left = new LeftAlone(parts.now);
  /** Rows that the log has said are late. */
  const told = new SaidOnce(toldMax);
  const work = async (): Promise<number> => {
    for (const row of await voidBatch(parts, left.keys())) {
      left.add(row.sequence);
      if (row.decided_at.getTime() + lateMs > parts.now() || !told.add(row.sequence)) continue;
      const { org_id: orgId, uid, refund } = row;
      parts.logger.warn({ orgId, uid, refund }, "refunded usage is nowhere to be voided");
    }
    return idleMs;
  };
  return startRepeating({ work, pauseMs, paused: "relay of voids paused", logger: parts.logger });
};

/** Those whose measurement is not known. */
const voidBatch = (parts: VoidRelayParts, left: readonly string[]): Promise<VoidColumns[]> =>
  onConnection(parts.pool, async (client) => {
    await client.query("BEGIN");
    const { rows } = await client.query<VoidColumns>({
      name: "voids-take",
      // One that is still under way to the usage store waits for it.
      text: `SELECT sequence, org_id, coalesce(stored_as, uid) AS uid, refund, decided_at
             FROM usage_void AS void LEFT JOIN usage_name USING (org_id, uid)
             WHERE sequence <> ALL($1::bigint[]) AND NOT EXISTS (
               SELECT FROM usage_outbox AS outbox
                 CROSS JOIN json_array_elements(outbox.measurements::json) AS measurement
               WHERE outbox.org_id = void.org_id AND refusal IS NULL
                 AND measurement->>'uid' = void.uid)
             ORDER BY sequence LIMIT ${rowsMax} FOR UPDATE OF void SKIP LOCKED`,
      values: [left],
    });
    const unknown: VoidColumns[] = [];
    for (const row of rows) if (!(await isVoided(parts, client, row))) unknown.push(row);
    await client.query("COMMIT");
    return unknown;
  });

const isVoided = async (
  { usage, logger, now }: VoidRelayParts,
  client: PoolClient,
  { sequence, org_id: orgId, uid, refund }: VoidColumns,
): Promise<boolean> => {
  const outcome = await usage.correct({
    orgId,
    uid,
    correctedBy: "refund",
    reason: `refund ${refund}`,
    receivedAtMs: now(),
  });
  if (outcome.kind === "unknown" && !(await isRefused(client, orgId, uid))) return false;
  if (outcome.kind === "invalid") logger.error({ orgId, uid, refund }, "usage cannot be voided");
  else if (outcome.kind !== "corrected" && outcome.kind !== "unknown")
    throw new Error(`the usage store is ${outcome.kind}`);
  await client.query({
    name: "voids-done",
    text: "DELETE FROM usage_void WHERE sequence = $1",
    values: [sequence],
  });
  return true;
};

/** What the usage store has refused was never there. */
const isRefused = async (client: PoolClient, orgId: string, uid: string): Promise<boolean> => {
  const { rowCount } = await client.query(
    `SELECT FROM usage_outbox WHERE org_id = $1 AND refusal IS NOT NULL
       AND measurements::json->0->>'uid' = $2 LIMIT 1`,
    [orgId, uid],
  );
  return rowCount !== 0;
};
