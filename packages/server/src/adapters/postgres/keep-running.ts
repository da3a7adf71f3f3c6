import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { startWritingGrowth } from "./growth.ts";

/** SIGINT is a fast shutdown with a checkpoint, SIGQUIT one that writes nothing. */
export type EndSignal = "SIGINT" | "SIGQUIT";

/** The process that a PostgreSQL consists of: the others end with it. */
export interface Postmaster {
  readonly port: number;
  /** Resolves when it has ended, whoever ended it. */
  readonly ended: Promise<void>;
  readonly end: (signal: EndSignal) => Promise<void>;
}

export interface KeepingParts {
  /** Where PostgreSQL keeps its files. */
  readonly data: string;
  readonly first: Postmaster;
  /** Starts it again where its clients look for it. Rejects when it cannot, or when the signal says so. */
  readonly launch: (signal: AbortSignal) => Promise<Postmaster>;
  readonly logger: Logger;
}

export interface KeptRunning {
  /** Ends it for good. */
  readonly stop: () => Promise<void>;
}

const pauseMs = 2_000;

/**
 * Starts PostgreSQL again whenever it has ended by itself: it repeats its log and goes on. It ends when it was killed, and
 * when its disk is full, where no other attempt succeeds until there is room.
 */
export const keepRunning = (parts: KeepingParts): KeptRunning => {
  const stopping = new AbortController();
  const running = stayRunning(parts, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};

const stayRunning = async (parts: KeepingParts, signal: AbortSignal): Promise<void> => {
  const { data, first, logger } = parts;
  const stopped = once(signal, "abort");
  let postmaster: Postmaster | undefined = first;
  while (postmaster !== undefined) {
    const { end, ended }: Postmaster = postmaster;
    // What PostgreSQL does itself when a file cannot be synced: the next start repeats its log.
    const growth = startWritingGrowth({ data, logger, onLost: () => void end("SIGQUIT") });
    await Promise.race([ended, stopped]);
    await growth.stop();
    if (signal.aborted) return end("SIGINT");
    logger.error("the database has ended by itself: it is started again");
    postmaster = await startedAgain(parts, signal);
  }
};

/** Undefined when it is not wanted any more. */
const startedAgain = async (
  { launch, logger }: KeepingParts,
  signal: AbortSignal,
): Promise<Postmaster | undefined> => {
  while (!signal.aborted) {
    try {
      const postmaster = await launch(signal);
      logger.warn("the database has been started again");
      return postmaster;
    } catch (error) {
      if (!signal.aborted) logger.error({ err: error }, "the database does not start");
    }
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
};
