import { z } from "zod";
import { defineResource } from "../resource.ts";
import { code, customFields, id, identifier, name } from "../schema.ts";

const numericCategories = ["MEASURE", "INCOME", "COST"] as const;
const textCategories = ["WHO", "WHAT", "WHERE", "OTHER", "METADATA"] as const;
export const fieldCategories = [...textCategories, ...numericCategories] as const;
export type FieldCategory = (typeof fieldCategories)[number];

export const isNumericCategory = (category: FieldCategory): boolean =>
  numericCategories.some((numeric) => numeric === category);

const field = {
  category: z.enum(fieldCategories),
  code: identifier,
  name,
  unit: z.string().min(1).max(50).optional(),
};
const dataField = z.object(field);
const derivedField = z.object({ ...field, calculation: z.string().min(1).max(5000) });
export type DataField = z.output<typeof dataField>;
export type DerivedField = z.output<typeof derivedField>;

const uniqueFieldCodes = (
  meter: { dataFields: DataField[]; derivedFields: DerivedField[] },
  context: z.RefinementCtx,
): void => {
  const seen = new Set<string>();
  for (const list of ["dataFields", "derivedFields"] as const) {
    for (const [index, { code: fieldCode }] of meter[list].entries()) {
      if (seen.has(fieldCode)) {
        const message = `is used by another field of this meter: ${fieldCode}`;
        context.addIssue({ code: "custom", path: [list, index, "code"], message });
      }
      seen.add(fieldCode);
    }
  }
};

/** A number means nothing without its unit (m3ter semantics 4). */
const numbersHaveUnits = (
  meter: { dataFields: DataField[]; derivedFields: DerivedField[] },
  context: z.RefinementCtx,
): void => {
  for (const list of ["dataFields", "derivedFields"] as const) {
    for (const [index, { category, unit }] of meter[list].entries()) {
      if (unit !== undefined || !isNumericCategory(category)) continue;
      const message = `is required for a ${category} field`;
      context.addIssue({ code: "custom", path: [list, index, "unit"], message });
    }
  }
};

/** The schema of usage events (m3ter semantics 4). Without a productId the meter is global. */
export const meter = defineResource({
  kind: "meter",
  noun: "Meter",
  path: "meters",
  fields: z
    .object({
      productId: id.optional(),
      groupId: id.optional(),
      name,
      code,
      dataFields: z.array(dataField).min(1).max(15),
      derivedFields: z.array(derivedField).max(15),
      customFields: customFields.optional(),
    })
    .superRefine(uniqueFieldCodes)
    .superRefine(numbersHaveUnits),
  pageSizeMax: 100,
  filters: {
    productId: { by: "field", field: "productId" },
    ids: { by: "id" },
    codes: { by: "code" },
  },
  references: { productId: "product" },
  events: "configuration",
});
