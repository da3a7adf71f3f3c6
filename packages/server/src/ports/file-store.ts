/** Keeps files that are too large for the database. */
export interface FileStore {
  /** Durable once it resolves with the name of the new file. Rejects what `source` rejects with, keeping nothing. */
  write(source: AsyncIterable<Uint8Array>): Promise<string>;
  /** In pieces; rejects when there is no such file. */
  read(name: string): AsyncIterable<Uint8Array>;
  remove(name: string): Promise<void>;
  /** The names of all files that are whole. */
  list(): Promise<string[]>;
}
