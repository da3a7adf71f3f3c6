import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database, DatabaseTransaction, Document } from "../ports/database.ts";
import type { RecordKey } from "../records/records.ts";

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

/** Stores the secret part; a client that leaves it out, since it cannot read it, keeps the stored one. */
export const storeSecret = async (
  transaction: DatabaseTransaction,
  { orgId, kind, id }: RecordKey,
  secret: Document,
): Promise<void> => {
  if (Object.keys(secret).length === 0) return;
  const document = JSON.stringify(secret);
  await transaction
    .insertInto("record_secret")
    .values({ org_id: orgId, kind, id, document })
    .onConflict((conflict) => conflict.columns(["org_id", "kind", "id"]).doUpdateSet({ document }))
    .execute();
};

/** The secret part of a record: nothing when it has none. */
export const findSecret = async (
  reader: Database | DatabaseTransaction,
  { orgId, kind, id }: RecordKey,
): Promise<Document> => {
  const row = await reader
    .selectFrom("record_secret")
    .select("document")
    .where("org_id", "=", orgId)
    .where("kind", "=", kind)
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.document ?? {};
};
