import type { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { type FieldCategory, isNumericCategory } from "@turnpike/contract/catalog/meter.ts";

type Aggregation = ReturnType<typeof aggregation.fields.parse>;

export interface Unsuitable {
  /** Of the aggregation. */
  readonly field: string;
  /** Of the meter's field. */
  readonly code: string;
  readonly message: string;
}

/** COUNT also counts texts, UNIQUE only texts; the rest calculate and need numbers (m3ter semantics 6.2). */
export const suits = (method: string, isNumeric: boolean): boolean => {
  if (method === "COUNT") return true;
  return method === "UNIQUE" ? !isNumeric : isNumeric;
};

const canSegment = (category: FieldCategory | undefined): boolean =>
  category !== undefined && !isNumericCategory(category) && category !== "METADATA";

/** The first field of its meter that an aggregation names and cannot use (m3ter semantics 6.2, 6.4). */
export const unsuitableField = (
  { aggregation: method, targetField: code, segmentedFields = [] }: Aggregation,
  categories: ReadonlyMap<string, FieldCategory>,
): Unsuitable | undefined => {
  const index = segmentedFields.findIndex((one) => !canSegment(categories.get(one)));
  if (index >= 0) {
    const segmented = segmentedFields[index] ?? "";
    const message = `must be a WHO, WHAT, WHERE or OTHER field of the meter: ${segmented}`;
    return { field: `segmentedFields[${index}]`, code: segmented, message };
  }
  if (method === "CUSTOM_SQL") return undefined;
  const field = "targetField";
  const category = categories.get(code);
  if (category === undefined) return { field, code, message: "is not a field of the meter" };
  if (suits(method, isNumericCategory(category))) return undefined;
  return { field, code, message: `is a ${category} field, which ${method} cannot use` };
};
