import type { Resource } from "@turnpike/contract/resource.ts";
import type { Document, Reader } from "../ports/database.ts";
import type { KindOf } from "./filters.ts";
import { findRecords, type RecordRow } from "../records/records.ts";

/** The fields of a page of records that live on other records, one query for each step of a path. */
export const derivedFields = async (
  reader: Reader,
  { resource, rows, kindOf }: { resource: Resource; rows: readonly RecordRow[]; kindOf: KindOf },
): Promise<Map<string, Document>> => {
  const found = new Map<string, Document>();
  const orgId = rows[0]?.org_id;
  if (orgId === undefined) return found;
  for (const [name, { path, field }] of Object.entries(resource.derived ?? {})) {
    let documents = new Map(rows.map((row) => [row.id, row.document]));
    let kind = resource.kind;
    for (const step of path) {
      kind = kindOf(kind, step);
      documents = await follow(reader, documents, { orgId, kind, step });
    }
    for (const [id, document] of documents) {
      const value = document[field];
      if (value !== undefined) found.set(id, { ...found.get(id), [name]: value });
    }
  }
  return found;
};

const follow = async (
  reader: Reader,
  documents: ReadonlyMap<string, Document>,
  { orgId, kind, step }: { orgId: string; kind: string; step: string },
): Promise<Map<string, Document>> => {
  const targets = new Map<string, string>();
  for (const [id, document] of documents) {
    const target = document[step];
    if (typeof target === "string") targets.set(id, target);
  }
  const rows = await findRecords(reader, { orgId, kind, ids: targets.values() });
  const byId = new Map(rows.map((row) => [row.id, row.document]));
  const next = new Map<string, Document>();
  for (const [id, target] of targets) {
    const document = byId.get(target);
    if (document !== undefined) next.set(id, document);
  }
  return next;
};
