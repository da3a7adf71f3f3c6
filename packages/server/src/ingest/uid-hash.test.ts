import { expect, test } from "vitest";
import { UidHasher } from "./uid-hash.ts";

const hashOf = (hasher: UidHasher, uid: string): string => {
  const bytes = Buffer.from(`..${uid}`);
  hasher.hash(bytes, 2, bytes.length);
  return Array.from(hasher.words, (word) => word.toString(16).padStart(8, "0")).join("");
};

test("200,000 similar uids have 200,000 hashes in each of the four words' pairs", () => {
  const hasher = new UidHasher(Buffer.from("secret"), "org");
  const left = new Set<string>();
  const right = new Set<string>();
  for (let i = 0; i < 200_000; i++) {
    const hash = hashOf(hasher, `event-${i}`);
    left.add(hash.slice(0, 16));
    right.add(hash.slice(16));
  }
  expect(left.size).toBe(200_000);
  expect(right.size).toBe(200_000);
});

test("the hash depends on the organization, the secret, the length and every byte", () => {
  const hashes = [
    hashOf(new UidHasher(Buffer.from("secret"), "org"), "abcdefgh"),
    hashOf(new UidHasher(Buffer.from("secret"), "other org"), "abcdefgh"),
    hashOf(new UidHasher(Buffer.from("other secret"), "org"), "abcdefgh"),
    hashOf(new UidHasher(Buffer.from("secret"), "org"), "abcdefgi"),
    hashOf(new UidHasher(Buffer.from("secret"), "org"), "abcdefgh\0"),
    hashOf(new UidHasher(Buffer.from("secret"), "org"), "abcdefg"),
    hashOf(new UidHasher(Buffer.from("secret"), "org"), ""),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
});

test("the bits are balanced", () => {
  const hasher = new UidHasher(Buffer.from("secret"), "org");
  const ones = Array.from({ length: 128 }, () => 0);
  for (let i = 0; i < 4000; i++) {
    hashOf(hasher, `${i}`);
    for (let bit = 0; bit < 128; bit++) {
      ones[bit] = (ones[bit] ?? 0) + (((hasher.words[bit >> 5] ?? 0) >>> (bit & 31)) & 1);
    }
  }
  // 4,000 fair coins: 2,000 ± 32; six standard deviations keep the test quiet.
  for (const count of ones) expect(Math.abs(count - 2000)).toBeLessThan(190);
});
