/** m3ter semantics 3.3: a uid is a duplicate within 35 days of the time it was first received. */
export const dedupeWindowSeconds = 35 * 24 * 60 * 60;

const wordsPerSlot = 4;
const shardBits = 10;
const shardCount = 1 << shardBits;

/** How full a shard may be, and what it grows by. */
const loadMax = 7 / 8;
const growth = 6 / 5;
/** A shard is renewed for this share of new uids at least: the dearer the more often. */
const roomMin = 1 / 16;
const firstLimit = 14;

/** Marks a slot as used by a uid that has left the window or was taken back; a probe walks over it. */
const forgotten = 1;

interface Shard {
  /** Per slot: three words of the hash and the second it was received; 0 in the first word is an empty slot. */
  slots: Uint32Array<ArrayBuffer>;
  /** Slots that hashes belong to; those behind them take what is pushed on, and the last one stays empty. */
  homes: number;
  used: number;
  /** More than so many are not held: then the shard is renewed. */
  limit: number;
  /** Shards grow at different sizes, so that no batch pays for many at once. */
  readonly phase: number;
}

/** 0 is an empty slot's; the other word is of the same shard. */
const firstWord = (hash: Uint32Array): number => hash[0] || shardCount;

const homeUnit = 2 ** -(32 - shardBits);

/** Falls with the first word, so that hashes stand in the order of it, the greatest first. */
const homeOf = (first: number, homes: number): number =>
  Math.trunc((~first >>> shardBits) * homeUnit * homes) * wordsPerSlot;

/**
 * The offset of the slot that holds the hash, or the complement (`~`) of the one where it belongs. Hashes stand in the
 * order of their first words, as near behind their homes as that lets them: a search ends at the first that is less,
 * which an empty slot's is.
 */
const find = ({ slots, homes }: Shard, hash: Uint32Array): number => {
  const first = firstWord(hash);
  let at = homeOf(first, homes);
  while ((slots[at] ?? 0) > first) at += wordsPerSlot;
  for (; slots[at] === first; at += wordsPerSlot) {
    if (slots[at + 1] === hash[1] && slots[at + 2] === hash[2]) return at;
  }
  return ~at;
};

const emptyShard = (limit: number, roomAtEnd: number, phase: number): Shard => {
  const homes = Math.ceil(limit / loadMax);
  const slots = new Uint32Array((homes + roomAtEnd) * wordsPerSlot);
  return { slots, homes, used: 0, limit, phase };
};

/** The first of the sizes of the phase that leaves room for new uids. */
const limitFor = (live: number, phase: number): number => {
  const wanted = Math.max(live * (1 + roomMin), firstLimit);
  const step = Math.ceil(Math.log(wanted / firstLimit) / Math.log(growth) - phase);
  return Math.ceil(firstLimit * growth ** (step + phase));
};

const roomAtEndFor = (limit: number): number => 16 + Math.ceil(limit / 64);

/** Copies what was received after the second, in order, each as near behind its home as it can be; false when the room at the end is too small. */
const copyLive = (from: Shard, to: Shard, after: number): boolean => {
  const { slots } = from;
  const { slots: copy, homes } = to;
  const last = copy.length - wordsPerSlot;
  let next = 0;
  for (let at = 0; at < slots.length; at += wordsPerSlot) {
    const received = slots[at + 3] ?? 0;
    if (received <= after) continue;
    const first = slots[at] ?? 0;
    const home = homeOf(first, homes);
    if (home > next) next = home;
    if (next >= last) return false;
    copy[next] = first;
    copy[next + 1] = slots[at + 1] ?? 0;
    copy[next + 2] = slots[at + 2] ?? 0;
    copy[next + 3] = received;
    next += wordsPerSlot;
  }
  return true;
};

/** Copies what is still in the window into a new array with room for more, and at least so much at its end. */
const renew = (shard: Shard, atSeconds: number, roomAtEnd = 0): void => {
  const { slots } = shard;
  const after = Math.max(forgotten, atSeconds - dedupeWindowSeconds);
  let live = 0;
  for (let at = 3; at < slots.length; at += wordsPerSlot) if ((slots[at] ?? 0) > after) live++;
  const limit = limitFor(live, shard.phase);
  let room = Math.max(roomAtEnd, roomAtEndFor(limit));
  let next = emptyShard(limit, room, shard.phase);
  while (!copyLive(shard, next, after)) {
    room *= 2;
    next = emptyShard(limit, room, shard.phase);
  }
  slots.buffer.transfer(0);
  Object.assign(shard, next, { used: live });
};

interface Entry {
  readonly hash: Uint32Array;
  readonly atSeconds: number;
}

