import { createHmac } from "node:crypto";

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

/**
 * Hashes the uids of one organization to 128 bits: two HalfSipHash-1-3 (Aumasson and Bernstein; 64 bits each) with
 * independent keys. The keys come from a secret of the store and the organization, so uids are scoped to it and
 * nobody outside can choose colliding ones.
 */
export class UidHasher {
  /** The last hash. */
  readonly words = new Uint32Array(4);
  readonly #keys: Uint32Array;

  constructor(secret: Uint8Array, orgId: string) {
    const digest = createHmac("sha256", secret).update(orgId).digest();
    this.#keys = Uint32Array.from([0, 4, 8, 12], (offset) => digest.readUInt32LE(offset));
  }

  /** Hashes `bytes[start, end)` into `words`. */
  hash(bytes: Uint8Array, start: number, end: number): void {
    this.#lane(0, bytes, { start, end });
    this.#lane(2, bytes, { start, end });
  }

  #lane(lane: 0 | 2, bytes: Uint8Array, range: { start: number; end: number }): void {
    let v0 = this.#keys[lane] ?? 0;
    let v1 = this.#keys[lane + 1] ?? 0;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    v1 ^= 0xee;
    const { start, end } = range;
    const wordsEnd = start + ((end - start) & ~3);
    let finals = 0;
    // The rounds stand here once, in one loop over the words and the six closing rounds: as a function of their own
    // they would have to pass four results, which costs more than the rounds.
    for (let at = start; finals <= 6; at += 4) {
      let word = 0;
      if (at < wordsEnd) {
        word =
          (bytes[at] ?? 0) |
          ((bytes[at + 1] ?? 0) << 8) |
          ((bytes[at + 2] ?? 0) << 16) |
          ((bytes[at + 3] ?? 0) << 24);
      } else if (finals === 0) {
        word = (end - start) << 24;
        for (let i = wordsEnd, shift = 0; i < end; i++, shift += 8)
          word |= (bytes[i] ?? 0) << shift;
        finals = 1;
      } else {
        if (finals === 1) v2 ^= 0xee;
        if (finals === 4) v1 ^= 0xdd;
        finals++;
      }
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, 5) ^ v0;
      v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, 13) ^ v2;
      v2 = rotate(v2, 16);
      v0 ^= word;
      if (finals === 4) this.words[lane] = v1 ^ v3;
    }
    this.words[lane + 1] = v1 ^ v3;
  }
}
