import type {
  CommitOutcome,
  StoredBackfill,
  StoredContent,
  StoredUids,
  UsageGroup,
  UsageLog,
} from "../../ports/usage-log.ts";

/** A log that keeps nothing but the numbers it gave out: for tests of what stands before the store. */
export class MemoryUsageLog implements UsageLog {
  readonly secret = Buffer.from("secret");
  readonly #accounts = new Map<string, number>();
  #next = 0;

  nextPosition(): number {
    return this.#next;
  }

  accountNumber(orgId: string, accountId: string): number {
    const key = `${orgId}/${accountId}`;
    const known = this.#accounts.get(key) ?? this.#accounts.size;
    this.#accounts.set(key, known);
    return known;
  }

  async append(group: UsageGroup): Promise<CommitOutcome> {
    this.#next += group.count;
    return { kind: "committed" };
  }

  async find(): Promise<undefined> {
    return undefined;
  }

  async contents(): Promise<ReadonlyMap<string, StoredContent>> {
    return new Map();
  }

  async backfill(): Promise<StoredBackfill> {
    return { state: "hidden" };
  }

  async *uidsSince(): AsyncGenerator<StoredUids> {
    // Nothing outlives the process.
  }
}
