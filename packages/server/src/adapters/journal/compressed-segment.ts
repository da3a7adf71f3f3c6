import { readFile, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { packColumns, unpackColumns } from "./column-packing.ts";
import { JournalDamaged, linkBefore, payloadsOf } from "./segment.ts";
import { syncFolder, writeSynced } from "./synced-file.ts";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export const compressedSuffix = ".zst";

/** What columns have left to be found is found at the lowest level: higher ones take longer and win nothing. */
const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };

/** Of a whole segment: zlib hands it over in pieces of so many bytes, and many small ones take three times as long. */
const chunkSize = 9 * 1024 * 1024;

/** Less than a millisecond of work. */
const turnBytes = 64 * 1024;

/** Changes every payload where it lies, and lets others have the thread in between. */
const changePayloads = async (
  segment: Uint8Array<ArrayBuffer>,
  change: (payload: Uint8Array<ArrayBuffer>) => void,
): Promise<Uint8Array<ArrayBuffer>> => {
  let changed = 0;
  for (const payload of payloadsOf(segment)) {
    change(payload);
    changed += payload.length;
    if (changed < turnBytes) continue;
    changed = 0;
    await setImmediate();
  }
  return segment;
};

/** Columns are read where they lie, which has to be at a multiple of eight. */
const alignedBytes = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);

/** Packed where it lies. */
const pack = async (segment: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> => {
  const packed = await changePayloads(segment, packColumns);
  const compressed = await compress(packed, { params });
  release(packed);
  return compressed;
};

/** Gives memory of its own back, which V8 would keep, and collect the more often for, until a collection. */
const release = ({ buffer, byteLength }: Uint8Array<ArrayBuffer>): void => {
  if (buffer.byteLength === byteLength || buffer.byteLength === chunkSize) buffer.transfer(0);
};

const unpack = async (compressed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> =>
  changePayloads(alignedBytes(await decompress(compressed, { chunkSize })), unpackColumns);

/**
 * The bytes of a segment as they were written; of one that was replaced by its compressed copy since it was listed, from
 * the copy. Throws `JournalDamaged` when a compressed one cannot give them.
 */
export const readSegment = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
  try {
    return await readStored(path);
  } catch (error) {
    if (path.endsWith(compressedSuffix) || !isMissing(error)) throw error;
    return readStored(`${path}${compressedSuffix}`);
  }
};

const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

const readStored = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
  const stored = await readFile(path);
  if (!path.endsWith(compressedSuffix)) return alignedBytes(stored);
  const damaged = (reason: string) =>
    new JournalDamaged(Number.parseInt(basename(path), 10), `${path} ${reason}`);
  const segment = await unpack(stored).catch((error: unknown) => {
    throw damaged(`cannot be decompressed: ${String(error)}`);
  });
  // Without a head it would pass for one that was being created, but only full ones are compressed.
  if (linkBefore(segment) === undefined) throw damaged("is no segment");
  return segment;
};

/**
 * Replaces a segment that is full by its compressed copy. The copy is on the disk and reads back as the original before
 * the original goes.
 */
export const compressSegment = async (path: string): Promise<void> => {
  const original = await readFile(path);
  const compressed = await pack(new Uint8Array(original));
  const readBack = await unpack(compressed);
  if (!original.equals(readBack)) {
    throw new Error(`the compressed copy of ${path} is not the original`);
  }
  release(readBack);
  release(original);
  const copy = `${path}${compressedSuffix}`;
  const unfinished = `${copy}.part`;
  await writeSynced(unfinished, compressed, "w");
  await rename(unfinished, copy);
  await syncFolder(dirname(path));
  await rm(path);
};
