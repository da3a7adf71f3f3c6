import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { DerivedValues } from "../../ports/derived-fields.ts";

/** The texts of usage by their codes. What is sent under the code of a derived field is not that field. */
export const dimensionsOf = (
  { who, what, where, other, metadata }: MeasurementFields,
  derived: DerivedValues["values"],
): Record<string, string> => ({
  ...who,
  ...what,
  ...where,
  ...other,
  ...metadata,
  // Entries, as no assignment makes a field of the name `__proto__`.
  ...Object.fromEntries(
    [...derived].flatMap(([code, value]) => (typeof value === "string" ? [[code, value]] : [])),
  ),
});
