import { type Selectable, type SelectQueryBuilder, sql } from "kysely";
import {
  changeEvents,
  eventDays,
  eventName,
  type EventType,
  ingestFailureEvent,
} from "@turnpike/contract/event.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { resources } from "@turnpike/contract/resources.ts";
import type { Database, EventFeedView, Tables } from "../ports/database.ts";
import { decodePosition, type Page, pageOf } from "../records/paging.ts";
import { isRecordId } from "../records/records.ts";

type Row = Selectable<EventFeedView>;
type Rows = SelectQueryBuilder<Tables, "event_feed", Row>;

/** What a list may be narrowed by; `ids` stands alone. */
export interface EventFilter {
  readonly ids?: readonly string[] | undefined;
  readonly eventName?: string | undefined;
  readonly eventType?: EventType | undefined;
  readonly accountId?: string | undefined;
  readonly resourceId?: string | undefined;
  readonly notificationId?: string | undefined;
  readonly notificationCode?: string | undefined;
}

export interface EventReply {
  readonly id: string;
  readonly eventName: string;
  readonly eventTime: string;
  readonly dtActioned: string;
  readonly m3terEvent: { readonly eventData: Readonly<Record<string, unknown>> };
}

/** [R] 22: events are evaluated as they happen, and no route marks one as dealt with later. */
const actionedAt = ({ at }: Row): string => at.toISOString();

const resourceOf = new Map(resources.map((resource) => [resource.kind, resource]));

const nameOf = ({ name, kind, action }: Row): string => {
  if (name !== null) return name;
  const resource = resourceOf.get(kind ?? "");
  if (resource === undefined || action === null) throw new Error(`no event is named for ${kind}`);
  return eventName(resource, action);
};

const toReply = (row: Row): EventReply => ({
  id: row.id,
  eventName: nameOf(row),
  eventTime: row.at.toISOString(),
  dtActioned: actionedAt(row),
  m3terEvent: {
    eventData: {
      ...(row.after === null ? {} : { newDto: row.after }),
      ...(row.before === null ? {} : { oldDto: row.before }),
    },
  },
});

const retentionMs = eventDays * 86_400_000;

/** Changes of what is no resource, such as keys, are in the audit log only. */
const eventsOf = (database: Database, orgId: string, at: Date): Rows =>
  database
    .selectFrom("event_feed")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("at", ">", new Date(at.getTime() - retentionMs))
    .where(sql<boolean>`(name IS NOT NULL OR kind = ANY(${[...resourceOf.keys()]}))`);

const nothing = sql<boolean>`false`;

const named = (rows: Rows, wanted: string): Rows => {
  const change = changeEvents.get(wanted);
  if (change === undefined) return rows.where("name", "=", wanted);
  const { resource, action } = change;
  return rows.where("kind", "=", resource.kind).where("action", "=", action);
};

/** [R] 22: every change can notify; no notification, integration or export has raised an event yet. */
const ofType = (rows: Rows, type: EventType): Rows => {
  if (type === "Notification") return rows.where("name", "is", null);
  return type === "IngestValidationFailure"
    ? rows.where("name", "=", ingestFailureEvent)
    : rows.where(nothing);
};

const ofAccount = (rows: Rows, accountId: string): Rows =>
  rows.where(
    sql<boolean>`(kind = 'account' AND record_id::text = ${accountId}
      OR coalesce(after, before)->>'accountId' = ${accountId})`,
  );

const filtered = (rows: Rows, filter: EventFilter): Rows => {
  const { ids, eventName: wanted, eventType, accountId, resourceId } = filter;
  let narrowed = rows;
  if (ids !== undefined) {
    narrowed = narrowed.where(sql<boolean>`id = ANY(${ids.filter(isRecordId)}::uuid[])`);
  }
  if (wanted !== undefined) narrowed = named(narrowed, wanted);
  if (eventType !== undefined) narrowed = ofType(narrowed, eventType);
  if (accountId !== undefined) narrowed = ofAccount(narrowed, accountId);
  if (resourceId !== undefined) narrowed = narrowed.where(sql`record_id::text`, "=", resourceId);
  const isNotified = filter.notificationId ?? filter.notificationCode;
  return isNotified === undefined ? narrowed : narrowed.where(nothing);
};

const checkAlone = ({ ids, ...others }: EventFilter): void => {
  if (ids === undefined) return;
  const other = Object.entries(others).find(([, value]) => value !== undefined);
  if (other === undefined) return;
  throw fieldProblem("VALIDATION_FAILED", "ids", `cannot be used with ${other[0]}`);
};

/** A page of an organization's events, newest first. */
export const listEvents = async (
  database: Database,
  orgId: string,
  page: { at: Date; filter: EventFilter; pageSize: number; nextToken?: string | undefined },
): Promise<Page<EventReply>> => {
  const { at, filter, pageSize, nextToken } = page;
  checkAlone(filter);
  let query = filtered(eventsOf(database, orgId, at), filter);
  if (nextToken !== undefined) {
    const { createdAt, id } = decodePosition(nextToken);
    query = query.where(sql<boolean>`(at, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  const rows = await query
    .orderBy("at", "desc")
    .orderBy("id", "desc")
    .limit(pageSize + 1)
    .execute();
  const found = pageOf(rows, pageSize, (row) => ({ createdAt: row.at.toISOString(), id: row.id }));
  return { ...found, data: found.data.map(toReply) };
};

/** An event of the last 28 days; NOT_FOUND when the organization has none of that id. */
export const readEvent = async (
  database: Database,
  key: { orgId: string; id: string; at: Date },
): Promise<EventReply> => {
  if (!isRecordId(key.id)) throw new Problem("NOT_FOUND");
  const row = await eventsOf(database, key.orgId, key.at)
    .where("id", "=", key.id)
    .executeTakeFirst();
  if (row === undefined) throw new Problem("NOT_FOUND");
  return toReply(row);
};