/** Puts the hash at the offset where it belongs; those behind it move on to the next empty slot. */
const insert = (shard: Shard, at: number, { hash, atSeconds }: Entry): void => {
  const { slots } = shard;
  let end = at;
  while (slots[end] !== 0) end += wordsPerSlot;
  if (end + wordsPerSlot >= slots.length) {
    renew(shard, atSeconds, 2 * (slots.length / wordsPerSlot - shard.homes));
    insert(shard, ~find(shard, hash), { hash, atSeconds });
    return;
  }
  for (let to = end + 3; to > at + 3; to--) slots[to] = slots[to - wordsPerSlot] ?? 0;
  slots[at] = firstWord(hash);
  slots[at + 1] = hash[1] ?? 0;
  slots[at + 2] = hash[2] ?? 0;
  slots[at + 3] = atSeconds;
  if (++shard.used > shard.limit) renew(shard, atSeconds);
};

const shardOf = (first: number): number => first & (shardCount - 1);

/**
 * Remembers 96 bits of each uid's hash for the dedupe window in 16 bytes a slot, about 20 bytes a uid. Hashes are spread
 * over shards that grow alone: the longest pause is the copying of one shard, a thousandth of the table. What has left the
 * window is dropped when its shard is full, so memory is bounded by the uids of one window.
 */
export class DedupeTable {
  readonly #shards: Shard[] = Array.from({ length: shardCount }, (_, index) => {
    const phase = ((index * 619) % shardCount) / shardCount;
    const limit = limitFor(0, phase);
    return emptyShard(limit, roomAtEndFor(limit), phase);
  });

  /** Uids held, including those that have left the window but not yet been dropped. */
  get size(): number {
    return this.#shards.reduce((total, shard) => total + shard.used, 0);
  }

  /** Of memory. */
  get bytes(): number {
    return this.#shards.reduce((total, { slots }) => total + slots.byteLength, 0);
  }

  /** Whether the uid was received less than the window before `atSeconds`. */
  has(hash: Uint32Array, atSeconds: number): boolean {
    return this.receivedAt(hash, atSeconds) !== undefined;
  }

  /** Remembers a uid unless it is known; says whether it was new. */
  addIfNew(hash: Uint32Array, atSeconds: number): boolean {
    const shard = this.#shard(hash);
    const at = find(shard, hash);
    if (at < 0) {
      insert(shard, ~at, { hash, atSeconds });
      return true;
    }
    const received = shard.slots[at + 3] ?? 0;
    if (received > forgotten && atSeconds - received < dedupeWindowSeconds) return false;
    shard.slots[at + 3] = atSeconds;
    return true;
  }

  /** When the uid was received, in epoch seconds; undefined unless that is less than the window before `atSeconds`. */
  receivedAt(hash: Uint32Array, atSeconds: number): number | undefined {
    const { slots } = this.#shard(hash);
    const at = find(this.#shard(hash), hash);
    const received = at < 0 ? 0 : (slots[at + 3] ?? 0);
    const isLive = received > forgotten && atSeconds - received < dedupeWindowSeconds;
    return isLive ? received : undefined;
  }

  /** Remembers a uid from `atSeconds` on, if it is not remembered from later on. */
  renew(hash: Uint32Array, atSeconds: number): void {
    const shard = this.#shard(hash);
    const at = find(shard, hash);
    if (at < 0) insert(shard, ~at, { hash, atSeconds });
    else shard.slots[at + 3] = Math.max(shard.slots[at + 3] ?? 0, atSeconds);
  }

  /**
   * Renews many, of which each is four words: of the hash, and the second. Shard after shard, whose slots are near each
   * other in memory.
   */
  renewAll(entries: Uint32Array): void {
    const starts = new Uint32Array(shardCount + 1);
    for (let at = 0; at < entries.length; at += wordsPerSlot) {
      const next = shardOf(entries[at] ?? 0) + 1;
      starts[next] = (starts[next] ?? 0) + 1;
    }
    for (let i = 1; i < starts.length; i++) starts[i] = (starts[i] ?? 0) + (starts[i - 1] ?? 0);
    const inOrder = new Uint32Array(entries.length / wordsPerSlot);
    for (let at = 0; at < entries.length; at += wordsPerSlot) {
      const shard = shardOf(entries[at] ?? 0);
      const place = starts[shard] ?? 0;
      inOrder[place] = at;
      starts[shard] = place + 1;
    }
    const hash = new Uint32Array(wordsPerSlot);
    for (const at of inOrder) {
      for (let word = 0; word < wordsPerSlot; word++) hash[word] = entries[at + word] ?? 0;
      this.renew(hash, hash[3] ?? 0);
    }
  }

  /** Forgets a uid whose batch was not committed. */
  remove(hash: Uint32Array): void {
    const { slots } = this.#shard(hash);
    const at = find(this.#shard(hash), hash);
    if (at >= 0) slots[at + 3] = forgotten;
  }

  #shard(hash: Uint32Array): Shard {
    const shard = this.#shards[shardOf(hash[0] ?? 0)];
    if (shard === undefined) throw new Error("the shard index is masked to the shard count");
    return shard;
  }
}
