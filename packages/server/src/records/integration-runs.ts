import { type RawBuilder, type Selectable, sql } from "kysely";
import type { RunStatus } from "@turnpike/contract/sync/integration-operations.ts";
import type { Database, DatabaseTransaction, IntegrationRunTable } from "../ports/database.ts";
import type { Caller } from "./caller.ts";
import { decodePosition, type Page, pageOf } from "./paging.ts";
import { isRecordId } from "./records.ts";

export type IntegrationRun = Selectable<IntegrationRunTable>;

/** Entities of one type that other systems shall learn about. */
interface Entities {
  readonly entityType: string;
  readonly ids: readonly string[];
  readonly at: Date;
}

/**
 * One run for each entity and each integration that asks for its type, or for this one of it. An enabled one waits for
 * the connector of its system; a disabled one says so and ends here.
 */
export const queueRuns = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { entityType, ids, at }: Entities,
): Promise<void> => {
  if (ids.length === 0) return;
  await sql`
    INSERT INTO integration_run (org_id, id, version, config_id, entity_type, entity_id, destination, destination_id,
      status, log, dt_created, dt_last_modified, created_by, last_modified_by)
    SELECT ${orgId}::uuid, gen_random_uuid(), 1, config.id, ${entityType}, entity.id, config.document->>'destination',
      config.document->>'destinationId', CASE WHEN is_enabled THEN 'WAITING' ELSE 'DISABLED' END,
      jsonb_build_array(jsonb_build_object('at', ${at.toISOString()}::text, 'message', CASE WHEN is_enabled
        THEN 'Waits for a connector to ' || (config.document->>'destination')
        ELSE 'The integration is disabled' END)),
      ${at}::timestamptz, ${at}::timestamptz, ${principal}, ${principal}
    FROM record config
    CROSS JOIN LATERAL (SELECT (config.document->>'enabled') IS DISTINCT FROM 'false' AS is_enabled) state
    CROSS JOIN unnest(${ids}::text[]) AS entity(id)
    WHERE config.org_id = ${orgId} AND config.kind = 'integrationConfig'
      AND lower(config.document->>'entityType') = lower(${entityType})
      AND coalesce(config.document->>'entityId', entity.id) = entity.id
  `.execute(transaction);
};

/** A run as a client reads it. */
export const toRunReply = (run: IntegrationRun) => ({
  id: run.id,
  version: Number(run.version),
  entityType: run.entity_type,
  entityId: run.entity_id,
  status: run.status,
  destination: run.destination,
  destinationId: run.destination_id ?? undefined,
  dtCreated: run.dt_created.toISOString(),
  dtLastModified: run.dt_last_modified.toISOString(),
  createdBy: run.created_by,
  lastModifiedBy: run.last_modified_by,
});
export type RunReply = ReturnType<typeof toRunReply>;

export const findRun = async (
  database: Database,
  { orgId, id }: { orgId: string; id: string },
): Promise<IntegrationRun | undefined> => {
  if (!isRecordId(id)) return undefined;
  return database
    .selectFrom("integration_run")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("id", "=", id)
    .executeTakeFirst();
};

/** What a list may be narrowed by: `from` ≤ created ≤ `to`. */
export interface RunFilter {
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly destination?: string | undefined;
  readonly destinationId?: string | undefined;
  readonly status?: RunStatus | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const conditions = (orgId: string, filter: RunFilter): RawBuilder<boolean>[] => {
  const wanted = [sql<boolean>`org_id = ${orgId}`];
  const { entityType, entityId, destination, destinationId, status, from, to } = filter;
  if (entityType !== undefined) wanted.push(sql`entity_type = ${entityType}`);
  if (entityId !== undefined) wanted.push(sql`entity_id = ${entityId}`);
  if (destination !== undefined) wanted.push(sql`lower(destination) = lower(${destination})`);
  if (destinationId !== undefined) wanted.push(sql`destination_id = ${destinationId}`);
  if (status !== undefined) wanted.push(sql`status = ${status}`);
  if (from !== undefined) wanted.push(sql`dt_created >= ${new Date(from)}`);
  if (to !== undefined) wanted.push(sql`dt_created <= ${new Date(to)}`);
  return wanted;
};

/** A page of an organization's runs, newest first unless the order says otherwise. */
export const listRuns = async (
  database: Database,
  orgId: string,
  page: {
    filter: RunFilter;
    order: "ASC" | "DESC";
    pageSize: number;
    nextToken?: string | undefined;
  },
): Promise<Page<RunReply>> => {
  const wanted = conditions(orgId, page.filter);
  const isOldestFirst = page.order === "ASC";
  if (page.nextToken !== undefined) {
    const { createdAt, id } = decodePosition(page.nextToken);
    const comparator = isOldestFirst ? sql`>` : sql`<`;
    wanted.push(sql`(dt_created, id) ${comparator} (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  const direction = isOldestFirst ? sql`ASC` : sql`DESC`;
  const { rows } = await sql<IntegrationRun>`
    SELECT * FROM integration_run WHERE ${sql.join(wanted, sql` AND `)}
    ORDER BY dt_created ${direction}, id ${direction} LIMIT ${page.pageSize + 1}
  `.execute(database);
  const found = pageOf(rows, page.pageSize, (row) => ({
    createdAt: row.dt_created.toISOString(),
    id: row.id,
  }));
  return { ...found, data: found.data.map(toRunReply) };
};

/** The latest run of each of the entities that has one, newest first. */
export const latestRuns = async (
  database: Database,
  orgId: string,
  { entityType, ids }: { entityType: string; ids: readonly string[] },
): Promise<RunReply[]> => {
  const { rows } = await sql<IntegrationRun>`
    SELECT latest.* FROM unnest(${ids}::text[]) AS wanted(id) CROSS JOIN LATERAL (
      SELECT * FROM integration_run WHERE org_id = ${orgId} AND entity_type = ${entityType} AND entity_id = wanted.id
      ORDER BY dt_created DESC, id DESC LIMIT 1
    ) latest ORDER BY latest.dt_created DESC, latest.id DESC
  `.execute(database);
  return rows.map(toRunReply);
};
