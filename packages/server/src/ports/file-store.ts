/** Keeps files that are too large for the database. Names are ids that the server made. */
export interface FileStore {
  /**
   * Durable, and seen whole or not at all, once it resolves with the number of bytes. Rejects what `source` rejects
   * with, keeping nothing.
   */
  write(name: string, source: AsyncIterable<Uint8Array>): Promise<number>;
  /** In pieces; rejects when there is no such file. */
  read(name: string): AsyncIterable<Uint8Array>;
}
