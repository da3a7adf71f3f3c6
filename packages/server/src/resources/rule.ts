import type { DatabaseTransaction, Document } from "../ports/database.ts";

/** A document about to be written, with what stood there before. */
export interface Write {
  readonly transaction: DatabaseTransaction;
  readonly orgId: string;
  readonly id: string;
  readonly document: Document;
  readonly before?: Document | undefined;
}

/** What a declaration cannot say about a kind. Both run inside the write's transaction and may throw a Problem. */
export interface Rules {
  /** The document to store: as given, or with computed fields. */
  readonly write?: (write: Write) => Promise<Document>;
  readonly remove?: (write: Omit<Write, "before">) => Promise<void>;
}
