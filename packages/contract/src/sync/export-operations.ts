import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { paging, textList } from "../query.ts";
import { dateTime } from "../schema.ts";
import { signed } from "../usage/signed-link.ts";
import { exportOrder, exportStatuses } from "./export-job.ts";

const exports = "/organizations/{orgId}/dataexports";
const noun = "ExportJob";

/** Exports that are asked for, and their files (m3ter semantics 21). */
export const exportOperations = {
  triggerDataExport: {
    method: "POST",
    path: `${exports}/adhoc`,
    noun,
    summary: "Export usage or operational data to a file, behind the answer",
    body: exportOrder,
    ...permitted("config:export", "config:exportJob"),
  },
  listExportJobs: {
    method: "GET",
    path: `${exports}/jobs`,
    noun,
    summary: "List exports, newest first",
    query: z.object({
      ...paging(100),
      ids: textList.optional(),
      scheduleId: z.string().optional(),
      status: z.enum(exportStatuses).optional(),
      dateCreatedStart: z.union([z.iso.date(), dateTime]).optional(),
      dateCreatedEnd: z.union([z.iso.date(), dateTime]).optional(),
    }),
    ...permitted("config:retrieve", "config:exportJob"),
  },
  getExportJob: {
    method: "GET",
    path: `${exports}/jobs/{id}`,
    noun,
    summary: "Retrieve an export",
    ...permitted("config:retrieve", "config:exportJob", "id"),
  },
  getExportDownloadUrl: {
    method: "GET",
    path: `${exports}/jobs/{jobId}/getdownloadurl`,
    noun,
    summary: "Where to get the file of an export of the last 24 hours, within 15 minutes",
    ...permitted("exports:download", "exports:exportJob", "jobId"),
  },
  downloadExport: {
    method: "GET",
    path: "/files/exports/{orgId}/{id}",
    noun,
    summary: "Download the file of an export from the URL that was generated for it",
    query: signed,
    access: "public",
  },
} as const satisfies Record<string, Operation>;
