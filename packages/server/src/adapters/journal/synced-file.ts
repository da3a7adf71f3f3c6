import { open } from "node:fs/promises";

/** A file of these bytes, on the disk as a whole. With `wx` it must be new; with `w` what it held is replaced. */
export const writeSynced = async (
  path: string,
  content: string | Uint8Array,
  flag: "w" | "wx",
): Promise<void> => {
  const file = await open(path, flag);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
};

/** The names in a folder are on the disk. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};
