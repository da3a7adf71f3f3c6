import type { TextValues } from "../../ports/usage-log.ts";

/**
 * A column whose rows have few different texts, such as models or regions, as a list of these and a byte for each row
 * that tells which it has. It takes the place that the column had, filled up with zeros:
 *
 *     ends    `isListed`, the number of different texts, the length of each, zeros
 *     bytes   the different texts, one after the other; which text each row has; zeros
 */
const isListed = 0xffff_ffff;
const listedMax = 256;

/** FNV-1a. */
const hashOf = (bytes: Uint8Array, start: number, end: number): number => {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
};

const areSame = (bytes: Uint8Array, [a, b]: readonly [number, number], length: number): boolean => {
  for (let at = 0; at < length; at++) if (bytes[a + at] !== bytes[b + at]) return false;
  return true;
};

interface Listing {
  /** Of the first row with each text: where it begins and how long it is. */
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  /** Which text each row has. */
  readonly numbers: Uint8Array;
}

/** Undefined when there are too many texts, or two that only look the same. */
const listingOf = ({ bytes, ends }: TextValues): Listing | undefined => {
  const known = new Map<number, number>();
  const [starts, lengths]: [number[], number[]] = [[], []];
  const numbers = new Uint8Array(ends.length);
  let start = 0;
  for (let row = 0; row < ends.length; row++) {
    const end = ends[row] ?? 0;
    const length = end - start;
    const hash = hashOf(bytes, start, end);
    const number = known.get(hash) ?? starts.length;
    if (number === starts.length) {
      if (number === listedMax) return undefined;
      known.set(hash, number);
      starts.push(start);
      lengths.push(length);
    } else if (lengths[number] !== length || !areSame(bytes, [starts[number] ?? 0, start], length))
      return undefined;
    numbers[row] = number;
    start = end;
  }
  return { starts, lengths, numbers };
};

/** Puts the list in the place of the texts; false, and nothing done, when it does not fit or would not be known again. */
export const list = (texts: TextValues): boolean => {
  const { bytes, ends } = texts;
  if (ends[0] === isListed || ends.at(-1) !== bytes.length) return false;
  const listing = listingOf(texts);
  if (listing === undefined) return false;
  const { starts, lengths, numbers } = listing;
  const listed = lengths.reduce((total, length) => total + length, 0);
  if (lengths.length + 2 > ends.length || listed + numbers.length > bytes.length) return false;
  const before = bytes.slice();
  bytes.fill(0);
  let at = 0;
  for (const [index, start] of starts.entries()) {
    const length = lengths[index] ?? 0;
    bytes.set(before.subarray(start, start + length), at);
    at += length;
  }
  bytes.set(numbers, at);
  ends.fill(0);
  ends.set([isListed, lengths.length, ...lengths]);
  return true;
};

/** Undoes `list`; false, and nothing done, when the texts are no list. */
export const unlist = ({ bytes, ends }: TextValues): boolean => {
  const [first, count = 0] = ends;
  if (first !== isListed) return false;
  const lengths = ends.slice(2, 2 + count);
  const starts = new Uint32Array(lengths.length);
  let listed = 0;
  for (const [index, length] of lengths.entries()) {
    starts[index] = listed;
    listed += length;
  }
  const before = bytes.slice();
  let end = 0;
  for (let row = 0; row < ends.length; row++) {
    const number = before[listed + row] ?? 0;
    const start = starts[number] ?? 0;
    const length = lengths[number] ?? 0;
    for (let at = 0; at < length; at++) bytes[end + at] = before[start + at] ?? 0;
    end += length;
    ends[row] = end;
  }
  return true;
};
