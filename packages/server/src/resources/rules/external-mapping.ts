import { fieldProblem } from "@turnpike/contract/problem.ts";
import { resources } from "@turnpike/contract/resources.ts";
import { externalMapping } from "@turnpike/contract/sync/external-mapping.ts";
import type { DatabaseTransaction } from "../../ports/database.ts";
import { findRecord, isRecordId, type RecordKey } from "../../records/records.ts";
import type { Rules, Write } from "../rule.ts";

const bill = "bill";

/** Bills are the one entity that is no declared resource. */
const isThere = async (transaction: DatabaseTransaction, key: RecordKey): Promise<boolean> => {
  if (key.kind !== bill) return (await findRecord(transaction, key)) !== undefined;
  if (!isRecordId(key.id)) return false;
  const found = await transaction
    .selectFrom("bill")
    .select("id")
    .where("org_id", "=", key.orgId)
    .where("id", "=", key.id)
    .executeTakeFirst();
  return found !== undefined;
};

/** What is mapped is an entity of ours, whose name may be written in any case (m3ter semantics 22). */
const mapsAnEntity = async ({ transaction, orgId, document }: Write) => {
  const { m3terEntity, m3terId } = externalMapping.fields.parse(document);
  const kind = [bill, ...resources.map((resource) => resource.kind)].find(
    (known) => known.toLowerCase() === m3terEntity.toLowerCase(),
  );
  if (kind === undefined)
    throw fieldProblem("RULE_VIOLATED", "m3terEntity", `is none: ${m3terEntity}`);
  if (await isThere(transaction, { orgId, kind, id: m3terId })) return document;
  throw fieldProblem("REFERENCE_NOT_FOUND", "m3terId", `names no ${kind}: ${m3terId}`);
};

export const externalMappingRules: Rules = { write: mapsAnEntity };
