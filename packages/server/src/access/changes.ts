import type { DatabaseTransaction, Document } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";

/** The audit log's row for something that is not a record: a key, or a policy attached to somebody. */
export const recordAccessChange = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  change: {
    readonly at: Date;
    readonly kind: "serviceUserKey" | "principalPermission";
    readonly id: string;
    readonly action: "created" | "deleted";
    readonly document: Document;
  },
): Promise<void> => {
  const document = JSON.stringify(change.document);
  const isDeleted = change.action === "deleted";
  await transaction
    .insertInto("change")
    .values({
      org_id: orgId,
      at: change.at,
      principal,
      kind: change.kind,
      record_id: change.id,
      action: change.action,
      before: isDeleted ? document : null,
      after: isDeleted ? null : document,
    })
    .execute();
};
