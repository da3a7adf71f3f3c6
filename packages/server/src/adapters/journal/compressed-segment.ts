import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import { compressedSuffix } from "./segment.ts";

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const level = 3;

/**
 * Replaces a segment that is full by its compressed copy. The copy is on the disk and reads back as the original before
 * the original goes.
 */
export const compressSegment = async (path: string): Promise<void> => {
  const original = await readFile(path);
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  const compressed = await compress(original, { params });
  if (!original.equals(await decompress(compressed))) {
    throw new Error(`the compressed copy of ${path} is not the original`);
  }
  const copy = `${path}${compressedSuffix}`;
  const unfinished = `${copy}.part`;
  const file = await open(unfinished, "w");
  try {
    await file.writeFile(compressed);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, copy);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  await rm(path);
};
