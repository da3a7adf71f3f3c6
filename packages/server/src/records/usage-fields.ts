import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { type FieldError, Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { UsageQueryBody } from "@turnpike/contract/usage/usage-query.ts";
import type { Reader } from "../ports/database.ts";
import { lookupAll } from "./lookup.ts";

type Meters = ReadonlyMap<string, Stored<typeof meter>>;

/** Which usage, and what of it: a query, asked or saved, or an export. */
type Selection = Pick<UsageQueryBody, "meterIds" | "aggregations" | "dimensionFilters" | "groups">;

interface FieldUse {
  /** Where in the selection. */
  readonly path: string;
  readonly meterId: string;
  readonly fieldCode: string;
  readonly isNumeric: boolean;
}

/** Everywhere that a selection names a field of a meter, and what kind of field it must be. */
const fieldUses = (selection: Selection): FieldUse[] => {
  const { aggregations = [], dimensionFilters = [], groups = [] } = selection;
  return [
    ...aggregations.map(({ meterId, fieldCode, fieldType }, index) => ({
      path: `aggregations[${index}]`,
      meterId,
      fieldCode,
      isNumeric: fieldType === "MEASURE",
    })),
    ...dimensionFilters.map(({ meterId, fieldCode }, index) => ({
      path: `dimensionFilters[${index}]`,
      meterId,
      fieldCode,
      isNumeric: false,
    })),
    ...groups.flatMap((group, index) =>
      group.groupType === "DIMENSION"
        ? [{ path: `groups[${index}]`, ...group, isNumeric: false }]
        : [],
    ),
  ];
};

const faultOf = (use: FieldUse, meters: Meters, meterIds: readonly string[]): FieldError[] => {
  const { path, meterId, fieldCode, isNumeric } = use;
  const named = meters.get(meterId);
  if (named === undefined) {
    return [{ field: `${path}.meterId`, message: `names no meter: ${meterId}` }];
  }
  if (meterIds.length > 0 && !meterIds.includes(meterId)) {
    return [{ field: `${path}.meterId`, message: "is not among the meterIds" }];
  }
  const field = [...named.dataFields, ...named.derivedFields].find(
    ({ code }) => code === fieldCode,
  );
  if (field === undefined) {
    return [{ field: `${path}.fieldCode`, message: `names no field of the meter: ${fieldCode}` }];
  }
  if (isNumericCategory(field.category) === isNumeric) return [];
  const message = `is a ${field.category} field, not a ${isNumeric ? "number" : "dimension"}`;
  return [{ field: `${path}.fieldCode`, message }];
};

/**
 * The meters whose fields a selection names. VALIDATION_FAILED where it names fields that they do not have: it would select
 * nothing, which reads like no usage. `within` is where the selection stands in the request (m3ter semantics 20).
 */
export const metersSelected = async (
  reader: Reader,
  { orgId, selection, within = "" }: { orgId: string; selection: Selection; within?: string },
): Promise<Meters> => {
  const uses = fieldUses(selection);
  const meters = await lookupAll(reader, meter, {
    orgId,
    ids: uses.map(({ meterId }) => meterId),
  });
  const faults = uses.flatMap((use) => faultOf(use, meters, selection.meterIds ?? []));
  if (faults.length === 0) return meters;
  throw new Problem(
    "VALIDATION_FAILED",
    faults.map(({ field, message }) => ({ field: `${within}${field}`, message })),
  );
};
