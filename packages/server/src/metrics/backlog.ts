import { sql } from "kysely";
import type { Database } from "../ports/database.ts";

/** What waits in the database, and what was given up. */
export interface Backlog {
  /** Measurements of decisions that the usage store does not have yet. */
  readonly undelivered: number;
  /** Those that it refused. */
  readonly refused: number;
  readonly tasks: readonly TaskCount[];
}

interface TaskCount {
  readonly task: string;
  readonly state: "running" | "waiting" | "later" | "failed";
  readonly count: number;
}

export const readBacklog = async (database: Database): Promise<Backlog> => {
  const outbox = await sql<{ undelivered: number; refused: number }>`
    SELECT COALESCE(sum(count) FILTER (WHERE refusal IS NULL), 0)::float8 AS undelivered,
      COALESCE(sum(count) FILTER (WHERE refusal IS NOT NULL), 0)::float8 AS refused
    FROM usage_outbox
  `.execute(database);
  const tasks = await sql<TaskCount>`
    SELECT task_identifier AS task, count(*)::float8 AS count,
      CASE WHEN locked_at IS NOT NULL THEN 'running' WHEN attempts >= max_attempts THEN 'failed'
        WHEN run_at <= now() THEN 'waiting' ELSE 'later' END AS state
    FROM graphile_worker.jobs GROUP BY task, state ORDER BY task, state
  `.execute(database);
  const { undelivered = 0, refused = 0 } = outbox.rows[0] ?? {};
  return { undelivered, refused, tasks: tasks.rows };
};
