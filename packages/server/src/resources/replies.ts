import type { Resource } from "@turnpike/contract/resource.ts";
import type { Document, Reader } from "../ports/database.ts";
import { derivedFields } from "./derived.ts";
import type { KindOf } from "./filters.ts";
import { type RecordRow, toReply } from "../records/records.ts";
import { rules } from "./rules.ts";
import type { Secrets } from "./secrets.ts";

export type Reply = Document & { readonly id: string };

interface Reading {
  readonly resource: Resource;
  readonly rows: readonly RecordRow[];
  readonly kindOf: KindOf;
  readonly secrets: Secrets;
  readonly at: Date;
}

/** Records as clients read them: with the fields of other records and the calculated ones. */
export const toReplies = async (
  reader: Reader,
  { resource, rows, kindOf, secrets, at }: Reading,
): Promise<Reply[]> => {
  const [first] = rows;
  if (first === undefined) return [];
  const orgId = first.org_id;
  const derived = await derivedFields(reader, { resource, rows, kindOf });
  const computed = await rules[resource.kind]?.compute?.({ reader, orgId, secrets, at, rows });
  return rows.map((row) => toReply(row, { ...derived.get(row.id), ...computed?.get(row.id) }));
};
