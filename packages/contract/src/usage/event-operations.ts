import { z } from "zod";
import { permitted } from "../access/permission.ts";
import { eventTypes } from "../event.ts";
import type { Operation } from "../operation.ts";
import { flag, paging, textList } from "../query.ts";

/** What a signed link adds to its path. */
const signed = z.looseObject({ expires: z.string(), signature: z.string() });

const events = "/organizations/{orgId}/events";
const noun = "Event";

/** What happened in the last 28 days (m3ter semantics 22). */
export const eventOperations = {
  listEvents: {
    method: "GET",
    path: events,
    noun,
    summary: "List events, newest first",
    query: z.object({
      ...paging(100),
      ids: textList.optional(),
      eventName: z.string().optional(),
      eventType: z.enum(eventTypes).optional(),
      accountId: z.string().optional(),
      resourceId: z.string().optional(),
      notificationId: z.string().optional(),
      notificationCode: z.string().optional(),
      includeActioned: flag.optional(),
    }),
    ...permitted("config:retrieve", "config:event"),
  },
  getEvent: {
    method: "GET",
    path: `${events}/{id}`,
    noun,
    summary: "Retrieve an event",
    ...permitted("config:retrieve", "config:event", "id"),
  },
  listEventTypes: {
    method: "GET",
    path: `${events}/types`,
    noun,
    summary: "The names of the events that there can be",
    ...permitted("config:retrieve", "config:event"),
  },
  listEventFields: {
    method: "GET",
    path: `${events}/fields`,
    noun,
    summary: "The fields of an event, as calculations name them",
    query: z.object({ eventName: z.string().optional() }),
    ...permitted("config:retrieve", "config:event"),
  },
  getFailedIngestUrl: {
    method: "GET",
    path: "/organizations/{orgId}/measurements/failedIngest/getDownloadUrl",
    noun: "Measurements",
    summary: "Where to get the measurements that could not be stored, within five minutes",
    query: z.object({ file: z.string().optional() }),
    ...permitted("measurements:retrieve", "measurements:measurement"),
  },
  downloadFailedIngest: {
    method: "GET",
    path: "/files/failed-ingest/{orgId}/{id}",
    noun: "Measurements",
    summary: "Download what could not be stored from the URL that was generated for it",
    query: signed,
    access: "public",
  },
} as const satisfies Record<string, Operation>;
