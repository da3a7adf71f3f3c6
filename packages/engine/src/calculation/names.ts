import { customFieldEntities, systemNames, systemReference } from "./rules.ts";
import type { ConstantName, CustomFieldEntity, Reference } from "./syntax.ts";

/** A code that can stand in a calculation: m3ter's IDENT pattern (m3ter semantics 2.6). */
const namePattern = String.raw`[\p{L}_$][\p{L}_$0-9]*`;

/** One or more names joined by dots. */
export const pathPattern = `${namePattern}(?:\\.${namePattern})*`;

const wholePath = new RegExp(`^${pathPattern}$`, "u");

const constantNames: readonly ConstantName[] = ["Math.PI", "DateTime.TS_FMT"];

export const constantNamed = (path: string): ConstantName | undefined =>
  constantNames.find((name) => name === path);

const entityNamed = (name: string): CustomFieldEntity | undefined =>
  customFieldEntities.find((entity) => entity === name);

/** What a name stands for, or a sentence that says why it stands for nothing. */
export const referenceNamed = (path: string): Reference | string => {
  if (!wholePath.test(path)) return `"${path}" is not the name of a field`;
  const [root = "", ...rest] = path.split(".");
  if (rest.length === 0) return { kind: "field", name: path, code: path };
  const variable = systemNames.get(path);
  if (variable !== undefined) return systemReference(variable);
  if (root === "new" || root === "old") {
    return { kind: "event", name: path, side: root, path: rest };
  }
  if (root === "aggregation") return aggregationNamed(path, rest);
  const entity = entityNamed(root);
  return entity === undefined
    ? `${path} is not a name that a calculation can use`
    : customFieldNamed(entity, rest);
};

const aggregationNamed = (path: string, rest: readonly string[]): Reference | string => {
  const [code, ...beyond] = rest;
  return code === undefined || beyond.length > 0
    ? `${path} is not a name that a calculation can use; write aggregation.<code>`
    : { kind: "aggregation", name: path, code };
};

const customFieldNamed = (
  entity: CustomFieldEntity,
  rest: readonly string[],
): Reference | string => {
  const [field, ...beyond] = rest[0] === "customFields" ? rest.slice(1) : rest;
  return field === undefined || beyond.length > 0
    ? `${[entity, ...rest].join(".")} names no custom field; write ${entity}.customFields.<name>`
    : { kind: "customField", name: `${entity}.${field}`, entity, field };
};
