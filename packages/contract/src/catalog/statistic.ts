import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { z } from "zod";

const percentileScaleMax = 6;

/**
 * Beyond m3ter: ways to make one number of measurements that its methods do not have, as the field `statistic` beside
 * the method wherever one is named. Their definitions: decision 0007 and the server's `ports/usage-store.ts`.
 *
 * - `PERCENTILE`: the nearest-rank percentile of the values, the 95th unless `percentile` says otherwise.
 * - `TIME_WEIGHTED_SUM`: what the values come to over time, each holding until the next one and the last one before the
 *   window from its start, in value × `unit` (GiB × hours).
 * - `PEAK_SUM`: the greatest value of each hour or day of the organization's zone, added up.
 */
export const statistic = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("PERCENTILE"),
    percentile: z
      .number()
      .positive()
      .max(100)
      .refine(
        (value) => decimal(value).scale <= percentileScaleMax,
        `must not have more than ${percentileScaleMax} decimals`,
      )
      .default(95),
  }),
  z.object({
    kind: z.literal("TIME_WEIGHTED_SUM"),
    unit: z.enum(["SECOND", "MINUTE", "HOUR", "DAY"]).default("HOUR"),
  }),
  z.object({ kind: z.literal("PEAK_SUM"), per: z.enum(["HOUR", "DAY"]).default("HOUR") }),
]);
export type StatisticFields = z.output<typeof statistic>;

/**
 * The method of m3ter's that comes nearest, which must stand beside the statistic: what a client reads that does not
 * know statistics is then not far off, and never something that adds up event by event.
 */
const nearestMethods = {
  PERCENTILE: "MAX",
  TIME_WEIGHTED_SUM: "LATEST",
  PEAK_SUM: "MAX",
} as const satisfies Record<StatisticFields["kind"], string>;

/** Why the method cannot stand beside the statistic; undefined when it can. */
export const methodFault = (
  method: string,
  chosen: StatisticFields | undefined,
): string | undefined => {
  if (chosen === undefined || method === nearestMethods[chosen.kind]) return undefined;
  return `must be ${nearestMethods[chosen.kind]} beside the statistic ${chosen.kind}`;
};
