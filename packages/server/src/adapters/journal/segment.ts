import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/**
 * A segment is a file of records, each chained to the one before it:
 *
 *     head of the segment   magic, sequence of its first record, hash of the record before that, CRC-32 of these
 *     record                magic, length of the payload, sequence, hash, CRC-32 of these; the payload
 *
 * A hash is the SHA-256 of the hash before it and the payload. Numbers are little-endian; everything begins at multiples
 * of eight bytes.
 */
const segmentMagic = 0x4a_4b_50_54;
const recordMagic = 0x52_4b_50_54;
export const headLength = 56;
const checkedLength = 48;

/** What the first record is chained to. */
export const noHash = "0".repeat(64);

/** A place in the chain. */
export interface Link {
  readonly sequence: number;
  readonly hash: string;
}

export interface JournalRecord extends Link {
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** The journal does not hold what was acknowledged. */
export class JournalDamaged extends Error {
  override readonly name = "JournalDamaged";
  /** Of the first record that is missing or is not what it was. */
  readonly sequence: number;

  constructor(sequence: number, message: string) {
    super(message);
    this.sequence = sequence;
  }
}

interface Head {
  readonly magic: number;
  /** Of the payload. */
  readonly length: number;
  readonly sequence: number;
  readonly hash: string;
}

const writeHead = (into: Uint8Array<ArrayBuffer>, head: Head): void => {
  const view = new DataView(into.buffer, into.byteOffset, headLength);
  view.setUint32(0, head.magic, true);
  view.setUint32(4, head.length, true);
  view.setBigUint64(8, BigInt(head.sequence), true);
  into.set(Buffer.from(head.hash, "hex"), 16);
  view.setUint32(checkedLength, crc32(into.subarray(0, checkedLength)), true);
};

/** Undefined when there is none of the kind. */
const readHead = (bytes: Uint8Array, at: number, magic: number): Head | undefined => {
  if (at + headLength > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, headLength);
  if (view.getUint32(0, true) !== magic) return undefined;
  const checked = bytes.subarray(at, at + checkedLength);
  if (view.getUint32(checkedLength, true) !== crc32(checked)) return undefined;
  const hash = Buffer.from(bytes.subarray(at + 16, at + checkedLength)).toString("hex");
  const length = view.getUint32(4, true);
  return { magic, length, sequence: Number(view.getBigUint64(8, true)), hash };
};

const chained = (previousHash: string, payload: Uint8Array): string =>
  createHash("sha256").update(Buffer.from(previousHash, "hex")).update(payload).digest("hex");

/** The head of a segment whose first record comes after the link. */
export const segmentHead = ({ sequence, hash }: Link): Uint8Array<ArrayBuffer> => {
  const head = new Uint8Array(headLength);
  writeHead(head, { magic: segmentMagic, length: 0, sequence: sequence + 1, hash });
  return head;
};

/** Completes a record whose payload stands behind `headLength` free bytes; returns its place in the chain. */
export const sealRecord = (record: Uint8Array<ArrayBuffer>, previous: Link): Link => {
  const payload = record.subarray(headLength);
  const link = { sequence: previous.sequence + 1, hash: chained(previous.hash, payload) };
  writeHead(record, { magic: recordMagic, length: payload.length, ...link });
  return link;
};

/** What the first record of the segment is chained to; undefined when it has no head. */
export const linkBefore = (segment: Uint8Array): Link | undefined => {
  const head = readHead(segment, 0, segmentMagic);
  return head === undefined ? undefined : { sequence: head.sequence - 1, hash: head.hash };
};

/** The payloads of a segment, whatever is in them, as far as the heads of records tell where they are. */
export const payloadsOf = function* (
  segment: Uint8Array<ArrayBuffer>,
): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = headLength; ;) {
    const head = readHead(segment, at, recordMagic);
    const start = at + headLength;
    if (head === undefined || start + head.length > segment.length) return;
    at = start + head.length;
    yield segment.subarray(start, at);
  }
};

/** Whether a later record stands somewhere behind the place: what stands there was not the last that was written. */
const isFollowed = (segment: Uint8Array, from: number, sequence: number): boolean => {
  for (let at = from; at + headLength <= segment.length; at += 8) {
    const head = readHead(segment, at, recordMagic);
    if (head !== undefined && head.sequence > sequence) return true;
  }
  return false;
};

/** The end of what is whole in a segment. */
export interface SegmentEnd {
  readonly last: Link;
  readonly length: number;
  /** Bytes of a record that was never wholly written stand behind it. */
  readonly isTorn: boolean;
}

/**
 * The records of a segment, which are checked against the link before them. Throws `JournalDamaged` when one is not what
 * it was; what cannot have been acknowledged, because nothing whole stands behind it, ends the segment.
 */
export const readRecords = function* (
  segment: Uint8Array<ArrayBuffer>,
  previous: Link,
): Generator<JournalRecord, SegmentEnd> {
  let last = previous;
  let at = headLength;
  for (;;) {
    const record = recordAt(segment, at, last);
    if (record === undefined) break;
    yield record;
    at += headLength + record.payload.length;
    last = { sequence: record.sequence, hash: record.hash };
  }
  const sequence = last.sequence + 1;
  if (at < segment.length && isFollowed(segment, at, sequence)) {
    throw new JournalDamaged(sequence, `record ${sequence} is not what was written`);
  }
  return { last, length: at, isTorn: at < segment.length };
};

/** The whole record at the place; undefined when what stands there does not continue the chain. */
const recordAt = (
  segment: Uint8Array<ArrayBuffer>,
  at: number,
  previous: Link,
): JournalRecord | undefined => {
  const head = readHead(segment, at, recordMagic);
  if (head === undefined || head.sequence !== previous.sequence + 1) return undefined;
  const start = at + headLength;
  if (start + head.length > segment.length) return undefined;
  const payload = segment.subarray(start, start + head.length);
  const { sequence, hash } = head;
  return chained(previous.hash, payload) === hash ? { sequence, hash, payload } : undefined;
};
