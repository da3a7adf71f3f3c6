/** m3ter semantics 3.3: a uid is a duplicate within 35 days of the time it was first received. */
export const dedupeWindowSeconds = 35 * 24 * 60 * 60;

const wordsPerSlot = 4;
const shardBits = 10;
const shardCount = 1 << shardBits;
const firstCapacity = 16;

/** Marks a slot as used by a uid that has left the window or was taken back; a probe walks over it. */
const forgotten = 1;

interface Shard {
  /** Per slot: three words of the hash and the second it was received; 0 in the last word is an empty slot. */
  slots: Uint32Array<ArrayBuffer>;
  capacity: number;
  used: number;
  /** Shards grow at different loads, so that no batch pays for many at once. */
  readonly loadMax: number;
}

/** The offset of the slot that holds the hash, or of the empty slot where it belongs. */
const find = (shard: Shard, hash: Uint32Array): number => {
  const { slots, capacity } = shard;
  const first = hash[0] ?? 0;
  const second = hash[1] ?? 0;
  const third = hash[2] ?? 0;
  let slot = (first >>> shardBits) & (capacity - 1);
  for (;;) {
    const at = slot * wordsPerSlot;
    if (slots[at + 3] === 0) return at;
    if (slots[at] === first && slots[at + 1] === second && slots[at + 2] === third) return at;
    slot = (slot + 1) & (capacity - 1);
  }
};

const write = (slots: Uint32Array, at: number, hash: Uint32Array): void => {
  slots[at] = hash[0] ?? 0;
  slots[at + 1] = hash[1] ?? 0;
  slots[at + 2] = hash[2] ?? 0;
};

/** Copies what is still in the window into a new array, twice as large if that is still more than half full. */
const renew = (shard: Shard, atSeconds: number): void => {
  const isLive = (at: number): boolean => {
    const received = shard.slots[at + 3] ?? 0;
    return received > forgotten && atSeconds - received < dedupeWindowSeconds;
  };
  const { slots } = shard;
  let live = 0;
  for (let at = 0; at < slots.length; at += wordsPerSlot) if (isLive(at)) live++;
  const capacity =
    live > (shard.capacity * shard.loadMax) / 2 ? shard.capacity * 2 : shard.capacity;
  const next: Shard = { ...shard, capacity, slots: new Uint32Array(capacity * wordsPerSlot) };
  for (let at = 0; at < slots.length; at += wordsPerSlot) {
    if (!isLive(at)) continue;
    const entry = slots.subarray(at, at + wordsPerSlot);
    const to = find(next, entry);
    write(next.slots, to, entry);
    next.slots[to + 3] = entry[3] ?? 0;
  }
  slots.buffer.transfer(0);
  shard.slots = next.slots;
  shard.capacity = capacity;
  shard.used = live;
};

/**
 * Remembers 96 bits of each uid's hash for the dedupe window in 16 bytes a slot. Hashes are spread over shards that grow
 * alone: the longest pause is the copying of one shard, a thousandth of the table. What has left the window is dropped
 * when its shard is full, so memory is bounded by the uids of one window.
 */
export class DedupeTable {
  readonly #shards: Shard[] = Array.from({ length: shardCount }, (_, index) => ({
    slots: new Uint32Array(firstCapacity * wordsPerSlot),
    capacity: firstCapacity,
    used: 0,
    loadMax: 0.5 + (0.25 * ((index * 619) % shardCount)) / shardCount,
  }));

  /** Uids held, including those that have left the window but not yet been dropped. */
  get size(): number {
    return this.#shards.reduce((total, shard) => total + shard.used, 0);
  }

  /** Whether the uid was received less than the window before `atSeconds`. */
  has(hash: Uint32Array, atSeconds: number): boolean {
    const shard = this.#shard(hash);
    const received = shard.slots[find(shard, hash) + 3] ?? 0;
    return received > forgotten && atSeconds - received < dedupeWindowSeconds;
  }

  /** Remembers a uid unless it is known; says whether it was new. */
  addIfNew(hash: Uint32Array, atSeconds: number): boolean {
    const shard = this.#shard(hash);
    const at = find(shard, hash);
    const received = shard.slots[at + 3] ?? 0;
    if (received > forgotten && atSeconds - received < dedupeWindowSeconds) return false;
    write(shard.slots, at, hash);
    shard.slots[at + 3] = atSeconds;
    if (received === 0 && ++shard.used > shard.capacity * shard.loadMax) renew(shard, atSeconds);
    return true;
  }

  /** When the uid was received, in epoch seconds; undefined unless that is less than the window before `atSeconds`. */
  receivedAt(hash: Uint32Array, atSeconds: number): number | undefined {
    const shard = this.#shard(hash);
    return this.has(hash, atSeconds) ? shard.slots[find(shard, hash) + 3] : undefined;
  }

  /** Remembers a uid from `atSeconds` on, if it is not remembered from later on. */
  renew(hash: Uint32Array, atSeconds: number): void {
    if (this.addIfNew(hash, atSeconds)) return;
    const { slots } = this.#shard(hash);
    const at = find(this.#shard(hash), hash) + 3;
    slots[at] = Math.max(slots[at] ?? 0, atSeconds);
  }

  /** Forgets a uid whose batch was not committed. */
  remove(hash: Uint32Array): void {
    const shard = this.#shard(hash);
    const at = find(shard, hash);
    if (shard.slots[at + 3] !== 0) shard.slots[at + 3] = forgotten;
  }

  #shard(hash: Uint32Array): Shard {
    const shard = this.#shards[(hash[0] ?? 0) & (shardCount - 1)];
    if (shard === undefined) throw new Error("the shard index is masked to the shard count");
    return shard;
  }
}
