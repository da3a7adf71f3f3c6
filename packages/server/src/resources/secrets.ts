import { z } from "zod";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database, DatabaseTransaction, Document, Reader } from "../ports/database.ts";
import type { RecordKey } from "../records/records.ts";
import type { Sealer } from "./sealing.ts";

/** The parts of records that nobody reads back, sealed wherever they are stored. */
export interface Secrets {
  /** A client that leaves the secret part out, since it cannot read it, keeps the stored one. */
  readonly store: (
    transaction: DatabaseTransaction,
    key: RecordKey,
    secret: Document,
  ) => Promise<void>;
  /** Nothing when the record has none. */
  readonly find: (reader: Reader, key: RecordKey) => Promise<Document>;
}

/** Divides a document into what everybody may read and what only the server does. */
export const setApart = (
  resource: Resource,
  whole: Document,
): { document: Document; secret: Document } => {
  const isSecret = ([field]: [string, unknown]): boolean =>
    resource.secrets?.includes(field) ?? false;
  const entries = Object.entries(whole);
  return {
    document: Object.fromEntries(entries.filter((entry) => !isSecret(entry))),
    secret: Object.fromEntries(entries.filter(isSecret)),
  };
};

/** A seal holds for one record, however its id is written: its row opens under no other. */
const purposeOf = ({ orgId, kind, id }: RecordKey): string =>
  `${orgId} ${kind} ${id}`.toLowerCase();

const anyDocument = z.record(z.string(), z.unknown());

export const createSecrets = (sealer: Sealer): Secrets => ({
  store: async (transaction, key, secret) => {
    if (Object.keys(secret).length === 0) return;
    const { keyId: key_id, bytes: sealed } = sealer.seal(JSON.stringify(secret), purposeOf(key));
    await transaction
      .insertInto("record_secret")
      .values({ org_id: key.orgId, kind: key.kind, id: key.id, key_id, sealed })
      .onConflict((conflict) =>
        conflict.columns(["org_id", "kind", "id"]).doUpdateSet({ key_id, sealed }),
      )
      .execute();
  },
  find: async (reader, key) => {
    const row = await reader
      .selectFrom("record_secret")
      .select(["key_id", "sealed"])
      .where("org_id", "=", key.orgId)
      .where("kind", "=", key.kind)
      .where("id", "=", key.id)
      .executeTakeFirst();
    if (row === undefined) return {};
    const text = sealer.open({ keyId: row.key_id, bytes: row.sealed }, purposeOf(key));
    return anyDocument.parse(JSON.parse(text));
  },
});

/** For writers of kinds that have none. */
export const noSecrets: Secrets = {
  store: async (_transaction, { kind }, secret) => {
    if (Object.keys(secret).length > 0) throw new Error(`a ${kind} is written without a sealer`);
  },
  find: async () => ({}),
};

/** The keys that what is sealed needs and that are not there. */
export const missingKeys = async (database: Database, { keyIds }: Sealer): Promise<string[]> => {
  const rows = await database
    .selectFrom("record_secret")
    .select("key_id")
    .union(database.selectFrom("installation").select("key_id"))
    .execute();
  return rows.map((row) => row.key_id).filter((keyId) => !keyIds.includes(keyId));
};
