import { z } from "zod";
import { permitted } from "../access/permission.ts";
import type { Operation } from "../operation.ts";

/** Kept with the correction for whoever audits the usage. */
const reason = z.string().min(1).max(500);

const measurementVoid = z.object({ reason });

/** All fields of the new values by category; `meter`, `account`, `ts` and `ets` where they change. */
const measurementAmendment = z.object({
  reason,
  measurement: z.record(z.string(), z.unknown()),
});

const correction = z.object({ uid: z.string(), result: z.enum(["voided", "amended"]) });

export const correctionOperations = {
  voidMeasurement: {
    method: "POST",
    path: "/organizations/{orgId}/measurements/{uid}/void",
    noun: "MeasurementVoid",
    summary: "Take a measurement out of all usage; it stays in the store, and so does the reason",
    body: measurementVoid,
    reply: correction,
    ...permitted("measurements:upload", "measurements:measurement"),
  },
  amendMeasurement: {
    method: "POST",
    path: "/organizations/{orgId}/measurements/{uid}/amend",
    noun: "MeasurementAmendment",
    summary: "Give a measurement new values; the last void or amendment counts, all are kept",
    body: measurementAmendment,
    reply: correction.extend({
      failures: z.array(z.object({ type: z.string(), message: z.string() })).optional(),
    }),
    ...permitted("measurements:upload", "measurements:measurement"),
  },
} as const satisfies Record<string, Operation>;
