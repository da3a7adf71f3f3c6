import { randomBytes, randomUUID } from "node:crypto";
import { currency } from "@turnpike/contract/accounts/currency.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { findRecord } from "../records/records.ts";
import { insert, recordChange } from "../resources/writes.ts";
import { hashSecret } from "./keys.ts";

export interface Credentials {
  readonly orgId: string;
  readonly accessKey: string;
  readonly apiSecret: string;
}

export const newOrganizationId = (): string => randomUUID();

export const newAccessKey = (): Pick<Credentials, "accessKey" | "apiSecret"> => ({
  accessKey: `tk_${randomBytes(12).toString("hex")}`,
  apiSecret: randomBytes(32).toString("base64url"),
});

/** Whoever the server itself acts as: no service user has this id. */
const serverPrincipal = "00000000-0000-0000-0000-000000000000";

/** Every organization has US dollars (m3ter semantics 18.9). */
const firstCurrency = { name: "US Dollar", code: "USD" };

/**
 * Makes sure that the organization exists, with its configuration and its first currency, and that the key pair
 * opens it. Doing it twice changes nothing.
 */
export const ensureOrganization = async (
  database: Database,
  resources: readonly Resource[],
  { credentials, at }: { credentials: Credentials; at: Date },
): Promise<void> => {
  const { orgId } = credentials;
  await database.transaction().execute(async (transaction) => {
    const { numInsertedOrUpdatedRows } = await transaction
      .insertInto("organization")
      .values({ id: orgId, created_at: at })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    const caller = { orgId, principal: serverPrincipal };
    const add = async (resource: Resource, body: unknown, id?: string): Promise<void> => {
      const written = await insert(transaction, resource, { caller, body, at, id });
      await recordChange(transaction, caller, { ...written, at });
    };
    if (numInsertedOrUpdatedRows === 1n) await add(currency, firstCurrency);
    for (const resource of resources) {
      if (resource.singleton === undefined) continue;
      const known = await findRecord(transaction, { orgId, kind: resource.kind, id: orgId });
      if (known === undefined) await add(resource, resource.singleton.initial, orgId);
    }
    await ensureKey(transaction, credentials, at);
  });
};

/** The operator's word counts: a known access key gets the given secret. */
const ensureKey = async (
  transaction: DatabaseTransaction,
  { orgId, accessKey, apiSecret }: Credentials,
  at: Date,
): Promise<void> => {
  const secretHash = await hashSecret(apiSecret);
  const { numUpdatedRows } = await transaction
    .updateTable("access_key")
    .set({ secret_hash: secretHash })
    .where("access_key", "=", accessKey)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) return;
  const serviceUserId = randomUUID();
  await transaction
    .insertInto("service_user")
    .values({ id: serviceUserId, org_id: orgId, name: "first service user", created_at: at })
    .execute();
  await transaction
    .insertInto("access_key")
    .values({
      access_key: accessKey,
      service_user_id: serviceUserId,
      secret_hash: secretHash,
      created_at: at,
    })
    .execute();
};
