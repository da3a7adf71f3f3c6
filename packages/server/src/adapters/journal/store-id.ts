import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { journalFolder, storeIdName } from "./journal.ts";
import { syncFolder, writeSynced } from "./synced-file.ts";

/**
 * What the usage store of a DuckDB file is known by: made when somebody first asks, and the same ever after. It stands in
 * the journal: whoever moves or loses what was metered moves or loses it, and a file that is made again keeps it.
 */
export const storeIdOf = async (duckDbFile: string): Promise<string> => {
  const folder = journalFolder(duckDbFile);
  const path = join(folder, storeIdName);
  return (await readId(path)) ?? makeId(folder, path);
};

const isError = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

const readId = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isError(error, "ENOENT")) return undefined;
    throw error;
  }
};

/** On the disk as a whole, before anybody is told of it; where two make one at once, both get the first. */
const makeId = async (folder: string, path: string): Promise<string> => {
  await mkdir(folder, { recursive: true });
  const id = randomUUID();
  const draft = `${path}.${id}`;
  await writeSynced(draft, id, "wx");
  try {
    await link(draft, path);
  } catch (error) {
    if (!isError(error, "EEXIST")) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(folder);
  await syncFolder(dirname(folder));
  return readFile(path, "utf8");
};
