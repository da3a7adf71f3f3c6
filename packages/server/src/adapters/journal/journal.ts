import { constants } from "node:fs";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { decodeBatch, encodeBatch } from "./batch-codec.ts";
import type { Batch } from "./batch-codec.ts";
import { compressedSuffix, readSegment } from "./compressed-segment.ts";
import {
  headLength,
  JournalDamaged,
  linkBefore,
  noHash,
  readRecords,
  sealRecord,
  segmentHead,
} from "./segment.ts";
import type { JournalRecord, Link } from "./segment.ts";
import { RecordMemory } from "./record-memory.ts";
import { Sealer } from "./sealer.ts";
import { syncFolder } from "./synced-file.ts";

/** A segment that is full is compressed; the start reads the last one. */
const segmentBytesMax = 8 * 1024 * 1024;

const suffix = ".journal";
const nameOf = (firstSequence: number): string =>
  `${String(firstSequence).padStart(16, "0")}${suffix}`;

/** The end of the journal. */
export interface JournalHead extends Link {
  /** The position that the next row gets. */
  readonly nextPosition: number;
}

const emptyHead: JournalHead = { sequence: 0, hash: noHash, nextPosition: 0 };

/** A file and what it holds. */
interface Segment {
  readonly firstSequence: number;
  readonly name: string;
}

/** The journal of a usage store stands beside its file. */
export const journalFolder = (path: string): string => `${path}.journal`;

/** What the usage store is known by, beside the segments (`store-id.ts`). */
export const storeIdName = "store-id";

/** The segments of a folder, in order. Of one that was being replaced by its compressed copy, the copy. */
const listSegments = async (folder: string): Promise<readonly Segment[]> => {
  const found = new Map<number, Segment>();
  for (const name of (await readdir(folder)).toSorted()) {
    if (!name.endsWith(suffix) && !name.endsWith(suffix + compressedSuffix)) continue;
    const firstSequence = Number(name.slice(0, name.indexOf(".")));
    found.set(firstSequence, { firstSequence, name });
  }
  return [...found.values()].sort((a, b) => a.firstSequence - b.firstSequence);
};

/** Whether a folder has anything to make a usage store from. */
export const hasJournal = async (folder: string): Promise<boolean> => {
  const segments = await listSegments(folder).catch(() => []);
  return segments.length > 0;
};

/** The records after a sequence, oldest first. Throws `JournalDamaged`. */
export const recordsAfter = async function* (
  folder: string,
  { sequence, hash }: Link,
): AsyncGenerator<JournalRecord> {
  const segments = await listSegments(folder);
  const first = segments.findLastIndex(({ firstSequence }) => firstSequence <= sequence + 1);
  let last: Link | undefined;
  for await (const bytes of readAhead(folder, segments.slice(Math.max(first, 0)))) {
    const before = linkBefore(bytes);
    // A segment without a head is the last one, which was being created.
    if (before === undefined) break;
    checkLink(before, last ?? { sequence: Math.min(before.sequence, sequence), hash: before.hash });
    if (before.sequence === sequence) checkLink(before, { sequence, hash });
    last = before;
    for (const record of readRecords(bytes, before)) {
      last = { sequence: record.sequence, hash: record.hash };
      if (record.sequence > sequence) yield record;
      else if (record.sequence === sequence) checkLink(record, { sequence, hash });
    }
  }
  if ((last?.sequence ?? 0) < sequence) {
    const next = (last?.sequence ?? 0) + 1;
    throw new JournalDamaged(next, `record ${next} is missing`);
  }
};

/** The contents of segments, each read while the one before it is being used. */
const readAhead = async function* (
  folder: string,
  segments: readonly Segment[],
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const read = ({ name }: Segment) => {
    const bytes = readSegment(join(folder, name));
    // Whoever stops early is not told that a later one could not be read.
    bytes.catch(() => undefined);
    return bytes;
  };
  const [first, ...others] = segments;
  let next = first && read(first);
  for (const segment of [...others, undefined]) {
    if (next === undefined) return;
    const bytes = await next;
    next = segment && read(segment);
    yield bytes;
  }
};

