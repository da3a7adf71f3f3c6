import { type RawBuilder, type Selectable, type SelectQueryBuilder, sql } from "kysely";
import {
  changeEvents,
  eventDays,
  eventName,
  eventSubjects,
  eventTypes,
} from "@turnpike/contract/event.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Database, EventFeedView, Tables } from "../ports/database.ts";
import { decodePosition, type Page, pageOf, type Position } from "../records/paging.ts";
import { isRecordId } from "../records/records.ts";
import { notifiedBy, type Occurrence } from "./notified.ts";

type Row = Selectable<EventFeedView>;
type Rows = SelectQueryBuilder<Tables, "event_feed", Row>;

/** What a list may be narrowed by; `ids` stands alone. */
export interface EventFilter {
  readonly ids?: readonly string[] | undefined;
  readonly eventName?: string | undefined;
  readonly eventType?: string | undefined;
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

const nameOf = ({ name, kind, action }: Row): string => {
  if (name !== null) return name;
  const subject = eventSubjects.get(kind ?? "");
  if (subject === undefined || action === null) throw new Error(`no event is named for ${kind}`);
  return eventName(subject, action);
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

/** Changes of access, such as keys, are in the audit log only. */
const eventsOf = (database: Database, orgId: string, at: Date): Rows =>
  database
    .selectFrom("event_feed")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("at", ">", new Date(at.getTime() - retentionMs))
    .where(sql<boolean>`(name IS NOT NULL OR kind = ANY(${[...eventSubjects.keys()]}))`);

const nothing = sql<boolean>`false`;

/** What an event's name is in the feed: a kind and an action, or itself. */
const isNamed = (name: string): RawBuilder<boolean> => {
  const change = changeEvents.get(name);
  return change === undefined
    ? sql`name = ${name}`
    : sql`(kind = ${change.kind} AND action = ${change.action})`;
};

const named = (rows: Rows, names: readonly string[]): Rows =>
  names.length === 0
    ? rows.where(nothing)
    : rows.where(sql<boolean>`(${sql.join(names.map(isNamed), sql` OR `)})`);

const typeNames: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(eventTypes));

/** Changes have no name of their own in the feed: every one of them can notify. */
const ofType = (rows: Rows, type: string): Rows => {
  if (type === ("Notification" satisfies keyof typeof eventTypes))
    return rows.where("name", "is", null);
  return rows.where(sql<boolean>`name = ANY(${typeNames.get(type) ?? []})`);
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
  if (wanted !== undefined) narrowed = named(narrowed, [wanted]);
  if (eventType !== undefined) narrowed = ofType(narrowed, eventType);
  if (accountId !== undefined) narrowed = ofAccount(narrowed, accountId);
  if (resourceId !== undefined) narrowed = narrowed.where(sql`record_id::text`, "=", resourceId);
  return narrowed;
};

const checkAlone = ({ ids, ...others }: EventFilter): void => {
  if (ids === undefined) return;
  const other = Object.entries(others).find(([, value]) => value !== undefined);
  if (other === undefined) return;
  throw fieldProblem("VALIDATION_FAILED", "ids", `cannot be used with ${other[0]}`);
};

/** Rows that are read to find those which triggered a notification. */
const judgedAtOnce = 500;

interface Search {
  /** In order, without a limit. */
  readonly rows: Rows;
  readonly wanted: number;
  readonly after: Position | undefined;
  readonly keeps: ((row: Row) => boolean) | undefined;
}

/** The first rows after a place that are kept; fewer than wanted only where there are no more. */
const firstRows = async ({ rows, wanted, after, keeps }: Search): Promise<Row[]> => {
  const found: Row[] = [];
  const limit = keeps === undefined ? wanted : judgedAtOnce;
  for (let place = after; ;) {
    const next =
      place === undefined
        ? rows
        : rows.where(sql<boolean>`(at, id) < (${place.createdAt}::timestamptz, ${place.id}::uuid)`);
    const batch = await next.limit(limit).execute();
    found.push(...(keeps === undefined ? batch : batch.filter(keeps)));
    const last = batch.at(-1);
    if (last === undefined || batch.length < limit || found.length >= wanted)
      return found.slice(0, wanted);
    place = positionOf(last);
  }
};

const positionOf = ({ at, id }: Row): Position => ({ createdAt: at.toISOString(), id });

const occurrence = (row: Row): Occurrence => ({ ...row, name: nameOf(row) });

/** A page of an organization's events, newest first. */
export const listEvents = async (
  database: Database,
  orgId: string,
  page: { at: Date; filter: EventFilter; pageSize: number; nextToken?: string | undefined },
): Promise<Page<EventReply>> => {
  const { at, filter, pageSize, nextToken } = page;
  checkAlone(filter);
  const { notificationId: id, notificationCode: code } = filter;
  const notified =
    (id ?? code) === undefined ? undefined : await notifiedBy(database, orgId, { id, code });
  const events = filtered(eventsOf(database, orgId, at), filter);
  const rows = await firstRows({
    rows: (notified === undefined ? events : named(events, notified.eventNames))
      .orderBy("at", "desc")
      .orderBy("id", "desc"),
    wanted: pageSize + 1,
    after: nextToken === undefined ? undefined : decodePosition(nextToken),
    keeps: notified && ((row) => notified.by(occurrence(row))),
  });
  const found = pageOf(rows, pageSize, positionOf);
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
