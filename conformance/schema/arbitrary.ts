import {
  type Arbitrary,
  array,
  boolean,
  constant,
  constantFrom,
  date,
  dictionary,
  integer,
  record,
  string,
  uuid,
} from "fast-check";
import type { ApiDocument, Schema } from "./document.ts";

/** Which arbitrary stands for a field instead of its schema, by its name; undefined where the schema will do. */
export type FieldArbitrary = (name: string) => Arbitrary<unknown> | undefined;

const years = { min: new Date("2023-01-01T00:00:00Z"), max: new Date("2027-01-01T00:00:00Z") };
const instants = date({ ...years, noInvalidDate: true });

/** Each counts as one, whether lengths are counted in code units, code points or graphemes. */
const anyUnit = constantFrom(...Array.from("abz019 '\"<>&%$,;é漢ß"));
/** Patterns are Java's; letters satisfy all of them. */
const plainUnit = constantFrom(...Array.from("abcdefghijklmnopqrstuvwxyz"));

const stringOf = ({ format, enum: values, minLength, maxLength, pattern }: Schema) => {
  if (values !== undefined) return constantFrom(...values);
  if (format === "date-time") return instants.map((at) => at.toISOString());
  if (format === "date") return instants.map((at) => at.toISOString().slice(0, 10));
  if (format === "email") return constant("someone@example.com");
  if (minLength === 36 && maxLength === 36) return uuid();
  const length = { minLength: minLength ?? 0, maxLength: Math.min(maxLength ?? 40, 40) };
  return string({ ...length, unit: pattern === undefined ? anyUnit : plainUnit });
};

const numberOf = ({ type, minimum, maximum, exclusiveMinimum }: Schema): Arbitrary<number> => {
  const min = (minimum ?? -1000) + (exclusiveMinimum === true ? 1 : 0);
  const max = Math.min(maximum ?? 1_000_000, 1_000_000);
  if (type === "integer") return integer({ min, max });
  return integer({ min: min * 100, max: max * 100 }).map((hundredths) => hundredths / 100);
};

/** Valid values of a schema; `required only` leaves out what may be left out. */
export const arbitraryOf = (
  { flat }: ApiDocument,
  { fieldOf, isMinimal }: { fieldOf: FieldArbitrary; isMinimal: boolean },
): ((schema: Schema) => Arbitrary<unknown>) => {
  const anyOfSchema = (given: Schema): Arbitrary<unknown> => {
    const schema = flat(given);
    const [first] = schema.anyOf ?? [];
    if (first !== undefined) return anyOfSchema(first);
    if (schema.type === "string" || schema.enum !== undefined) return stringOf(schema);
    if (schema.type === "integer" || schema.type === "number") return numberOf(schema);
    if (schema.type === "boolean") return boolean();
    if (schema.type === "array") return arrayOf(schema);
    return objectOf(schema);
  };

  const arrayOf = ({ items = {}, minItems = 0, maxItems = 3 }: Schema) =>
    array(anyOfSchema(items), { minLength: minItems, maxLength: Math.min(maxItems, minItems + 2) });

  const objectOf = ({ properties = {}, required = [], additionalProperties }: Schema) => {
    const names = Object.keys(properties).filter((name) => name !== "version");
    if (names.length === 0) {
      const values =
        typeof additionalProperties === "object" ? anyOfSchema(additionalProperties) : integer();
      const key = string({ unit: constantFrom("a", "b", "c"), minLength: 1, maxLength: 3 });
      return dictionary(key, values, { maxKeys: 2, noNullPrototype: true });
    }
    const wanted = names.filter((name) => !isMinimal || required.includes(name));
    const fields = wanted.map((name) => [
      name,
      fieldOf(name) ?? anyOfSchema(properties[name] ?? {}),
    ]);
    return record<Record<string, unknown>>(Object.fromEntries(fields), {
      requiredKeys: [...new Set(required)].filter((name) => wanted.includes(name)),
      noNullPrototype: true,
    });
  };

  return anyOfSchema;
};
