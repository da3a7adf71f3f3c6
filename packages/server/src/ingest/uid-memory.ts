import type { UsageLog } from "../ports/usage-log.ts";
import { DedupeTable, dedupeWindowSeconds } from "./dedupe-table.ts";
import { UidHasher } from "./uid-hash.ts";

/** UTF-8 of the longest uid (50 UTF-16 units take three bytes each at most), and room to spare. */
const uidBytesMax = 256;
/** So many that each shard of the table has some dozens of them. */
const recalledAtOnce = 65_536;
const encoder = new TextEncoder();

/** What a uid is unique in: the organization, or one of its backfills. */
export const namespaceOf = (of: {
  readonly orgId: string;
  readonly backfillId?: string | undefined;
}): string => (of.backfillId === undefined ? of.orgId : `${of.orgId}/${of.backfillId}`);

/** The uids of the dedupe window, by organization. */
export class UidMemory {
  readonly #table = new DedupeTable();
  readonly #hashers = new Map<string, UidHasher>();
  readonly #secret: Uint8Array;
  readonly #bytes = new Uint8Array(uidBytesMax);
  readonly #hash = new Uint32Array(3);

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** Remembers the uids that the log holds from the window before `nowMs`. */
  async recall(log: UsageLog, nowMs: number): Promise<void> {
    const entries = new Uint32Array(recalledAtOnce * 4);
    let length = 0;
    for await (const run of log.uidsSince(nowMs - dedupeWindowSeconds * 1000)) {
      const hasher = this.hasher(namespaceOf(run));
      const seconds = Math.floor(run.receivedAtMs / 1000);
      let start = 0;
      for (const end of run.ends) {
        hasher.hash(run.bytes, start, end);
        for (let word = 0; word < 3; word++) entries[length++] = hasher.words[word] ?? 0;
        entries[length++] = seconds;
        start = end;
        if (length < entries.length) continue;
        this.#table.renewAll(entries);
        length = 0;
      }
    }
    this.#table.renewAll(entries.subarray(0, length));
    entries.buffer.transfer(0);
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  hasher(orgId: string): UidHasher {
    const known = this.#hashers.get(orgId);
    if (known !== undefined) return known;
    const hasher = new UidHasher(this.#secret, orgId);
    this.#hashers.set(orgId, hasher);
    return hasher;
  }

  /** The hash of a uid; the array is used again for the next one. */
  hash(orgId: string, uid: string): Uint32Array {
    const hasher = this.hasher(orgId);
    hasher.hash(this.#bytes, 0, this.#encode(uid));
    return hasher.words;
  }

  has(hash: Uint32Array, atMs: number): boolean {
    return this.#table.has(hash, Math.floor(atMs / 1000));
  }

  addIfNew(hash: Uint32Array, atMs: number): boolean {
    return this.#table.addIfNew(hash, Math.floor(atMs / 1000));
  }

  /**
   * Remembers all of the uids, or none and says false when one is known already or there twice. Of each there are three
   * words of its hash.
   */
  addAllIfNew(hashes: Uint32Array, atMs: number): boolean {
    const seconds = Math.floor(atMs / 1000);
    for (let at = 0; at < hashes.length; at += 3) {
      if (this.#table.addIfNew(this.#take(hashes, at), seconds)) continue;
      for (let before = 0; before < at; before += 3) this.#table.remove(this.#take(hashes, before));
      return false;
    }
    return true;
  }

  /** When the uid was received, to the second; undefined outside of the dedupe window. */
  receivedAtMs(orgId: string, uid: string, atMs: number): number | undefined {
    const seconds = this.#table.receivedAt(this.hash(orgId, uid), Math.floor(atMs / 1000));
    return seconds === undefined ? undefined : seconds * 1000;
  }

  /** The dedupe window of the uid begins anew. */
  renew(orgId: string, uid: string, atMs: number): void {
    this.#table.renew(this.hash(orgId, uid), Math.floor(atMs / 1000));
  }

  forget(hash: Uint32Array): void {
    this.#table.remove(hash);
  }

  #take(hashes: Uint32Array, at: number): Uint32Array {
    const hash = this.#hash;
    hash[0] = hashes[at] ?? 0;
    hash[1] = hashes[at + 1] ?? 0;
    hash[2] = hashes[at + 2] ?? 0;
    return hash;
  }

  #encode(uid: string): number {
    for (let at = 0; at < uid.length; at++) {
      const code = uid.charCodeAt(at);
      if (code > 0x7f) return encoder.encodeInto(uid, this.#bytes).written;
      this.#bytes[at] = code;
    }
    return uid.length;
  }
}
