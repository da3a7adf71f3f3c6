import type { Logger } from "pino";
import { epochMs } from "../records/database-time.ts";
import type { Ledger } from "./ledger.ts";
import { attemptEach, LeftAlone } from "./left-alone.ts";
import { type Repeating, startRepeating } from "./repeating.ts";
import { steadyMs } from "./steady-clock.ts";

/** How late a due change happens at most, where nobody touches the account before. */
const everyMs = 1_000;
/** So many holds, and as many grants, are looked at together: they may all be of one account. */
const dueMax = 100;

/** Ends holds and grants that are due, for accounts that nobody asks about. Every other touch does the same (f.4). */
export const startSweeper = (ledger: Ledger, logger: Logger): Repeating => {
  const left = new LeftAlone(steadyMs);
  const work = async (): Promise<number> => {
    const due = await dueRows(ledger, left.keys());
    const accounts = new Map(due.map((row) => [row.key, row]));
    // All at once: the ledger decides those of an organization together, and each by itself if that fails.
    await attemptEach([...accounts.values()], {
      work: ({ org_id: orgId, account }) =>
        ledger.decide({ orgId, accounts: [account], requests: [], usage: [] }),
      left,
      logger,
      failed: "what is due cannot be done",
    });
    return due.length < dueMax ? everyMs : 0;
  };
  return startRepeating({ work, pauseMs: everyMs, paused: "sweep paused", logger });
};

/** A hold or a grant that is due, by its account. */
interface DueRow {
  readonly key: string;
  readonly org_id: string;
  readonly account: string;
}

/** What is to be done by now, but for accounts that are left alone. */
const dueRows = async ({ pool }: Ledger, left: readonly string[]): Promise<DueRow[]> => {
  const { rows } = await pool.query<DueRow>(
    `WITH clock AS (SELECT ${epochMs} AS now)
     SELECT org_id || ' ' || account AS key, org_id, account FROM (
       (SELECT org_id, account FROM ledger_authorization
          WHERE state = 'HELD' AND valid_until <= (SELECT now FROM clock)
            AND org_id || ' ' || account <> ALL($2) ORDER BY valid_until LIMIT $1)
       UNION ALL
       (SELECT org_id, account FROM ledger_grant
          WHERE is_open AND due_at IS NOT NULL AND due_at <= (SELECT now FROM clock)
            AND org_id || ' ' || account <> ALL($2) ORDER BY due_at LIMIT $1)
     ) AS due`,
    [dueMax, left],
  );
  return rows;
};