const checkLink = (found: Link, expected: Link): void => {
  if (found.sequence === expected.sequence && found.hash === expected.hash) return;
  const sequence = Math.min(found.sequence, expected.sequence) + 1;
  const what = found.sequence === expected.sequence ? "does not continue the chain" : "is missing";
  throw new JournalDamaged(sequence, `record ${sequence} ${what}`);
};

const isStorageFull = (error: unknown): boolean =>
  error instanceof Error && "code" in error && /^(ENOSPC|EDQUOT|EFBIG)$/.test(String(error.code));

/** What has become of an append. */
export type AppendOutcome =
  | { readonly kind: "appended"; readonly record: JournalRecord }
  | { readonly kind: "storage-full" }
  | { readonly kind: "failed"; readonly reason: string };

/** The file that records are appended to. */
interface OpenSegment {
  readonly file: FileHandle;
  readonly name: string;
  /** Bytes that count; what stands behind them was never acknowledged. */
  length: number;
}

/** A write returns when its bytes are on the disk. */
const writeFlags = constants.O_RDWR | constants.O_DSYNC;

/**
 * Every batch of usage that was ever committed, in files that are only appended to. A record is acknowledged when it is
 * on the disk; each is chained to the one before it. One writer.
 */
export class Journal {
  readonly #folder: string;
  readonly #memory = new RecordMemory();
  #head: JournalHead;
  #segment: OpenSegment | undefined;
  /** An append failed half-way: what it left has to be cut before the next one. */
  #isDirty = false;
  readonly #sealer = new Sealer();

  private constructor(folder: string, head: JournalHead, segment: OpenSegment | undefined) {
    this.#folder = folder;
    this.#head = head;
    this.#segment = segment;
  }

  /** Opens the journal of a folder that no other process writes to, and cuts what was never wholly written. */
  static async open(folder: string): Promise<Journal> {
    await mkdir(folder, { recursive: true });
    await syncFolder(dirname(folder));
    let segments = await listSegments(folder);
    await removeLeftovers(folder, segments);
    let last: End | undefined;
    let head: JournalHead | undefined;
    for (; head === undefined && segments.length > 0; segments = segments.slice(0, -1)) {
      const segment = segments.at(-1);
      const end = segment && (await readEnd(folder, segment));
      last ??= end;
      head = end?.head;
    }
    const current = last && (await openSegment(folder, last));
    const journal = new Journal(folder, head ?? emptyHead, current);
    for (const { name } of await listSegments(folder)) {
      if (name.endsWith(suffix) && name !== current?.name) journal.#sealer.add(join(folder, name));
    }
    return journal;
  }

  get head(): JournalHead {
    return this.#head;
  }

