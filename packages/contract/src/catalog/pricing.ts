import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, dateTime, description, endsAfterStart, id, nonNegative, number } from "../schema.ts";

export const pricingBand = z.object({
  id: z.string().optional(),
  lowerLimit: nonNegative,
  fixedPrice: number,
  unitPrice: number,
});
export type PricingBand = z.output<typeof pricingBand>;

/** Bands begin at 0 and no two begin at the same limit (m3ter semantics 10.3). */
const bands = z
  .array(pricingBand)
  .min(1)
  .superRefine((list, context) => {
    const limits = list.map((band) => band.lowerLimit);
    if (!limits.includes(0)) {
      context.addIssue({ code: "custom", message: "must have a band whose lowerLimit is 0" });
    }
    const seen = new Set<number>();
    const repeated = limits.findIndex((limit) => seen.size === seen.add(limit).size);
    if (repeated >= 0) {
      const message = "repeats the lowerLimit of another band";
      context.addIssue({ code: "custom", path: [repeated, "lowerLimit"], message });
    }
  });

/** What pricings and counter pricings share. */
export const bandedPrice = {
  code: code.optional(),
  planId: id.optional(),
  planTemplateId: id.optional(),
  cumulative: z.boolean().default(false),
  startDate: dateTime,
  endDate: dateTime.optional(),
  description: description.optional(),
  accountingProductId: id.optional(),
  pricingBands: bands,
};

/** Exactly one of two fields, or the second is blamed. */
export const exactlyOne =
  <A extends string, B extends string>(first: A, second: B) =>
  (fields: { [K in A | B]?: unknown }, context: z.RefinementCtx): void => {
    const given = [fields[first], fields[second]].filter((value) => value !== undefined).length;
    if (given === 1) return;
    const message = `exactly one of ${first} and ${second} is required`;
    context.addIssue({ code: "custom", path: [given === 0 ? first : second], message });
  };

const overageNeedsGraduatedBands = (
  fields: {
    cumulative: boolean;
    tiersSpanPlan?: boolean | undefined;
    overagePricingBands?: unknown[] | undefined;
  },
  context: z.RefinementCtx,
): void => {
  if (!fields.overagePricingBands?.length) return;
  if (fields.cumulative && !fields.tiersSpanPlan) return;
  const message = fields.tiersSpanPlan
    ? "cannot be combined with tiersSpanPlan"
    : "requires cumulative to be true";
  context.addIssue({ code: "custom", path: ["overagePricingBands"], message });
};

/** The price of an aggregation on a plan or plan template (m3ter semantics 10). */
export const pricing = defineResource({
  kind: "pricing",
  noun: "Pricing",
  path: "pricings",
  fields: z
    .object({
      ...bandedPrice,
      aggregationId: id.optional(),
      compoundAggregationId: id.optional(),
      type: z.enum(["DEBIT", "PRODUCT_CREDIT", "GLOBAL_CREDIT"]).default("DEBIT"),
      segment: z.record(z.string(), z.string()).optional(),
      tiersSpanPlan: z.boolean().default(false),
      minimumSpend: nonNegative.optional(),
      minimumSpendDescription: description.optional(),
      minimumSpendBillInAdvance: z.boolean().optional(),
      overagePricingBands: z.union([z.tuple([]), bands]).optional(),
    })
    .superRefine(exactlyOne("planId", "planTemplateId"))
    .superRefine(exactlyOne("aggregationId", "compoundAggregationId"))
    .superRefine(overageNeedsGraduatedBands)
    .superRefine(endsAfterStart),
  pageSizeMax: 100,
  filters: {
    date: { by: "activeOn" },
    planId: { by: "field", field: "planId" },
    planTemplateId: { by: "field", field: "planTemplateId" },
    aggregationId: { by: "field", field: "aggregationId" },
    ids: { by: "id" },
  },
  references: {
    planId: "plan",
    planTemplateId: "planTemplate",
    aggregationId: "aggregation",
    compoundAggregationId: "compoundAggregation",
    accountingProductId: "product",
  },
  events: "configuration",
});
