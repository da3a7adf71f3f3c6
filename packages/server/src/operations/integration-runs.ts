import { Problem } from "@turnpike/contract/problem.ts";
import {
  findRun,
  type IntegrationRun,
  latestRuns,
  listRuns,
  toRunReply,
} from "../records/integration-runs.ts";
import type { Handlers, World } from "./handler.ts";

interface RunRequest {
  readonly orgId: string;
  readonly params: Readonly<Record<string, string>>;
}

const runInPath = async (
  { database }: World,
  { orgId, params }: RunRequest,
): Promise<IntegrationRun> => {
  const run = await findRun(database, { orgId, id: params["id"] ?? "" });
  if (run === undefined) throw new Problem("NOT_FOUND");
  return run;
};

export const getIntegrationRun: Handlers["getIntegrationRun"] = async (request, world) =>
  toRunReply(await runInPath(world, request));

/** One line for each thing that happened. */
export const getIntegrationRunLogs: Handlers["getIntegrationRunLogs"] = async (request, world) => {
  const { log } = await runInPath(world, request);
  const lines = log.map(({ at, message }) => `${at} ${message}\n`);
  return { Payload: Buffer.from(lines.join("")).toString("base64") };
};

export const listIntegrationRuns: Handlers["listIntegrationRuns"] = (
  { orgId, params, query },
  { database },
) => {
  const { startDate: from, endDate: to, status, ...page } = query;
  const { entityType, entityId } = params;
  return listRuns(database, orgId, { ...page, filter: { entityType, entityId, status, from, to } });
};

export const listIntegrationRunsOfDestination: Handlers["listIntegrationRunsOfDestination"] = (
  { orgId, params, query },
  { database },
) => {
  const { startDate: from, endDate: to, status, destination, ...page } = query;
  const { destinationId } = params;
  const filter = { destination, destinationId, status, from, to };
  return listRuns(database, orgId, { ...page, filter });
};

const latest = (
  { database }: World,
  { orgId, params }: RunRequest,
  ids: readonly string[],
): ReturnType<typeof latestRuns> =>
  latestRuns(database, orgId, { entityType: params["entityType"] ?? "", ids });

export const getLatestIntegrationRun: Handlers["getLatestIntegrationRun"] = async (
  request,
  world,
) => {
  const [run] = await latest(world, request, [request.params["id"] ?? ""]);
  if (run === undefined) throw new Problem("NOT_FOUND");
  return run;
};

/** The document answers this list with one run's schema: the newest one's fields stand beside it. */
export const getLatestIntegrationRuns: Handlers["getLatestIntegrationRuns"] = async (
  request,
  world,
) => {
  const data = await latest(world, request, request.query.ids);
  return { ...data[0], data };
};

/** No marketplace is connected, so nothing was reported to one. */
export const getMarketplaceUsageReport: Handlers["getMarketplaceUsageReport"] = async () => ({
  data: [],
});
