import { statementDefinition } from "@turnpike/contract/accounts/statement-definition.ts";
import type { methods } from "@turnpike/contract/catalog/aggregation.ts";
import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { type FieldError, Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { lookupAll } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { suits } from "./aggregation-fields.ts";

interface Shown {
  /** Where in the document. */
  readonly path: string;
  readonly meterId: string | undefined;
  /** Of the field; none for every one. */
  readonly name: string | undefined;
  readonly isNumeric: boolean;
  readonly aggregations?: readonly Method[] | undefined;
}

type Method = (typeof methods)[number];

/** A measure is a number, and a definition has no query of its own (m3ter semantics 6.2). */
const cannotShow = (method: Method): boolean => method === "CUSTOM_SQL" || !suits(method, true);

const unsuitableAggregations = ({ path, aggregations = [] }: Shown): FieldError[] =>
  aggregations.flatMap((method, index) => {
    const message = `is ${method}, which a measure cannot be shown by`;
    return cannotShow(method) ? [{ field: `${path}.aggregations[${index}]`, message }] : [];
  });

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
    ...measures.map(({ meterId, name, aggregations }, index) => ({
      path: `measures[${index}]`,
      meterId,
      name,
      isNumeric: true,
      aggregations,
    })),
  ];
  const ids = shown.flatMap(({ meterId }) => meterId ?? []);
  const meters = await lookupAll(transaction, meter, { orgId, ids });
  const faults = shown.flatMap((one) => faultOf(one, meters));
  if (faults.length > 0) throw new Problem("REFERENCE_NOT_FOUND", faults);
  const unsuitable = shown.flatMap(unsuitableAggregations);
  if (unsuitable.length > 0) throw new Problem("RULE_VIOLATED", unsuitable);
  return document;
};

export const statementDefinitionRules: Rules = { write: showsWhatIsMeasured };
