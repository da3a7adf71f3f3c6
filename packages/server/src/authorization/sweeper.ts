import type { Logger } from "pino";
import type { Ledger } from "./ledger.ts";
import { attemptEach, LeftAlone } from "./left-alone.ts";
import { type Repeating, startRepeating } from "./repeating.ts";

/** How late a due change happens at most, where nobody touches the account before. */
const everyMs = 1_000;
const accountsMax = 100;

/** Ends holds and grants that are due, for accounts that nobody asks about. Every other touch does the same (f.4). */
export const startSweeper = (ledger: Ledger, logger: Logger): Repeating => {
  const left = new LeftAlone(ledger.now);
  const work = async (): Promise<number> => {
    const due = await dueAccounts(ledger, left.keys());
    // All at once: the ledger decides those of an organization together, and each by itself if that fails.
    await attemptEach(due, {
      work: ({ org_id: orgId, account }) =>
        ledger.decide({ orgId, accounts: [account], requests: [], usage: [] }),
      left,
      logger,
      failed: "what is due cannot be done",
    });
    return due.length < accountsMax ? everyMs : 0;
  };
  return startRepeating({ work, pauseMs: everyMs, paused: "sweep paused", logger });
};

interface DueAccount {
  readonly key: string;
  readonly org_id: string;
  readonly account: string;
}

/** Accounts that have something to be done by now, but for those that are left alone. */
const dueAccounts = async ({ pool }: Ledger, left: readonly string[]): Promise<DueAccount[]> => {
  const { rows } = await pool.query<DueAccount>(
    `WITH clock AS (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)
     SELECT DISTINCT org_id || ' ' || account AS key, org_id, account FROM (
       (SELECT org_id, account FROM ledger_authorization
          WHERE state = 'HELD' AND valid_until <= (SELECT now FROM clock)
            AND org_id || ' ' || account <> ALL($2) ORDER BY valid_until LIMIT $1)
       UNION ALL
       (SELECT org_id, account FROM ledger_grant
          WHERE is_open AND due_at IS NOT NULL AND due_at <= (SELECT now FROM clock)
            AND org_id || ' ' || account <> ALL($2) ORDER BY due_at LIMIT $1)
     ) AS due`,
    [accountsMax, left],
  );
  return rows;
};
