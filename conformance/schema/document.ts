import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv, type ValidateFunction } from "ajv";
import { z } from "zod";

/** The published description of the m3ter API, beside the repository. */
const path = fileURLToPath(
  new URL("../../../shared/reference/m3ter-openapi.json", import.meta.url),
);

export const isDocumentPresent = existsSync(path);

/** The part of JSON Schema that the document uses. */
export interface Schema {
  readonly $ref?: string | undefined;
  readonly type?: string | undefined;
  readonly format?: string | undefined;
  readonly pattern?: string | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  /** As JSON Schema draft 4 had it. */
  readonly exclusiveMinimum?: boolean | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly maxProperties?: number | undefined;
  readonly items?: Schema | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly additionalProperties?: boolean | Schema | undefined;
  readonly allOf?: readonly Schema[] | undefined;
  readonly anyOf?: readonly Schema[] | undefined;
}

const schema: z.ZodType<Schema> = z.lazy(() =>
  z.object({
    $ref: z.string().optional(),
    type: z.string().optional(),
    format: z.string().optional(),
    pattern: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    minLength: z.number().optional(),
    maxLength: z.number().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    exclusiveMinimum: z.boolean().optional(),
    minItems: z.number().optional(),
    maxItems: z.number().optional(),
    maxProperties: z.number().optional(),
    items: schema.optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), schema).optional(),
    additionalProperties: z.union([z.boolean(), schema]).optional(),
    allOf: z.array(schema).optional(),
    anyOf: z.array(schema).optional(),
  }),
);

const content = z.object({
  "application/json": z.object({ schema: schema.optional() }).optional(),
});

const operation = z.object({
  operationId: z.string(),
  tags: z.array(z.string()),
  parameters: z
    .array(z.object({ name: z.string(), in: z.string(), required: z.boolean().optional(), schema }))
    .default([]),
  requestBody: z.object({ content }).optional(),
  responses: z.object({ "200": z.object({ content: content.optional() }).optional() }),
});

const methods = ["get", "post", "put", "delete"] as const;

const document = z.object({
  paths: z.record(z.string(), z.partialRecord(z.enum(methods), operation)),
  components: z.object({ schemas: z.record(z.string(), schema) }),
});

export interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below `/organizations/{orgId}/`; the whole path for the few that are not. */
  readonly path: string;
  readonly query: readonly { readonly name: string; readonly schema: Schema }[];
  readonly body: Schema | undefined;
  /** The last part of the body's reference, by which its peculiarities are known. */
  readonly bodyName: string;
  readonly reply: ValidateFunction | undefined;
}

export interface ApiDocument {
  readonly operations: readonly Operation[];
  /** The schema with every reference and `allOf` of its top level resolved. */
  readonly flat: (schema: Schema) => Schema;
}

const verbOf = { get: "GET", post: "POST", put: "PUT", delete: "DELETE" } as const;
const prefix = "/organizations/{orgId}/";

const nameOf = ({ $ref, anyOf }: Schema): string =>
  ($ref ?? anyOf?.[0]?.$ref ?? "").split("/").at(-1) ?? "";

/** Reads and compiles the whole document. */
export const readDocument = (): ApiDocument => {
  const { paths, components } = document.parse(JSON.parse(readFileSync(path, "utf8")));
  const resolve = ($ref: string): Schema => {
    const found = components.schemas[$ref.split("/").at(-1) ?? ""];
    if (found === undefined) throw new Error(`the document has no schema ${$ref}`);
    return found;
  };
  const flat = (given: Schema): Schema => {
    const { $ref, allOf = [], ...own } = given;
    const parts = [...($ref === undefined ? [] : [resolve($ref)]), ...allOf].map(flat);
    return parts.reduce<Schema>(
      (whole, part) => ({
        ...part,
        ...whole,
        required: [...(part.required ?? []), ...(whole.required ?? [])],
        properties: { ...part.properties, ...whole.properties },
      }),
      own,
    );
  };
  const ajv = new Ajv({ strict: false, allErrors: true, formats });
  for (const [name, one] of Object.entries(components.schemas)) {
    ajv.addSchema({ $id: `#/components/schemas/${name}`, ...(misprints[name] ?? standard(one)) });
  }
  const operations = Object.entries(paths).flatMap(([whole, byMethod]) =>
    methods.flatMap((method) => {
      const found = byMethod[method];
      if (found === undefined) return [];
      const body = found.requestBody?.content["application/json"]?.schema;
      const reply = found.responses["200"]?.content?.["application/json"]?.schema;
      return {
        id: found.operationId,
        tag: found.tags[0] ?? "",
        method: verbOf[method],
        path: whole.startsWith(prefix) ? whole.slice(prefix.length) : whole,
        query: found.parameters.filter((parameter) => parameter.in === "query"),
        body,
        bodyName: body === undefined ? "" : nameOf(body),
        reply: reply === undefined ? undefined : ajv.compile(standard(reply)),
      };
    }),
  );
  return { operations, flat };
};

const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** A set of ids came out of the generator as an object of Java's; it is a list (m3ter semantics 14.3). */
const misprints: Readonly<Record<string, Schema>> = {
  Set_String_: { type: "array", items: { type: "string" } },
};

/** What a reply is held to; the rest of the formats are sizes of numbers. */
const formats = {
  "date-time": instant,
  date: /^\d{4}-\d{2}-\d{2}$/,
  email: /^[^@\s]+@[^@\s]+$/,
  url: /^https?:/,
  int32: true,
  int64: true,
  double: true,
} as const;

/** Replies carry the wire's lower case where the schema's enums print upper case (m3ter semantics 1.3). */
const isUpperCaseOnly = (values: readonly unknown[]): boolean =>
  values.includes("CONFIG_CREATE") || values.includes("ALLOW");

/** The same in today's JSON Schema. Patterns are Java's and constrain requests, not replies. */
const standard = (given: Schema): Schema & object => {
  const { pattern: _pattern, exclusiveMinimum, minimum, enum: values, ...rest } = given;
  const each = (schemas: readonly Schema[]): Schema[] => schemas.map(standard);
  return {
    ...rest,
    ...(values === undefined || isUpperCaseOnly(values) ? {} : { enum: values }),
    ...(minimum === undefined || exclusiveMinimum === true ? {} : { minimum }),
    ...(given.items === undefined ? {} : { items: standard(given.items) }),
    ...(given.allOf === undefined ? {} : { allOf: each(given.allOf) }),
    ...(given.anyOf === undefined ? {} : { anyOf: each(given.anyOf) }),
    ...(typeof given.additionalProperties === "object"
      ? { additionalProperties: standard(given.additionalProperties) }
      : {}),
    ...(given.properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(given.properties).map(([name, one]) => [name, standard(one)]),
          ),
        }),
  };
};
