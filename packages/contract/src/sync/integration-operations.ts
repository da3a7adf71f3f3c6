import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";
import { paging, textList } from "../query.ts";
import { dateTime } from "../schema.ts";

const runs = "/organizations/{orgId}/integrationruns";
const noun = "IntegrationRun";

export const runStatuses = [
  "WAITING",
  "STARTED",
  "COMPLETE",
  "ERROR",
  "AWAITING_RETRY",
  "AUTH_FAILED",
  "ACCOUNTING_PERIOD_CLOSED",
  "INVOICE_ALREADY_PAID",
  "DISABLED",
  "TIMEOUT_LIMIT_EXCEEDED",
  "RATE_LIMIT_RETRY",
] as const;
export type RunStatus = (typeof runStatuses)[number];

const dateOrInstant = z.union([z.iso.date(), dateTime]);
const runQuery = {
  ...paging(200),
  startDate: dateOrInstant.optional(),
  endDate: dateOrInstant.optional(),
  status: z.enum(runStatuses).optional(),
  order: z.enum(["ASC", "DESC"]).default("DESC"),
};

const access = permitted("config:retrieve", "config:integrationRun");

/** What was, or is waiting to be, sent to other systems (m3ter semantics 22). */
export const integrationOperations = {
  getIntegrationRun: {
    method: "GET",
    path: `${runs}/{id}`,
    noun,
    summary: "Retrieve an integration run",
    ...permitted("config:retrieve", "config:integrationRun", "id"),
  },
  getIntegrationRunLogs: {
    method: "GET",
    path: `${runs}/logs/{id}`,
    noun,
    summary: "What happened in an integration run, as base64",
    ...permitted("config:retrieve", "config:integrationRun", "id"),
  },
  listIntegrationRuns: {
    method: "GET",
    path: `${runs}/{entityType}/{entityId}`,
    noun,
    summary: "The integration runs of an entity, newest first",
    query: z.object(runQuery),
    ...access,
  },
  listIntegrationRunsOfDestination: {
    method: "GET",
    path: `${runs}/destinations/{destinationId}`,
    noun,
    summary: "The integration runs to a destination, newest first",
    query: z.object({ ...runQuery, destination: z.string().optional() }),
    ...access,
  },
  getLatestIntegrationRun: {
    method: "GET",
    path: `${runs}/{entityType}/latest/{id}`,
    noun,
    summary: "The latest integration run of an entity",
    ...access,
  },
  getLatestIntegrationRuns: {
    method: "GET",
    path: `${runs}/{entityType}/latest`,
    noun,
    summary: "The latest integration run of each of some entities, the newest in front",
    query: z.object({ ids: textList.default([]) }),
    ...access,
  },
  getMarketplaceUsageReport: {
    method: "GET",
    path: "/organizations/{orgId}/integrationdestinations/marketplace/usageReport",
    noun: "MarketplaceUsageReport",
    summary: "What was reported to marketplaces: nothing until one is connected",
    query: z.object({
      ...paging(50),
      billStartDate: z.string().optional(),
      accountId: z.string().optional(),
      externalSystem: z.string().optional(),
      billId: z.string().max(50).optional(),
    }),
    ...permitted("marketplace_usage:retrieve", "marketplace_usage:usageReport"),
  },
} as const satisfies Record<string, Operation>;
