import { fieldProblem } from "@turnpike/contract/problem.ts";
import { eventOfFile, readFailedRows } from "../events/ingest-failures.ts";
import { FileReply, type Handlers } from "./handler.ts";

const openSeconds = 300;

const pathOf = (orgId: string, id: string): string => `/files/failed-ingest/${orgId}/${id}`;

export const getFailedIngestUrl: Handlers["getFailedIngestUrl"] = async (
  { orgId, query, origin },
  { database, links },
) => {
  const { file } = query;
  if (file === undefined) throw fieldProblem("VALIDATION_FAILED", "file", "must be present");
  const id = await eventOfFile(database, { orgId, file });
  return { url: links.sign(origin, pathOf(orgId, id), { seconds: openSeconds }) };
};

export const downloadFailedIngest: Handlers["downloadFailedIngest"] = async (
  { params, query },
  { database, links },
) => {
  const { orgId = "", id = "" } = params;
  links.check(pathOf(orgId, id), query);
  const body = await readFailedRows(database, { orgId, id });
  return new FileReply({
    name: `failed-ingest-${id}.json`,
    contentType: "application/json; charset=utf-8",
    body,
  });
};
