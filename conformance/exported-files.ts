import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { unzip } from "@turnpike/server/exports/unzip.ts";
import type { Client } from "./client.ts";

const job = z.looseObject({ id: z.string(), status: z.string() });
export type ExportJob = z.output<typeof job>;

/** The job of an export once it has ended. */
export const endedExport = async (client: Client, jobId: string): Promise<ExportJob> => {
  for (;;) {
    const found = job.parse((await client.call("GET", `dataexports/jobs/${jobId}`)).body);
    if (["SUCCEEDED", "FAILED"].includes(found.status)) return found;
    await delay(20);
  }
};

/** Where the file of an export is. */
export const linkToExport = async (client: Client, jobId: string): Promise<string> => {
  const { body } = await client.call("GET", `dataexports/jobs/${jobId}/getdownloadurl`);
  return z.object({ url: z.string(), expirationTime: z.string() }).parse(body).url;
};

/** What is in the file of an export, by name. */
export const filesOfExport = async (
  client: Client,
  jobId: string,
): Promise<Record<string, string>> => {
  const response = await fetch(await linkToExport(client, jobId));
  if (response.headers.get("content-type") !== "application/zip") throw new Error("no archive");
  return unzip(Buffer.from(await response.arrayBuffer()));
};

/** The jobs of a schedule, the newest first, once it has that many. */
export const jobsOfSchedule = async (
  client: Client,
  scheduleId: string,
  count: number,
): Promise<ExportJob[]> => {
  for (;;) {
    const { data } = await client.list(`dataexports/jobs?scheduleId=${scheduleId}`);
    if (data.length >= count) return Promise.all(data.map(({ id }) => endedExport(client, id)));
    await delay(20);
  }
};
