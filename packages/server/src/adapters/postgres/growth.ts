import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";

export interface GrowthParts {
  /** Where PostgreSQL keeps its files. */
  readonly data: string;
  readonly logger: Logger;
  readonly intervals?: Intervals;
  /** The disk did not take what was written: nobody may go on as if it had. */
  readonly onLost: () => void;
}

/** How often the files that grow are written, and how often it is looked which those are. */
interface Intervals {
  readonly writeMs: number;
  readonly lookMs: number;
}

export interface WritingGrowth {
  /** Resolves when what is under way has ended. */
  readonly stop: () => Promise<void>;
}

const usualIntervals: Intervals = { writeMs: 250, lookMs: 10_000 };

/**
 * Writes what PostgreSQL's files have grown by soon after they grew, until it is stopped. A file grows by zeros that the
 * kernel would keep for half a minute and then write at once: at thousands of decisions a second more than 100 MB, behind
 * which a commit waits for a tenth of a second (`docs/decisions/0029-growth-is-written-soon.md`).
 */
export const startWritingGrowth = (parts: GrowthParts): WritingGrowth => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const { writeMs, lookMs } = parts.intervals ?? usualIntervals;
  const run = async (): Promise<void> => {
    let growing: readonly string[] = [];
    let sizes = await sizesIn(parts.data);
    while (!signal.aborted) {
      const until = performance.now() + lookMs;
      while (growing.length > 0 && performance.now() < until && !signal.aborted) {
        for (const path of growing) await written(path);
        await pause(writeMs, signal);
      }
      await pause(until - performance.now(), signal);
      const before = sizes;
      sizes = await sizesIn(parts.data);
      growing = larger(sizes, before);
    }
  };
  const running = run().catch((error: unknown) => {
    parts.logger.fatal({ err: error }, "the disk did not take what the database wrote");
    parts.onLost();
  });
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (ms > 0) await delay(ms, undefined, { signal }).catch(() => undefined);
};

/** Of tables and indexes; files of less than that number are the catalog's, which hardly grows. */
const firstOwnFile = 16_384;
const fileName = /^\d+(?:\.\d+)?$/;

/** Path → bytes. */
type Sizes = ReadonlyMap<string, number>;

/** A file that goes while it is looked at is left out. */
const sizesIn = async (data: string): Promise<Sizes> => {
  const base = join(data, "base");
  const sizes = new Map<string, number>();
  for (const database of await readdir(base).catch(() => []))
    for (const name of await readdir(join(base, database)).catch(() => [])) {
      if (!fileName.test(name) || Number.parseInt(name, 10) < firstOwnFile) continue;
      const path = join(base, database, name);
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined) sizes.set(path, found.size);
    }
  return sizes;
};

const larger = (sizes: Sizes, before: Sizes): string[] =>
  [...sizes].filter(([path, size]) => size > (before.get(path) ?? 0)).map(([path]) => path);

/**
 * The kernel tells an error of the disk to the first who asks, which PostgreSQL's own checkpoint may not be any more:
 * therefore it must not stay here. A file that cannot be opened has told nothing.
 */
const written = async (path: string): Promise<void> => {
  // Some systems sync only what may be written.
  const file = await open(path, "r+").catch(() => undefined);
  try {
    await file?.datasync();
  } finally {
    await file?.close();
  }
};
