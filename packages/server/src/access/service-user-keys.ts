import { randomBytes, randomUUIDv7 } from "node:crypto";
import type { Selectable } from "kysely";
import { serviceUser } from "@turnpike/contract/access/service-user.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Database, DatabaseTransaction, Reader, Tables } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { findRecord } from "../records/records.ts";
import { recordAccessChange } from "./changes.ts";
import { hashSecret } from "./keys.ts";

/** What a reader may see of a key: never its secret, which only its maker was shown. */
export interface ServiceUserKey {
  readonly id: string;
  readonly accessKey: string;
  readonly serviceUserId: string;
  readonly dtCreated: string;
  readonly createdBy: string;
}

export interface KeyPair {
  readonly accessKey: string;
  readonly apiSecret: string;
}

/** Enough to replace one key by another; a list of them needs no pages. */
const keysPerUserMax = 10;

export const newKeyPair = (): KeyPair => ({
  accessKey: `tk_${randomBytes(12).toString("hex")}`,
  apiSecret: randomBytes(32).toString("base64url"),
});

type Row = Selectable<Tables["access_key"]>;

const toKey = (row: Row): ServiceUserKey => ({
  id: row.id,
  accessKey: row.access_key,
  serviceUserId: row.service_user_id,
  dtCreated: row.created_at.toISOString(),
  createdBy: row.created_by,
});

const findKeys = (reader: Reader, orgId: string, serviceUserId: string): Promise<Row[]> =>
  reader
    .selectFrom("access_key")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("service_user_id", "=", serviceUserId)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .execute();

/** Stores a key pair of a service user; NOT_FOUND without that user, RULE_VIOLATED when it has too many. */
export const storeKey = async (
  transaction: DatabaseTransaction,
  caller: Caller,
  { serviceUserId, pair, at }: { serviceUserId: string; pair: KeyPair; at: Date },
): Promise<ServiceUserKey> => {
  const { orgId } = caller;
  const user = { orgId, kind: serviceUser.kind, id: serviceUserId };
  if ((await findRecord(transaction, user, "for update")) === undefined) {
    throw new Problem("NOT_FOUND");
  }
  if ((await findKeys(transaction, orgId, serviceUserId)).length >= keysPerUserMax) {
    const message = `already has ${keysPerUserMax} keys`;
    throw fieldProblem("RULE_VIOLATED", "serviceUserId", message);
  }
  const row = await transaction
    .insertInto("access_key")
    .values({
      access_key: pair.accessKey,
      org_id: orgId,
      service_user_id: serviceUserId,
      id: randomUUIDv7(),
      secret_hash: await hashSecret(pair.apiSecret),
      created_at: at,
      created_by: caller.principal,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const key = toKey(row);
  const change = { at, kind: "serviceUserKey", id: key.id, action: "created" } as const;
  await recordAccessChange(transaction, caller, { ...change, document: { ...key } });
  return key;
};

/** The only time that the secret is shown. */
export const createKey = async (
  database: Database,
  caller: Caller,
  { serviceUserId, at }: { serviceUserId: string; at: Date },
): Promise<ServiceUserKey & KeyPair> => {
  const pair = newKeyPair();
  const key = await database
    .transaction()
    .execute((transaction) => storeKey(transaction, caller, { serviceUserId, pair, at }));
  return { ...key, ...pair };
};

/** Newest first. NOT_FOUND without that user. */
export const listKeys = async (
  database: Database,
  orgId: string,
  serviceUserId: string,
): Promise<ServiceUserKey[]> => {
  const user = await findRecord(database, { orgId, kind: serviceUser.kind, id: serviceUserId });
  if (user === undefined) throw new Problem("NOT_FOUND");
  return (await findKeys(database, orgId, serviceUserId)).map(toKey);
};

/** The key as it was. NOT_FOUND when that user has no such key. */
export const removeKey = async (
  database: Database,
  caller: Caller,
  { serviceUserId, accessKey, at }: { serviceUserId: string; accessKey: string; at: Date },
): Promise<ServiceUserKey> =>
  database.transaction().execute(async (transaction) => {
    const row = await transaction
      .deleteFrom("access_key")
      .where("org_id", "=", caller.orgId)
      .where((where) => where(where.cast("service_user_id", "text"), "=", serviceUserId))
      .where("access_key", "=", accessKey)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) throw new Problem("NOT_FOUND");
    const key = toKey(row);
    const change = { at, kind: "serviceUserKey", id: key.id, action: "deleted" } as const;
    await recordAccessChange(transaction, caller, { ...change, document: { ...key } });
    return key;
  });
