import { z } from "zod";
import { exactlyOne } from "../catalog/pricing.ts";
import { defineResource } from "../resource.ts";
import { code } from "../schema.ts";
import { amount, assetCode } from "./exact.ts";
import { scope, scopeReferences } from "./scope.ts";

const calendarWindows = ["hour", "day", "week", "month", "billingPeriod", "lifetime"] as const;

const windowRule = `must be one of ${calendarWindows.join(", ")}, or {"rolling": "PT1H"} for any hour`;

/** A time-zone name that the server's calendar knows. */
const timeZone = z.string().min(1).max(80);

/** At most so much in each window, within a scope (authorization semantics f.2). */
export const budget = defineResource({
  kind: "budget",
  noun: "Budget",
  path: "budgets",
  takesKey: true,
  fields: z
    .object({
      code,
      scope: scope.default({}),
      asset: assetCode.optional(),
      unit: z.string().min(1).max(50).optional(),
      window: z.union([z.enum(calendarWindows), z.object({ rolling: z.iso.duration() })], {
        error: ({ input }) => (input === undefined ? "is required" : windowRule),
      }),
      timeZone: timeZone.default("UTC"),
      /** Local date and time that windows are counted from. */
      anchor: z.iso
        .datetime({ local: true })
        .refine((text) => !text.endsWith("Z"), "must be a local date and time, of timeZone")
        .refine((text) => !/\.\d{10}/.test(text), "must be no finer than a nanosecond")
        .optional(),
      limit: amount,
      mode: z.enum(["hard", "soft"]).default("hard"),
      alerts: z.array(z.int().min(1).max(1000)).max(20).default([]),
    })
    .superRefine(exactlyOne("asset", "unit")),
  computed: z.object({
    used: amount.describe("Of the current window, without what is held."),
    held: amount,
  }),
  pageSizeMax: 200,
  filters: { ids: { by: "id" }, codes: { by: "code" } },
  references: scopeReferences,
  events: "configuration",
});
