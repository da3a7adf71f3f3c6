import { z } from "zod";
import { ended } from "./billed.ts";
import type { Maker } from "./maker.ts";

const accepted = z.object({ jobId: z.string() });

/** An export that has its file. */
export const exportJob = async ({ client }: Maker): Promise<string> => {
  const order = { sourceType: "OPERATIONAL", operationalDataTypes: ["PRODUCTS"] };
  const { body } = await client.call("POST", "dataexports/adhoc", order);
  const { jobId } = accepted.parse(body);
  await ended(client, `dataexports/jobs/${jobId}`, { field: "status", is: "SUCCEEDED" });
  return jobId;
};
