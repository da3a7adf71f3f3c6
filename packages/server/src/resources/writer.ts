import type { Resource } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction, Document } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { type CatalogChange, changeOf } from "../records/catalog-change.ts";
import type { Scope } from "../records/place.ts";
import type { RecordRow } from "../records/records.ts";
import type { Background } from "./background.ts";
import { rules } from "./rules.ts";
import type { Secrets } from "./secrets.ts";
import { amend, erase, insert, recordChange, replace, type Written } from "./writes.ts";

/** Writes of any declared resource inside one transaction; each enters the audit log. A Problem says why not. */
export interface Writer {
  readonly transaction: DatabaseTransaction;
  readonly caller: Caller;
  readonly at: Date;
  readonly background: Background;
  /** `owned` are the fields that the declaration keeps for the server. */
  readonly create: (resource: Resource, body: unknown, owned?: Document) => Promise<RecordRow>;
  /** The client's way: the whole document and the version it read. */
  readonly update: (
    resource: Resource,
    change: { id: string; body: unknown; scope?: Scope | undefined },
  ) => Promise<RecordRow>;
  /** The server's way: some fields, whatever the version is. */
  readonly amend: (
    resource: Resource,
    change: { id: string; fields: Document; scope?: Scope | undefined },
  ) => Promise<RecordRow>;
  readonly remove: (
    resource: Resource,
    change: { id: string; scope?: Scope | undefined },
  ) => Promise<RecordRow>;
}

interface WriterParts {
  readonly caller: Caller;
  readonly at: Date;
  readonly secrets: Secrets;
  readonly background: Background;
  /** Told of every record that is written. */
  readonly onWrite: (change: CatalogChange) => void;
}

export const createWriter = (
  transaction: DatabaseTransaction,
  { caller, at, secrets, background, onWrite }: WriterParts,
): Writer => {
  const record = async (written: Written): Promise<RecordRow> => {
    await recordChange(transaction, caller, { ...written, at });
    onWrite(changeOf(written.row, written));
    return written.row;
  };
  const followed = async (written: Written): Promise<RecordRow> => {
    const row = await record(written);
    await rules[row.kind]?.follow?.({ writer, row, before: written.before });
    return row;
  };
  const writer: Writer = {
    transaction,
    caller,
    at,
    background,
    create: async (resource, body, owned) =>
      followed(await insert(transaction, resource, { caller, secrets, body, at, owned })),
    update: async (resource, change) =>
      followed(await replace(transaction, resource, { caller, secrets, at, ...change })),
    amend: async (resource, change) =>
      followed(await amend(transaction, resource, { caller, secrets, at, ...change })),
    remove: async (resource, change) => {
      const erased = await erase(transaction, resource, { caller, secrets, at, ...change });
      for (const written of erased.slice(0, -1)) await record(written);
      const [own] = erased.slice(-1);
      if (own === undefined) throw new Error("a removal removes at least one record");
      return record(own);
    },
  };
  return writer;
};
