import {
  lookupTableRevision,
  type RevisionStatus,
} from "@turnpike/contract/catalog/lookup-table-revision.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { lookupChildren } from "../records/lookup.ts";
import { lockTable, type Revision, revisionInPath } from "../resources/lookup-data.ts";
import type { Writer } from "../resources/writer.ts";
import type { Handlers } from "./handler.ts";

/** From which status to which: nothing goes back to being a draft (m3ter semantics 8). */
const nextStatuses: Readonly<Record<RevisionStatus, readonly RevisionStatus[]>> = {
  DRAFT: ["DRAFT", "PUBLISHED", "ARCHIVED"],
  PUBLISHED: ["PUBLISHED", "ARCHIVED"],
  ARCHIVED: ["ARCHIVED", "PUBLISHED"],
};

/** One revision of a table is published at a time. */
const archivePublished = async (writer: Writer, revision: Revision): Promise<void> => {
  const on = { orgId: writer.caller.orgId, id: revision.lookupTableId };
  for (const other of await lookupChildren(writer.transaction, lookupTableRevision, on)) {
    const isPublished = "status" in other && other.status === "PUBLISHED";
    if (!isPublished || other.id === revision.id) continue;
    await writer.amend(lookupTableRevision, { id: other.id, fields: { status: "ARCHIVED" } });
  }
};

export const updateLookupTableRevisionStatus: Handlers["updateLookupTableRevisionStatus"] = (
  { orgId, principal, params, body },
  { catalog },
) =>
  catalog.change({ orgId, principal }, async (writer) => {
    const { transaction } = writer;
    await lockTable(transaction, orgId, await revisionInPath(transaction, orgId, params));
    const revision = await revisionInPath(transaction, orgId, params);
    const { status, version } = body;
    if (version !== revision.version) {
      const message = `is ${version}, but the stored version is ${revision.version}`;
      throw fieldProblem("VERSION_MISMATCH", "version", message);
    }
    if (!nextStatuses[revision.status].includes(status)) {
      throw fieldProblem("RULE_VIOLATED", "status", `cannot become ${status} again`);
    }
    if (status === "PUBLISHED") await archivePublished(writer, revision);
    const row = await writer.amend(lookupTableRevision, { id: revision.id, fields: { status } });
    const [reply] = await catalog.replies(transaction, lookupTableRevision, [row]);
    return reply;
  });
