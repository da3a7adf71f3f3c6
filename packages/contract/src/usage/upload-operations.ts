import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { paging } from "../query.ts";
import { dateTime } from "../schema.ts";
import { signed } from "./signed-link.ts";

const uploads = "/organizations/{orgId}/fileuploads/measurements";
const noun = "MeasurementUpload";

export const uploadBytesMax = 1_073_741_824;

const access = permitted("measurements:fileupload", "measurements:measurement");
/** An instant, or the date that it begins. */
const dateOrInstant = z.union([z.iso.date(), dateTime]);

/** Files of measurements, ingested behind the upload (m3ter semantics 3.6). */
export const uploadOperations = {
  generateMeasurementUploadUrl: {
    method: "POST",
    path: `${uploads}/generateUploadUrl`,
    noun,
    summary: "Where to PUT a file of measurements, within a minute",
    body: z.object({
      fileName: z.string().min(1).max(100),
      contentType: z.enum(["application/json", "text/json"]),
      contentLength: z.int().min(1).max(uploadBytesMax),
    }),
    ...access,
  },
  listMeasurementUploads: {
    method: "GET",
    path: `${uploads}/jobs`,
    noun,
    summary: "List uploads, newest first",
    query: z.object({
      ...paging(100),
      dateCreatedStart: dateOrInstant.optional(),
      dateCreatedEnd: dateOrInstant.optional(),
      fileKey: z.string().optional(),
    }),
    ...access,
  },
  getMeasurementUpload: {
    method: "GET",
    path: `${uploads}/jobs/{id}`,
    noun,
    summary: "Retrieve an upload with its progress",
    ...access,
  },
  getMeasurementUploadOriginal: {
    method: "GET",
    path: `${uploads}/jobs/{id}/original`,
    noun,
    summary: "Where to get the file as it was uploaded",
    ...access,
  },
  uploadMeasurementFile: {
    method: "PUT",
    path: "/files/measurements/{orgId}/{id}",
    noun,
    summary: "Upload a file of measurements to the URL that was generated for it",
    accepts: "stream",
    query: signed,
    access: "public",
  },
  downloadMeasurementFile: {
    method: "GET",
    path: "/files/measurements/{orgId}/{id}/original",
    noun,
    summary: "Download a file of measurements from the URL that was generated for it",
    query: signed,
    access: "public",
  },
} as const satisfies Record<string, Operation>;
