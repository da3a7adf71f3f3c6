import { sql } from "kysely";
import { lookupTable } from "@turnpike/contract/catalog/lookup-table.ts";
import { lookupTableRevision } from "@turnpike/contract/catalog/lookup-table-revision.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Document } from "../../ports/database.ts";
import { lookup } from "../../records/lookup.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { keepsTableOfFormulas } from "./formula-users.ts";

/** A draft at first; its schema stands as soon as it has data (m3ter semantics 8). */
const keepsItsSchema = async ({ transaction, orgId, id, document, before }: Write) => {
  const written = { status: "DRAFT", ...document };
  if (before === undefined || (await itemCount(transaction, { orgId, ids: [id] })).size === 0) {
    return written;
  }
  const was = lookupTableRevision.fields.parse(before);
  const next = lookupTableRevision.fields.parse(document);
  for (const field of ["fields", "keys"] as const) {
    if (JSON.stringify(was[field]) === JSON.stringify(next[field])) continue;
    throw fieldProblem("RULE_VIOLATED", field, "cannot be changed while the revision has data");
  }
  return written;
};

const itemCount = async (
  reader: Read["reader"],
  { orgId, ids }: { orgId: string; ids: readonly string[] },
): Promise<Map<string, number>> => {
  const { rows } = await sql<{ id: string; items: string }>`
    SELECT revision_id AS id, count(*) AS items FROM lookup_item
    WHERE org_id = ${orgId} AND revision_id = ANY(${ids}::uuid[]) GROUP BY revision_id
  `.execute(reader);
  return new Map(rows.map(({ id, items }) => [id, Number(items)]));
};

/** How many rows each revision has. */
export const withItemCounts = async ({
  reader,
  orgId,
  rows,
}: Read): Promise<Map<string, Document>> => {
  const ids = rows.map(({ id }) => id);
  const counts = await itemCount(reader, { orgId, ids });
  return new Map(ids.map((id) => [id, { itemCount: counts.get(id) ?? 0 }]));
};

/** The data that formulas read is not removed from under them; archiving it is how they are told to stop. */
const staysWhileRead = async (write: Omit<Write, "before">): Promise<void> => {
  const { transaction, orgId, document } = write;
  if (document["status"] !== "PUBLISHED") return;
  const { lookupTableId: id } = lookupTableRevision.fields.parse(document);
  const owner = await lookup(transaction, lookupTable, { orgId, id });
  await keepsTableOfFormulas(write, { code: owner?.code, field: "id" });
};

export const lookupTableRevisionRules: Rules = {
  write: keepsItsSchema,
  remove: staysWhileRead,
  compute: withItemCounts,
};
