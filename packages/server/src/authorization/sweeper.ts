import type { Logger } from "pino";
import type { Ledger } from "./ledger.ts";
import { type Repeating, startRepeating } from "./repeating.ts";

/** How late a due change happens at most, where nobody touches the account before. */
const everyMs = 1_000;
const accountsMax = 100;

/** Ends holds and grants that are due, for accounts that nobody asks about. Every other touch does the same (f.4). */
export const startSweeper = (ledger: Ledger, logger: Logger): Repeating =>
  startRepeating({
    work: async () => ((await sweepDue(ledger)) ? 0 : everyMs),
    pauseMs: everyMs,
    paused: "sweep paused",
    logger,
  });

interface DueAccount {
  readonly org_id: string;
  readonly account: string;
}

/** True when there may be more to do at once. */
const sweepDue = async (ledger: Ledger): Promise<boolean> => {
  const { rows } = await ledger.pool.query<DueAccount>(
    `WITH clock AS (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)
     SELECT DISTINCT org_id, account FROM (
       (SELECT org_id, account FROM ledger_authorization
          WHERE state = 'HELD' AND valid_until <= (SELECT now FROM clock) ORDER BY valid_until LIMIT $1)
       UNION ALL
       (SELECT org_id, account FROM ledger_grant
          WHERE is_open AND due_at IS NOT NULL AND due_at <= (SELECT now FROM clock) ORDER BY due_at LIMIT $1)
     ) AS due`,
    [accountsMax],
  );
  for (const [orgId, due] of Map.groupBy(rows, ({ org_id }) => org_id)) {
    const accounts = due.map(({ account }) => account);
    await ledger.decide({ orgId, accounts, requests: [], usage: new Map() });
  }
  return rows.length >= accountsMax;
};
