import { z } from "zod";
import { type FieldError, Problem } from "./problem.ts";

/** `["dataFields", 0, "code"]` → `dataFields[0].code`. */
export const fieldPath = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? String(part) : `${text}.${String(part)}`;
  }, "");

/** As many as a person reads: half a million of them would be a reply of fifty times the request. */
const errorsMax = 100;

const fieldErrors = ({ issues }: z.ZodError): FieldError[] => {
  const named = issues
    .slice(0, errorsMax)
    .map(({ path, message }) => ({ field: fieldPath(path), message }));
  const others = issues.length - named.length;
  if (others === 0) return named;
  return [...named, { field: "body", message: `has ${others} more mistakes` }];
};

const nouns: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

/** Our words where a schema has none of its own. */
const sentence = (issue: z.core.$ZodRawIssue): string | undefined => {
  const isMissing = issue.input === undefined;
  if (isMissing && ["invalid_type", "invalid_value", "invalid_union"].includes(issue.code)) {
    return "is required";
  }
  if (issue.code === "invalid_type") return `must be ${nouns[issue.expected] ?? issue.expected}`;
  if (issue.code === "unrecognized_keys") return `must not have ${issue.keys.join(", ")}`;
  if (issue.code !== "invalid_value") return undefined;
  return `must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.join(", ")}`;
};

/** An optional field sent as null counts as not sent (m3ter semantics 2.3). */
const withoutNulls = (input: unknown): unknown => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  if (!Object.values(input).includes(null)) return input;
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
};

/** The same for a part of a request that is made like a whole one, such as an authorization of a batch. */
export const partOf = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(withoutNulls, schema);

/** The input as the schema reads it, or a Problem that names the wrong fields, of very many the first ones. */
export const validate = <Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
): z.output<Schema> => {
  const result = schema.safeParse(withoutNulls(input), { error: sentence });
  if (result.success) return result.data;
  throw new Problem("VALIDATION_FAILED", fieldErrors(result.error));
};
