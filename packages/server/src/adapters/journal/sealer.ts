import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Full segments that may wait while usage comes in fast. */
const waitingSoftMax = 32;
/** So many, and what comes in waits. */
const waitingMax = 64;
/** After so long without another full segment usage does not come in fast. */
const calmMs = 2000;
/** What could not be sealed, on a full disk for one, is tried again after so long. */
const usualRetryMs = 60_000;

/**
 * Compresses full segments, one after the other, on a thread of its own. While usage comes in fast they wait, since the
 * work would take the processor from it, but never more of them than is said here.
 */
export class Sealer {
  readonly #retryMs: number;
  readonly #waiting: string[] = [];
  #worker: Worker | undefined;
  #sealing: Promise<void> | undefined;
  #isCalm = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ retryMs = usualRetryMs }: { readonly retryMs?: number } = {}) {
    this.#retryMs = retryMs;
  }

  /** A segment that nothing is appended to any more. */
  add(path: string): void {
    this.#waiting.push(path);
    this.#isCalm = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#isCalm = true;
      this.#begin();
    }, calmMs).unref();
    this.#begin();
  }

  /** Waits while there are too many. */
  async room(): Promise<void> {
    while (this.#sealing !== undefined && this.#waiting.length >= waitingMax) await this.#sealing;
  }

  /** What is being sealed is finished; the others wait for the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#sealing;
    await this.#worker?.terminate();
  }

  #begin(): void {
    const isToWait = !this.#isCalm && this.#waiting.length <= waitingSoftMax;
    if (isToWait || this.#isClosed || this.#sealing !== undefined) return;
    const path = this.#waiting[0];
    if (path === undefined) return;
    this.#sealing = this.#sealFirst(path);
  }

  async #sealFirst(path: string): Promise<void> {
    const isSealed = await this.#seal(path);
    this.#waiting.shift();
    if (!isSealed) setTimeout(() => this.#again(path), this.#retryMs).unref();
    this.#sealing = undefined;
    this.#begin();
  }

  #again(path: string): void {
    this.#waiting.push(path);
    this.#begin();
  }

  /** Whether it is sealed; not when the thread could not do it, or is gone. */
  async #seal(path: string): Promise<boolean> {
    const worker = (this.#worker ??= this.#start());
    const stop = new AbortController();
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
    worker.postMessage(path);
    const ends = ["message", "exit"].map((event) => once(worker, event, { signal: stop.signal }));
    const [answer]: unknown[] = await Promise.race(ends).catch(() => [false]);
    stop.abort();
    worker.unref();
    return answer === true;
  }

  #start(): Worker {
    const worker = new Worker(new URL("seal-worker.ts", import.meta.url));
    // An exit follows.
    worker.on("error", () => undefined);
    worker.on("exit", () => (this.#worker = undefined));
    return worker;
  }
}
