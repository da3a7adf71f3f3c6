import { setTimeout as delay } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "pino";

/** What time brings, with every so many ticks. One that was missed is not repeated. */
export interface ClockTask {
  readonly task: string;
  readonly everyTicks: number;
}

interface Ticking {
  readonly tasks: readonly ClockTask[];
  readonly pool: Pool;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly tickMs?: number;
}

const minuteMs = 60_000;

/**
 * Queues what time brings, minute after minute by a clock that nobody sets: whatever the machine's clock is set to, forward
 * or back, the next tick is a minute away.
 */
export const keepTicking = async ({
  tasks,
  pool,
  logger,
  signal,
  tickMs = minuteMs,
}: Ticking): Promise<void> => {
  for (let tick = 0; !signal.aborted; tick += 1) {
    await delay(tickMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const due = tasks.filter(({ everyTicks }) => tick % everyTicks === 0);
    try {
      await bringNear(pool);
      for (const { task } of due) await queueTick(pool, task);
    } catch (error) {
      logger.warn({ err: error }, "a tick of the clock is left out");
    }
  }
};

/** One that waits is enough, and one that failed is tried with the next tick. */
const queueTick = async (pool: Pool, task: string): Promise<void> => {
  await pool.query("SELECT graphile_worker.add_job($1, '{}', max_attempts => 1, job_key => $1)", [
    task,
  ]);
};

/** The longest pause of the library between two attempts is six hours (e^10 seconds). */
const pauseHoursMax = 7;

/** What was queued while the clock was ahead would else wait until that time comes. */
const bringNear = async (pool: Pool): Promise<void> => {
  await pool.query(
    `SELECT graphile_worker.reschedule_jobs(array_agg(id), run_at => now())
     FROM graphile_worker.jobs WHERE run_at > now() + make_interval(hours => $1)`,
    [pauseHoursMax],
  );
};