  /** The batch is on the disk when this says so, and not at all otherwise. One at a time. */
  async append(batch: Omit<Batch, "sequence">): Promise<AppendOutcome> {
    try {
      await this.#clean();
      const segment = await this.#roomySegment();
      const sequence = this.#head.sequence + 1;
      const allocate = (length: number) => this.#memory.take(length);
      const record = encodeBatch({ ...batch, sequence }, headLength, allocate);
      const link = sealRecord(record, this.#head);
      this.#isDirty = true;
      await writeAll(segment, record);
      this.#isDirty = false;
      segment.length += record.length;
      this.#head = { ...link, nextPosition: batch.firstPosition + batch.count };
      return { kind: "appended", record: { ...link, payload: record.subarray(headLength) } };
    } catch (error) {
      await this.#clean().catch(() => undefined);
      if (isStorageFull(error)) return { kind: "storage-full" };
      return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Nobody reads a record that was appended any more: its memory is used for another. */
  release({ payload }: JournalRecord): void {
    this.#memory.give(payload.buffer);
  }

  /** Nothing was appended for a while: gives back the memory that lies ready. */
  rest(): void {
    this.#memory.clear();
  }

  /** The records after a place in the chain, oldest first; not while something is appended. */
  recordsAfter(link: Link): AsyncGenerator<JournalRecord> {
    return recordsAfter(this.#folder, link);
  }

  async close(): Promise<void> {
    await this.#sealer.close();
    await this.#segment?.file.close();
  }

  /** Cuts what a failed append has left. Until that is done nothing is appended, so it never comes to life again. */
  async #clean(): Promise<void> {
    if (!this.#isDirty || this.#segment === undefined) return;
    const { file, length } = this.#segment;
    await file.truncate(length);
    await file.sync();
    this.#isDirty = false;
  }

  async #roomySegment(): Promise<OpenSegment> {
    const current = this.#segment;
    if (current !== undefined && current.length < segmentBytesMax) return current;
    await this.#sealer.room();
    const next = await createSegment(this.#folder, this.#head);
    this.#segment = next;
    if (current !== undefined) {
      await current.file.close();
      this.#sealer.add(join(this.#folder, current.name));
    }
    return next;
  }
}

const createSegment = async (folder: string, head: Link): Promise<OpenSegment> => {
  const name = nameOf(head.sequence + 1);
  // A segment of that name has no record: creating it failed half-way.
  const file = await open(join(folder, name), writeFlags | constants.O_CREAT | constants.O_TRUNC);
  try {
    const segment = { file, name, length: 0 };
    const bytes = segmentHead(head);
    await writeAll(segment, bytes);
    segment.length = bytes.length;
    await syncFolder(folder);
    return segment;
  } catch (cause) {
    await file.close();
    throw cause;
  }
};

const writeAll = async ({ file, length }: OpenSegment, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, length + done);
    done += bytesWritten;
  }
};

interface End {
  readonly name: string;
  readonly length: number;
  readonly isTorn: boolean;
  /** Absent: the segment has no record. */
  readonly head?: JournalHead;
}

/** The end of a segment; undefined, and the file gone, when it has not even a head. */
const readEnd = async (folder: string, { name }: Segment): Promise<End | undefined> => {
  const path = join(folder, name);
  const bytes = await readSegment(path);
  const before = linkBefore(bytes);
  if (before === undefined) {
    if (bytes.length > headLength) throw new JournalDamaged(0, `${path} is no journal`);
    await rm(path);
    return undefined;
  }
  const records = readRecords(bytes, before);
  let last: JournalRecord | undefined;
  for (;;) {
    const step = records.next();
    if (step.done !== true) {
      last = step.value;
      continue;
    }
    const { length, isTorn } = step.value;
    if (last === undefined) return { name, length, isTorn };
    const { sequence, hash } = last;
    return {
      name,
      length,
      isTorn,
      head: { sequence, hash, nextPosition: nextPositionAfter(last) },
    };
  }
};

/** Opens a segment to be appended to; what is torn is cut. */
const openSegment = async (
  folder: string,
  { name, length, isTorn }: End,
): Promise<OpenSegment | undefined> => {
  if (name.endsWith(compressedSuffix)) return undefined;
  const file = await open(join(folder, name), writeFlags);
  if (isTorn) {
    await file.truncate(length);
    await file.sync();
  }
  return { file, name, length };
};

const nextPositionAfter = ({ payload }: JournalRecord): number => {
  const { firstPosition, count } = decodeBatch(payload);
  return firstPosition + count;
};

/** Originals of compressed segments and copies that were never finished. */
const removeLeftovers = async (folder: string, segments: readonly Segment[]): Promise<void> => {
  const wanted = new Set([storeIdName, ...segments.map(({ name }) => name)]);
  for (const name of await readdir(folder)) if (!wanted.has(name)) await rm(join(folder, name));
};
