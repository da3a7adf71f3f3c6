import { setTimeout as delay } from "node:timers/promises";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import { cannotConnect } from "../ports/unreachable.ts";
import { type Decide, outcomeCount, type Work } from "./work.ts";

/** How long the first of a batch waits for company: while another batch is under way, more is to be had. */
const gatherMs = 1;
const gatherBehindMs = 4;
/**
 * So many are company enough: a batch has a price of its own, which they share
 * (`docs/decisions/0028-requests-of-one-turn.md`).
 */
const companySize = 32;
/** Enough to share the round trips of a transaction, few enough to answer soon. */
const batchSizeMax = 200;
/** Transactions at the same time, of accounts that have nothing to do with each other. */
const batchesAtOnce = 2;
/** While enough waits to fill one more: neither this thread nor the database then has to wait for the other. */
const batchesAtOnceMax = 3;

interface Waiting {
  readonly work: Work;
  /** Its accounts in the whole installation, and how many decisions it asks for. */
  readonly keys: readonly string[];
  readonly size: number;
  readonly resolve: (outcomes: readonly Outcome[]) => void;
  readonly reject: (error: unknown) => void;
}

type DecideBatch = (
  orgId: string,
  works: readonly Work[],
) => Promise<readonly (readonly Outcome[])[]>;

const keysOf = ({ orgId, accounts }: Work): string[] =>
  accounts.map((account) => `${orgId} ${account}`);

/**
 * Requests that arrive together are decided together. An account is in one batch of this process at a time: others
 * that name it wait here, where they become the next batch, instead of each holding a connection at the same lock.
 */
export class Batcher {
  readonly #decideBatch: DecideBatch;
  readonly #busy = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  #queue: Waiting[] = [];
  /** How many decisions the queue asks for. */
  #queued = 0;
  #gathering: Promise<void> | undefined;

  constructor(decideBatch: DecideBatch) {
    this.#decideBatch = decideBatch;
  }

  readonly decide: Decide = (work) =>
    new Promise((resolve, reject) => {
      const size = outcomeCount(work);
      this.#queue.push({ work, keys: keysOf(work), size, resolve, reject });
      this.#queued += size;
      // Looked at once, not again with each that joins those who wait for a busy account.
      this.#startSoon(this.#queue.length === companySize);
    });

  /** Waits until everything that was asked has been answered. */
  async drain(): Promise<void> {
    while (this.#queue.length > 0 || this.#underWay.size > 0) {
      await this.#gathering;
      await Promise.all(this.#underWay);
    }
  }

  #startSoon(isCompany: boolean): void {
    if (this.#queue.length === 0 || !this.#hasRoom()) return;
    if (isCompany) this.#pump();
    else this.#gathering ??= this.#gatherThenPump();
  }

  async #gatherThenPump(): Promise<void> {
    await delay(this.#underWay.size === 0 ? gatherMs : gatherBehindMs);
    this.#gathering = undefined;
    this.#pump();
  }

  #pump(): void {
    while (this.#hasRoom()) {
      const batch = this.#take();
      if (batch.length === 0) return;
      this.#start(batch);
    }
  }

  #hasRoom(): boolean {
    const most = this.#queued >= batchSizeMax ? batchesAtOnceMax : batchesAtOnce;
    return this.#underWay.size < most;
  }

  /** The next batch: one organization's, in order, none of whose accounts is being decided. */
  #take(): Waiting[] {
    const batch: Waiting[] = [];
    const left: Waiting[] = [];
    const passedOver = new Set<string>();
    let size = 0;
    for (const [index, waiting] of this.#queue.entries()) {
      const { keys, work } = waiting;
      if (size > 0 && size + waiting.size > batchSizeMax) {
        left.push(...this.#queue.slice(index));
        break;
      }
      const isOther = batch[0] !== undefined && batch[0].work.orgId !== work.orgId;
      // One that is passed over keeps its place before later ones of its accounts.
      if (isOther || keys.some((key) => this.#busy.has(key) || passedOver.has(key))) {
        left.push(waiting);
        for (const key of keys) passedOver.add(key);
      } else {
        batch.push(waiting);
        size += waiting.size;
      }
    }
    this.#queue = left;
    this.#queued -= size;
    return batch;
  }

  #start(batch: readonly Waiting[]): void {
    for (const { keys } of batch) for (const key of keys) this.#busy.add(key);
    const running = this.#run(batch).finally(() => {
      for (const { keys } of batch) for (const key of keys) this.#busy.delete(key);
      this.#underWay.delete(running);
      this.#startSoon(this.#queue.length >= companySize);
    });
    this.#underWay.add(running);
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    try {
      const works = batch.map(({ work }) => work);
      const outcomes = await this.#decideBatch(first.work.orgId, works);
      for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index] ?? []);
    } catch (error) {
      if (batch.length === 1 || cannotConnect(error)) {
        for (const { reject } of batch) reject(error);
        return;
      }
      // One request that cannot be decided must not take the others with it.
      const half = Math.ceil(batch.length / 2);
      await this.#run(batch.slice(0, half));
      await this.#run(batch.slice(half));
    }
  }
}
