import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, name } from "../schema.ts";

const bucket = {
  name,
  code,
  bucketName: z.string().min(3).max(63),
  prefix: z.string().optional(),
  partitionOrder: z.enum(["TYPE_FIRST", "TIME_FIRST"]).default("TIME_FIRST"),
};

const s3 = z.object({
  ...bucket,
  destinationType: z.literal("S3"),
  iamRoleArn: z.string().regex(/^arn:aws:iam::\d+:role\/.*$/, "must be the ARN of an IAM role"),
});

const gcs = z.object({
  ...bucket,
  destinationType: z.literal("GCS"),
  projectNumber: z.string().min(1),
  poolId: z.string().min(1),
  providerId: z.string().min(1),
  serviceAccountEmail: z.string().optional(),
});

/** The bucket that exports are written to (m3ter semantics 21). */
export const exportDestination = defineResource({
  kind: "exportDestination",
  noun: "ExportDestination",
  path: "dataexports/destinations",
  fields: z.discriminatedUnion("destinationType", [s3, gcs]),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: {},
  events: "configuration",
});
