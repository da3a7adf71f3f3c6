import { ingestFailureEvent } from "@turnpike/contract/event.ts";
import { eventFields, eventNames } from "@turnpike/contract/event-fields.ts";
import { scheduledEventConfiguration } from "@turnpike/contract/sync/scheduled-event-configuration.ts";
import { type EventReply, listEvents as list, readEvent } from "../events/event-feed.ts";
import { lookupEvery } from "../records/lookup.ts";
import type { Handlers } from "./handler.ts";

/** Failures say where to ask for their file: on the host that the caller knows. */
const withUrl = (
  event: EventReply,
  { orgId, origin }: { orgId: string; origin: string },
): EventReply => {
  if (event.eventName !== ingestFailureEvent) return event;
  const { eventData } = event.m3terEvent;
  const detail = Object.fromEntries(Object.entries(eventData["newDto"] ?? {}));
  const route = `${origin}/organizations/${orgId}/measurements/failedIngest/getDownloadUrl`;
  const getDownloadUrl = `${route}?file=${encodeURIComponent(String(detail["file"]))}`;
  return {
    ...event,
    m3terEvent: { eventData: { ...eventData, newDto: { ...detail, getDownloadUrl } } },
  };
};

/** Whether actioned events are wanted changes nothing, since none is left to be actioned (`actionedAt`). */
export const listEvents: Handlers["listEvents"] = async (request, { database, now }) => {
  const { pageSize, nextToken, includeActioned: _always, ...filter } = request.query;
  const { orgId } = request;
  const page = await list(database, orgId, { at: now(), filter, pageSize, nextToken });
  return { ...page, data: page.data.map((event) => withUrl(event, request)) };
};

export const getEvent: Handlers["getEvent"] = async (request, { database, now }) => {
  const { orgId, params } = request;
  return withUrl(await readEvent(database, { orgId, id: params["id"] ?? "", at: now() }), request);
};

/** What notifications may wait for: also the organization's own scheduled events. */
export const listEventTypes: Handlers["listEventTypes"] = async ({ orgId }, { database }) => {
  const scheduled = await lookupEvery(database, scheduledEventConfiguration, orgId);
  return { events: [...eventNames, ...scheduled.map(({ name }) => name)] };
};

export const listEventFields: Handlers["listEventFields"] = async ({ query }) => {
  const names = query.eventName === undefined ? eventNames : [query.eventName];
  return { events: Object.fromEntries(names.map((name) => [name, eventFields(name)])) };
};
