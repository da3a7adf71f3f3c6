import type { DatabaseTransaction, Document, Reader } from "../ports/database.ts";
import type { RecordRow } from "../records/records.ts";
import type { Writer } from "./writer.ts";
import type { Secrets } from "./secrets.ts";

/** A document about to be written, with what stood there before. */
export interface Write {
  readonly transaction: DatabaseTransaction;
  readonly orgId: string;
  /** Who writes: a service user. */
  readonly principal: string;
  readonly at: Date;
  readonly id: string;
  readonly document: Document;
  readonly before?: Document | undefined;
}

/** What has just been written, in the transaction and through the writer that wrote it. */
export interface Followed {
  readonly writer: Writer;
  readonly row: RecordRow;
  readonly before?: RecordRow | undefined;
}

/** Records about to be shown, all of one kind and organization. */
export interface Read {
  readonly reader: Reader;
  readonly orgId: string;
  readonly secrets: Secrets;
  readonly at: Date;
  readonly rows: readonly RecordRow[];
}

/** What a declaration cannot say about a kind. */
export interface Rules {
  /** The document to store: as given, or with computed fields. Inside the write's transaction; may throw a Problem. */
  readonly write?: (write: Write) => Promise<Document>;
  /**
   * What a creation or a change brings with it, once it is written: writes of other kinds, or a Problem where what refers to
   * the record could not stay as it is.
   */
  readonly follow?: (written: Followed) => Promise<void>;
  /** May throw a Problem to keep the record. */
  readonly remove?: (write: Omit<Write, "before">) => Promise<void>;
  /** Fields of the reply that are calculated whenever a record is read, by its id. */
  readonly compute?: (read: Read) => Promise<ReadonlyMap<string, Document>>;
}
