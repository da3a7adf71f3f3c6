import { randomUUID } from "node:crypto";
import { managedPolicies, permissionPolicy } from "@turnpike/contract/access/permission-policy.ts";
import { serviceUser } from "@turnpike/contract/access/service-user.ts";
import { currency } from "@turnpike/contract/accounts/currency.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import { serverPrincipal } from "../records/caller.ts";
import { findRecord } from "../records/records.ts";
import { noSecrets } from "../resources/secrets.ts";
import { insert, recordChange } from "../resources/writes.ts";
import { attach } from "./attachments.ts";
import { hashSecret } from "./keys.ts";
import { type KeyPair, storeKey } from "./service-user-keys.ts";

export interface Credentials extends KeyPair {
  readonly orgId: string;
}

export const newOrganizationId = (): string => randomUUID();

/** Every organization has US dollars (m3ter semantics 18.9). */
const firstCurrency = { name: "US Dollar", code: "USD" };
const firstServiceUser = { name: "First service user" };

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
    const add: Add = async (resource, body, id) => {
      const written = await insert(transaction, resource, {
        caller,
        secrets: noSecrets,
        body,
        at,
        id,
      });
      await recordChange(transaction, caller, { ...written, at });
      return written.row.id;
    };
    const ensure: Add = async (resource, body, id = orgId) => {
      const known = await findRecord(transaction, { orgId, kind: resource.kind, id });
      return known?.id ?? add(resource, body, id);
    };
    if (numInsertedOrUpdatedRows === 1n) await add(currency, firstCurrency);
    for (const resource of resources) {
      if (resource.singleton !== undefined) await ensure(resource, resource.singleton.initial);
    }
    for (const { id, ...body } of Object.values(managedPolicies)) {
      await ensure(permissionPolicy, body, id);
    }
    if (await replaceSecret(transaction, credentials)) return;
    const holder = await add(serviceUser, firstServiceUser);
    await storeKey(transaction, caller, { serviceUserId: holder, pair: credentials, at });
    await attach(transaction, caller, {
      policyId: managedPolicies.administrator.id,
      holder: { type: "SERVICEUSER", id: holder },
      at,
    });
  });
};

/** Writes a record and answers its id. */
type Add = (resource: Resource, body: unknown, id?: string) => Promise<string>;

/** The operator's word counts: a known access key gets the given secret. False when it is not known. */
const replaceSecret = async (
  transaction: DatabaseTransaction,
  { orgId, accessKey, apiSecret }: Credentials,
): Promise<boolean> => {
  const known = await transaction
    .selectFrom("access_key")
    .select("org_id")
    .where("access_key", "=", accessKey)
    .executeTakeFirst();
  if (known === undefined) return false;
  if (known.org_id !== orgId) {
    throw new Error(`access key ${accessKey} belongs to another organization, ${known.org_id}`);
  }
  await transaction
    .updateTable("access_key")
    .set({ secret_hash: await hashSecret(apiSecret) })
    .where("access_key", "=", accessKey)
    .execute();
  return true;
};
