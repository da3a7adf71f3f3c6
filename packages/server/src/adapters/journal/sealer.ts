import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Full segments that may wait while usage comes in fast. */
const waitingSoftMax = 32;
/** So many, and what comes in waits. */
const waitingMax = 64;
/** A segment that was full sooner tells that usage comes in fast; after so long without another that is over. */
const pressedMs = 2000;

/**
 * Compresses full segments, one after the other, on a thread of its own. While usage comes in fast they wait, since the
 * work would take the processor from it, but never more of them than is said here.
 */
export class Sealer {
  readonly #waiting: string[] = [];
  #worker: Worker | undefined;
  #sealing: Promise<void> | undefined;
  #isPressed = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  /** `filledInMs` is how long the segment took to become full. */
  add(path: string, filledInMs: number): void {
    this.#waiting.push(path);
    this.#isPressed = filledInMs < pressedMs;
    clearTimeout(this.#timer);
    if (this.#isPressed) {
      this.#timer = setTimeout(() => {
        this.#isPressed = false;
        this.#begin();
      }, pressedMs).unref();
    }
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
    const isToWait = this.#isPressed && this.#waiting.length <= waitingSoftMax;
    if (isToWait || this.#isClosed || this.#sealing !== undefined) return;
    const path = this.#waiting[0];
    if (path === undefined) return;
    this.#sealing = this.#sealFirst(path);
  }

  async #sealFirst(path: string): Promise<void> {
    await this.#seal(path);
    this.#waiting.shift();
    this.#sealing = undefined;
    this.#begin();
  }

  /** Resolves when the thread is done with it, or gone; what it could not do is tried again after a start. */
  async #seal(path: string): Promise<void> {
    const worker = (this.#worker ??= this.#start());
    const stop = new AbortController();
    worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
    worker.postMessage(path);
    const ends = ["message", "exit"].map((event) => once(worker, event, { signal: stop.signal }));
    await Promise.race(ends).catch(() => undefined);
    stop.abort();
    worker.unref();
  }

  #start(): Worker {
    const worker = new Worker(new URL("seal-worker.ts", import.meta.url));
    // An exit follows.
    worker.on("error", () => undefined);
    worker.on("exit", () => (this.#worker = undefined));
    return worker;
  }
}
