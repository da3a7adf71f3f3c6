import { readdir, readFile } from "node:fs/promises";
import type { Pool } from "pg";

/** CPU time in microseconds so far: what a noisy machine cannot change, unlike the time on the clock. */
export interface CpuTime {
  /** The thread that serves HTTP and decides. */
  readonly server: number;
  /** The whole process: with the threads of the usage store, and with the load generator's. */
  readonly process: number;
  /** Every process of the database; 0 where there is no /proc to read it from. */
  readonly database: number;
}

/** Ticks of /proc: USER_HZ, 100 on every Linux that Node runs on. */
const tickMicros = 10_000;

/** The fields of /proc/<pid>/stat after the command, which may itself hold spaces. */
const statOf = async (pid: string): Promise<string[]> => {
  const text = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
};

export const postmasterOf = async (pool: Pool): Promise<string> => {
  const { rows } = await pool.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const [, parent = ""] = await statOf(String(rows[0]?.pid));
  return parent;
};

const databaseMicros = async (postmaster: string): Promise<number> => {
  const entries = await readdir("/proc").catch(() => []);
  let ticks = 0;
  for (const pid of entries.filter((name) => /^\d+$/.test(name))) {
    const fields = await statOf(pid);
    if (pid === postmaster || fields[1] === postmaster)
      // The user and system time of the process; the postmaster's children that have ended are in its own sums.
      for (const at of pid === postmaster ? [11, 12, 13, 14] : [11, 12])
        ticks += Number(fields[at] ?? 0);
  }
  return ticks * tickMicros;
};

export const cpuTime = async (postmaster: string): Promise<CpuTime> => {
  const thread = process.threadCpuUsage();
  const all = process.cpuUsage();
  return {
    server: thread.user + thread.system,
    process: all.user + all.system,
    database: await databaseMicros(postmaster),
  };
};
