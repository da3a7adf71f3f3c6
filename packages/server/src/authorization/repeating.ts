import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";

export interface Repeating {
  /** Resolves when what is under way has ended. */
  readonly stop: () => Promise<void>;
}

interface Repeated {
  /** Says after how many milliseconds it is to be done again. */
  readonly work: () => Promise<number>;
  /** How long nothing is done after a failure. */
  readonly pauseMs: number;
  /** What the log says of a failure. */
  readonly paused: string;
  readonly logger: Logger;
}

/** Does work again and again, never twice at a time, until it is stopped. */
export const startRepeating = ({ work, pauseMs, paused, logger }: Repeated): Repeating => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const waitMs = await work().catch((error: unknown) => {
        logger.warn({ err: error }, paused);
        return pauseMs;
      });
      if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};
