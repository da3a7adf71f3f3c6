import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { paging, textList } from "../query.ts";
import { signed } from "../usage/signed-link.ts";
import { revisionStatuses } from "./lookup-table-revision.ts";

const revision = "/organizations/{orgId}/lookuptables/{lookupTableId}/revisions";
const data = `${revision}/{lookupTableRevisionId}/data` as const;

export const lookupItemsMax = 2000;
export const lookupFileTypes = ["application/jsonl", "text/csv"] as const;
export type LookupFileType = (typeof lookupFileTypes)[number];
const fileBytesMax = 104_857_600;

const contentType = z.enum(lookupFileTypes);
const version = { version: z.int().optional() };
const item = z.record(z.string(), z.unknown());
const noun = "LookupTableRevisionData";

/** The rows of lookup tables (m3ter semantics 8). Each route of files answers with a URL that expires. */
export const lookupOperations = {
  updateLookupTableRevisionStatus: {
    method: "PUT",
    path: `${revision}/{id}/status`,
    noun: "LookupTableRevision",
    summary: "Publish or archive a revision; publishing archives the published one",
    body: z.object({ status: z.enum(revisionStatuses), version: z.int() }),
    ...permitted("config:update", "config:lookupTableRevision", "id"),
  },
  getLookupData: {
    method: "GET",
    path: data,
    noun,
    summary: "The rows of a revision, 2,000 at the most",
    query: z.object({
      limit: z.coerce.number().int().min(1).max(lookupItemsMax).default(lookupItemsMax),
      additional: textList.optional(),
    }),
    ...permitted("config:retrieve", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  putLookupData: {
    method: "PUT",
    path: data,
    noun,
    summary: "Replace the rows of a draft",
    query: z.object({ additional: textList.optional() }),
    body: z.object({ items: z.array(item).max(lookupItemsMax), ...version }),
    ...permitted("config:update", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  deleteLookupData: {
    method: "DELETE",
    path: data,
    noun,
    summary: "Remove the rows of a draft",
    ...permitted("config:update", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  getLookupDataEntry: {
    method: "GET",
    path: `${data}/{lookupKey}`,
    noun,
    summary: "The row with a key; several keys are joined by commas",
    ...permitted("config:retrieve", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  putLookupDataEntry: {
    method: "PUT",
    path: `${data}/{lookupKey}`,
    noun,
    summary: "Create or replace the row with a key",
    query: z.object({ additional: textList.optional() }),
    body: z.object({ item, ...version }),
    ...permitted("config:update", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  deleteLookupDataEntry: {
    method: "DELETE",
    path: `${data}/{lookupKey}`,
    noun,
    summary: "Remove the row with a key",
    accepts: "json or nothing",
    body: z.object(version),
    ...permitted("config:update", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  copyLookupData: {
    method: "POST",
    path: `${data}/copy`,
    noun,
    summary: "Copy the rows to another revision of the table, or to a new one",
    accepts: "json or nothing",
    body: z.object({ revisionId: z.string().optional() }),
    ...permitted("config:update", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  generateLookupUploadUrl: {
    method: "POST",
    path: `${data}/generateuploadurl`,
    noun,
    summary: "Where to PUT a file of rows, within a minute",
    body: z.object({
      fileName: z.string().min(1).max(100),
      contentType,
      contentLength: z.int().min(1).max(fileBytesMax),
      ...version,
    }),
    ...permitted("config:update", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  downloadLookupData: {
    method: "POST",
    path: `${data}/jobs/download`,
    noun,
    summary: "Prepare a file of the rows; the job has its URL",
    body: z.object({ contentType }),
    ...permitted("config:retrieve", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  getArchivedLookupData: {
    method: "POST",
    path: `${data}/archived`,
    noun,
    summary: "Where to get the rows of an archived revision, within an hour",
    body: z.object({ contentType }),
    ...permitted("config:retrieve", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  listLookupDataJobs: {
    method: "GET",
    path: `${data}/jobs`,
    noun,
    summary: "List the copies, uploads and downloads of a revision",
    query: z.object(paging(100)),
    ...permitted("config:retrieve", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  getLookupDataJob: {
    method: "GET",
    path: `${data}/jobs/{id}`,
    noun,
    summary: "Retrieve a copy, upload or download",
    ...permitted("config:retrieve", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  deleteLookupDataJob: {
    method: "DELETE",
    path: `${data}/jobs/{id}`,
    noun,
    summary: "Forget a copy, upload or download",
    ...permitted("config:update", "config:lookupTableRevision", "lookupTableRevisionId"),
  },
  uploadLookupFile: {
    method: "PUT",
    path: "/files/lookup/{orgId}/{id}",
    noun,
    summary: "Upload a file of rows to the URL that was generated for it",
    accepts: "stream",
    query: signed,
    access: "public",
  },
  downloadLookupFile: {
    method: "GET",
    path: "/files/lookup/{orgId}/{id}/rows",
    noun,
    summary: "Download a file of rows from the URL that was generated for it",
    query: signed,
    access: "public",
  },
} as const satisfies Record<string, Operation>;
