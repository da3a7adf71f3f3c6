import type { Logger } from "pino";

/** So long that what cannot be done does not fill the log, and costs the rest next to nothing. */
const leftMs = 60_000;

/** What cannot be done now, by its key: left alone for a while, so that it keeps nothing else waiting. */
export class LeftAlone {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  add(key: string): void {
    this.#until.set(key, this.#now() + leftMs);
  }

  /** Those that still are. */
  keys(): string[] {
    const now = this.#now();
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key);
    return [...this.#until.keys()];
  }
}

interface Attempting<Row> {
  readonly work: (row: Row) => Promise<unknown>;
  readonly left: LeftAlone;
  readonly logger: Logger;
  /** What the log says of a failure. */
  readonly failed: string;
}

/** Does the work for each row, at once: one that fails takes no other with it, and is left alone by its key. */
export const attemptEach = async <Row extends { readonly key: string }>(
  rows: readonly Row[],
  { work, left, logger, failed }: Attempting<Row>,
): Promise<void> => {
  const attempt = async (row: Row): Promise<void> => {
    try {
      await work(row);
    } catch (error) {
      logger.error({ err: error, key: row.key }, failed);
      left.add(row.key);
    }
  };
  await Promise.all(rows.map(attempt));
};
