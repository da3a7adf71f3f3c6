import { z } from "zod";
import type { Client } from "../client.ts";
import { type Body, eventually } from "./maker.ts";

const failures = z.object({
  data: z.array(
    z.object({ m3terEvent: z.object({ eventData: z.object({ newDto: z.looseObject({}) }) }) }),
  ),
});

/** The file of a measurement that could not be stored. */
export const failedIngest = async (client: Client): Promise<Body> => {
  const measurement = { uid: crypto.randomUUID(), meter: "none", account: "none" };
  const measurements = [{ ...measurement, ts: "2025-01-02T00:00:00Z", data: {} }];
  await client.call("POST", "measurements", { measurements });
  return eventually("an event of the failure", async () => {
    const { body } = await client.call("GET", "events?eventName=ingest.validation.failure");
    const [first] = failures.parse(body).data;
    const file = first?.m3terEvent.eventData.newDto["file"];
    return typeof file === "string" ? { file } : undefined;
  });
};
