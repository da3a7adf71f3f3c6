import type { Selectable } from "kysely";
import { sql } from "kysely";
import type { Database, Tables } from "../ports/database.ts";
import { type Page, pageBy, placeOf, sequencePlace } from "../records/paging.ts";

type Row = Selectable<Tables["change"]>;

/** What the log may be narrowed by; absent ones narrow nothing. */
export interface AuditFilter {
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly action?: Row["action"] | undefined;
  readonly principal?: string | undefined;
  /** Instants: `from` ≤ at < `before`. */
  readonly from?: string | undefined;
  readonly before?: string | undefined;
}

/** Who changed what, when, from what and to what. */
export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly principal: string;
  readonly action: Row["action"];
  readonly entityType: string;
  readonly entityId: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

const toEntry = (row: Row): AuditEntry => ({
  id: row.sequence,
  at: row.at.toISOString(),
  principal: row.principal,
  action: row.action,
  entityType: row.kind,
  entityId: row.record_id,
  ...(row.before === null ? {} : { before: row.before }),
  ...(row.after === null ? {} : { after: row.after }),
});

/** A page of an organization's log, newest first. */
export const listAuditEntries = async (
  database: Database,
  orgId: string,
  page: { filter: AuditFilter; pageSize: number; nextToken?: string | undefined },
): Promise<Page<AuditEntry>> => {
  const { filter, pageSize, nextToken } = page;
  const { entityType, entityId, action, principal, from, before } = filter;
  let query = database.selectFrom("change").selectAll().where("org_id", "=", orgId);
  if (entityType !== undefined) query = query.where("kind", "=", entityType);
  // As text, so that a value which is no UUID finds nothing instead of failing.
  if (entityId !== undefined) query = query.where(sql`record_id::text`, "=", entityId);
  if (action !== undefined) query = query.where("action", "=", action);
  if (principal !== undefined) query = query.where("principal", "=", principal);
  if (from !== undefined) query = query.where("at", ">=", new Date(from));
  if (before !== undefined) query = query.where("at", "<", new Date(before));
  if (nextToken !== undefined)
    query = query.where("sequence", "<", placeOf(nextToken, sequencePlace));
  const rows = await query
    .orderBy("sequence", "desc")
    .limit(pageSize + 1)
    .execute();
  const shown = pageBy(rows, pageSize, ({ sequence }) => sequence);
  return { ...shown, data: shown.data.map(toEntry) };
};
