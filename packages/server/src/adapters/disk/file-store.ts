import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { FileStore } from "../../ports/file-store.ts";

const pieceBytes = 256 * 1024;

/** Files in one folder. A crash in the middle of a write leaves a draft, which no name leads to. */
export const openFileStore = async (folder: string): Promise<FileStore> => {
  const drafts = join(folder, "drafts");
  // What an earlier process did not finish, nobody will.
  await rm(drafts, { recursive: true, force: true });
  await mkdir(drafts, { recursive: true });
  return {
    write: async (source) => {
      const name = randomUUID();
      const draft = join(drafts, name);
      try {
        const file = await open(draft, "w", 0o600);
        try {
          for await (const piece of source) await file.writeFile(piece);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, join(folder, name));
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      const parent = await open(folder);
      await parent.sync().finally(() => parent.close());
      return name;
    },
    read: (name) => createReadStream(join(folder, name), { highWaterMark: pieceBytes }),
    remove: (name) => rm(join(folder, name), { force: true }),
    list: async () => {
      const entries = await readdir(folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
  };
};
