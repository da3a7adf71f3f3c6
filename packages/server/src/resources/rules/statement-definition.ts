import { statementDefinition } from "@turnpike/contract/accounts/statement-definition.ts";
import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { type FieldError, Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { lookupAll } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

interface Shown {
  /** Where in the document. */
  readonly path: string;
  readonly meterId: string | undefined;
  /** Of the field; none for every one. */
  readonly name: string | undefined;
  readonly isNumeric: boolean;
}

const faultOf = (
  { path, meterId, name, isNumeric }: Shown,
  meters: ReadonlyMap<string, Stored<typeof meter>>,
): FieldError[] => {
  if (meterId === undefined || meterId === "") return [];
  const shown = meters.get(meterId.toLowerCase());
  if (shown === undefined) {
    return [{ field: `${path}.meterId`, message: `names no meter: ${meterId}` }];
  }
  if (name === undefined || name === "") return [];
  const fields = [...shown.dataFields, ...shown.derivedFields];
  const field = fields.find(({ code }) => code === name);
  if (field !== undefined && isNumericCategory(field.category) === isNumeric) return [];
  const kind = isNumeric ? "number" : "text";
  return [{ field: `${path}.name`, message: `names no ${kind} field of the meter: ${name}` }];
};

/** A statement shows fields that its meters have (m3ter semantics 19). */
const showsWhatIsMeasured = async ({ transaction, orgId, document }: Write) => {
  const { dimensions = [], measures = [] } = statementDefinition.fields.parse(document);
  const shown: Shown[] = [
    ...dimensions.map(({ meterId, name }, index) => ({
      path: `dimensions[${index}]`,
      meterId,
      name,
      isNumeric: false,
    })),
    ...measures.map(({ meterId, name }, index) => ({
      path: `measures[${index}]`,
      meterId,
      name,
      isNumeric: true,
    })),
  ];
  const ids = shown.flatMap(({ meterId }) => meterId ?? []);
  const meters = await lookupAll(transaction, meter, { orgId, ids });
  const faults = shown.flatMap((one) => faultOf(one, meters));
  if (faults.length > 0) throw new Problem("REFERENCE_NOT_FOUND", faults);
  return document;
};

export const statementDefinitionRules: Rules = { write: showsWhatIsMeasured };
