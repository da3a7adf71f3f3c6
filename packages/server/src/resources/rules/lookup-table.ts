import { sql } from "kysely";
import { lookupTableRevision } from "@turnpike/contract/catalog/lookup-table-revision.ts";
import type { Document } from "../../ports/database.ts";
import { type RecordRow, toReply } from "../../records/records.ts";
import type { Read, Rules } from "../rule.ts";
import { keepsTableOfFormulas } from "./formula-users.ts";
import { withItemCounts } from "./lookup-table-revision.ts";

/** The revision that lookups read: the published one, when there is one. */
const withActiveRevision = async (read: Read): Promise<Map<string, Document>> => {
  const ids = read.rows.map(({ id }) => id);
  const { rows } = await sql<RecordRow>`
    SELECT * FROM record WHERE org_id = ${read.orgId} AND parent_id = ANY(${ids}::uuid[])
      AND kind = ${lookupTableRevision.kind} AND document->>'status' = 'PUBLISHED'
  `.execute(read.reader);
  const counts = await withItemCounts({ ...read, rows });
  return new Map(
    rows.map((row) => [row.parent_id ?? "", { activeRevision: toReply(row, counts.get(row.id)) }]),
  );
};

export const lookupTableRules: Rules = {
  write: async (write) => {
    const { document, before } = write;
    const was = before?.["code"];
    if (was !== document["code"]) await keepsTableOfFormulas(write, { code: was, field: "code" });
    return document;
  },
  remove: (write) => keepsTableOfFormulas(write, { code: write.document["code"], field: "id" }),
  compute: withActiveRevision,
};
