import { z } from "zod";
import { lineItemTypes } from "@turnpike/engine/bill/line.ts";
import { dateTime, endsAfterStart } from "../schema.ts";

const dimension = z.object({
  name: z.string().min(1),
  attributes: z.array(z.string()).optional(),
  /** `*` lets every value through. */
  filter: z.array(z.string()).min(1),
});

/** Which lines a data explorer shows (m3ter semantics 20). */
export const billDataQuery = z
  .object({
    startDate: dateTime,
    endDate: dateTime,
    lineItemTypes: z.array(z.enum(lineItemTypes)).min(1),
    dimensions: z.array(dimension).max(100).default([]),
    limit: z.int().min(1).max(2000).default(2000),
  })
  .superRefine(endsAfterStart);
export type BillDataQuery = z.output<typeof billDataQuery>;
