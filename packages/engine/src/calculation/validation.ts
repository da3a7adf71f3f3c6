import { type CalculationError, Site } from "./calculation-error.ts";
import { expressionsIn, literalText, referencesIn } from "./identifiers.ts";
import { meaningsOf } from "./rules.ts";
import type { Calculation, CustomFieldEntity, Expression, Reference } from "./syntax.ts";

/** The schema of a lookup table's revision (m3ter semantics 8). */
export interface LookupTableSchema {
  readonly fields: ReadonlyMap<string, "NUMBER" | "STRING">;
  readonly keys: readonly string[];
}

/** What a calculation may refer to where it stands; what is absent may not be used at all. */
export interface Scope {
  /** Codes of the data fields and derived fields of the meter. */
  readonly fields?: ReadonlySet<string>;
  /** Whether `ts`, `ets`, `receivedAt` and `account` have a measurement to be taken from. */
  readonly hasMeasurement?: boolean;
  readonly aggregations?: ReadonlySet<string>;
  readonly customFields?: ReadonlyMap<CustomFieldEntity, ReadonlySet<string>>;
  /** `new.amount`, `old.amount`, …; a path is known when it or one above it is listed. */
  readonly eventFields?: ReadonlySet<string>;
  readonly lookupTables?: ReadonlyMap<string, LookupTableSchema>;
}

/**
 * Everything that a calculation refers to and that does not exist in the scope, in the order of the
 * text; empty when it may be stored.
 */
export const validate = (
  { text, root }: Calculation,
  scope: Scope,
): readonly CalculationError[] => {
  const problems = expressionsIn(root).flatMap((expression) => [
    ...referencesIn(expression).flatMap(({ reference, span }) =>
      unknownName(reference, scope, new Site(text, span)),
    ),
    ...(expression.kind === "lookup" ? unknownInLookup(expression, scope, text) : []),
  ]);
  return problems.sort((a, b) => a.position.offset - b.position.offset);
};

const unknownName = (
  reference: Reference,
  scope: Scope,
  site: Site,
): readonly CalculationError[] => {
  if (meaningsOf(reference).some((meaning) => isKnown(meaning, scope))) return [];
  return [site.fail("UNKNOWN_NAME", unknownNameSentence(reference))];
};

const isKnown = (reference: Reference, scope: Scope): boolean => {
  switch (reference.kind) {
    case "field":
      return scope.fields?.has(reference.code) ?? false;
    case "system":
      return scope.hasMeasurement ?? false;
    case "aggregation":
      return scope.aggregations?.has(reference.code) ?? false;
    case "customField":
      return scope.customFields?.get(reference.entity)?.has(reference.field) ?? false;
    case "event":
      return isEventField(reference.name, scope.eventFields ?? new Set());
  }
};

const isEventField = (name: string, known: ReadonlySet<string>): boolean => {
  for (let end = name.length; end > 0; end = name.lastIndexOf(".", end - 1)) {
    if (known.has(name.slice(0, end))) return true;
  }
  return false;
};

const unknownNameSentence = (reference: Reference): string => {
  switch (reference.kind) {
    case "field":
      return `there is no field ${reference.code} here`;
    case "system":
      return `there is no measurement here to take ${reference.name} from`;
    case "aggregation":
      return `there is no aggregation with the code ${reference.code}`;
    case "customField":
      return `there is no custom field ${reference.field} of ${reference.entity} here`;
    case "event":
      return `the event has no field ${reference.name}`;
  }
};

/** Checks what is written out; a table or field that is computed shows only when it is evaluated. */
const unknownInLookup = (
  lookup: Extract<Expression, { kind: "lookup" }>,
  scope: Scope,
  text: string,
): readonly CalculationError[] => {
  const code = literalText(lookup.table);
  if (code === undefined) return [];
  const table = scope.lookupTables?.get(code);
  if (table === undefined) {
    const site = new Site(text, lookup.table.span);
    return [site.fail("UNKNOWN_TABLE", `there is no lookup table with the code ${code}`)];
  }
  const problems: CalculationError[] = [];
  if (lookup.keys.length !== table.keys.length) {
    const keys = table.keys.join(", ");
    const sentence = `the lookup table ${code} has ${table.keys.length} key fields: ${keys}`;
    problems.push(new Site(text, lookup.span).fail("WRONG_ARGUMENT_COUNT", sentence));
  }
  return lookup.column === null
    ? problems
    : [...problems, ...unknownColumn(lookup.column.field, table, { lookup, code, text })];
};

const unknownColumn = (
  field: Expression,
  table: LookupTableSchema,
  { lookup, code, text }: { lookup: { readonly name: string }; code: string; text: string },
): readonly CalculationError[] => {
  const name = literalText(field);
  if (name === undefined) return [];
  const site = new Site(text, field.span);
  const type = table.fields.get(name);
  if (type === undefined) {
    return [site.fail("UNKNOWN_NAME", `the lookup table ${code} has no field ${name}`)];
  }
  const needed = lookup.name === "Lookup.findNumber" ? "NUMBER" : "STRING";
  if (type === needed) return [];
  const sentence = `the field ${name} of the lookup table ${code} is a ${type}, not a ${needed}`;
  return [site.fail("WRONG_TYPE", sentence)];
};
