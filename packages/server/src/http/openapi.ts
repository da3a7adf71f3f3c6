import { z } from "zod";
import type { Operation } from "@turnpike/contract/operation.ts";
import { operations } from "@turnpike/contract/operations.ts";
import { paging, searchQuery } from "@turnpike/contract/query.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { type ResourceRoute, routesOf } from "@turnpike/contract/resource-route.ts";
import { listQuery } from "../resources/filters.ts";

type Json = Record<string, unknown>;

const jsonSchema = (schema: z.ZodType): Json => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
  });
  return rest;
};

const content = (schema: Json): Json => ({ content: { "application/json": { schema } } });
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const pathParameters = (path: string): Json[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));

const queryParameters = (query: z.ZodObject | undefined): Json[] => {
  if (query === undefined) return [];
  const { properties = {} } = z.toJSONSchema(query, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
};

const replies = (schema: Json): Json => ({
  "200": { description: "Success", ...content(schema) },
  "4XX": { description: "The request was refused", ...content(ref("Problem")) },
  "5XX": { description: "The server could not answer", ...content(ref("Problem")) },
});

const standardFields: Json = {
  id: { type: "string" },
  version: { type: "integer" },
  dtCreated: { type: "string", format: "date-time" },
  dtLastModified: { type: "string", format: "date-time" },
  createdBy: { type: "string" },
  lastModifiedBy: { type: "string" },
};

const problemSchema: Json = {
  type: "object",
  required: ["message", "errorCode", "statusCode"],
  properties: {
    message: { type: "string" },
    errorCode: { type: "string" },
    statusCode: { type: "integer" },
    errors: {
      type: "array",
      items: {
        type: "object",
        properties: { field: { type: "string" }, message: { type: "string" } },
      },
    },
  },
};

const resourceSchemas = (resource: Resource): Json => ({
  [`${resource.noun}Request`]: {
    allOf: [jsonSchema(resource.fields), { properties: { version: { type: "integer" } } }],
  },
  [`${resource.noun}Response`]: {
    allOf: [
      jsonSchema(resource.fields),
      ...(resource.computed === undefined ? [] : [jsonSchema(resource.computed)]),
      { properties: standardFields },
    ],
  },
});

/** m3ter's own operation names differ from resource to resource; ours do not. */
const operationId = (resource: Resource, { verb, view }: ResourceRoute): string => {
  const { noun } = resource;
  if (verb === "view") {
    const name = (view ?? "").split("/").filter((part) => !part.startsWith("{"));
    return `list${noun}sBy${name.map(capitalized).join("")}`;
  }
  return verb === "list" || verb === "search" ? `${verb}${noun}s` : `${verb}${noun}`;
};

const capitalized = (word: string): string => `${word.charAt(0).toUpperCase()}${word.slice(1)}`;

const queryOf = (resource: Resource, { verb, view }: ResourceRoute): z.ZodObject | undefined => {
  if (verb === "list") return listQuery(resource);
  if (verb === "search") return searchQuery;
  if (verb !== "view") return undefined;
  return z.object(paging(resource.views?.[view ?? ""]?.pageSizeMax ?? resource.pageSizeMax));
};

const describeRoute = (resource: Resource, route: ResourceRoute): Json => {
  const one = ref(`${resource.noun}Response`);
  const query = queryOf(resource, route);
  const page = {
    type: "object",
    properties: { data: { type: "array", items: one }, nextToken: { type: "string" } },
  };
  const hasBody = route.verb === "create" || route.verb === "update";
  return {
    operationId: operationId(resource, route),
    tags: [resource.noun],
    security: resource.takesKey === true ? tokenOrKey : security.organization,
    parameters: [...pathParameters(route.path), ...queryParameters(query)],
    ...(hasBody
      ? { requestBody: { required: true, ...content(ref(`${resource.noun}Request`)) } }
      : {}),
    responses: replies(query === undefined ? one : page),
  };
};

const security: Readonly<Record<Operation["access"], Json[]>> = {
  organization: [{ bearer: [] }],
  key: [{ key: [] }],
  public: [],
};
/** Either will do. */
const tokenOrKey: Json[] = [...security.organization, ...security.key];

const securityOf = (operation: Operation): Json[] =>
  operation.access === "organization" && operation.takesKey === true
    ? tokenOrKey
    : security[operation.access];

const describeOperation = (id: string, operation: Operation): Json => ({
  operationId: id,
  tags: [operation.noun],
  summary: operation.summary,
  security: securityOf(operation),
  parameters: [...pathParameters(operation.path), ...queryParameters(operation.query)],
  ...(operation.body === undefined
    ? {}
    : { requestBody: { required: true, ...content(jsonSchema(operation.body)) } }),
  responses: replies(
    operation.reply === undefined ? { type: "object" } : jsonSchema(operation.reply),
  ),
});

/** The OpenAPI 3.1 document of everything that is served, printed from the declarations. */
export const printOpenApi = (resources: readonly Resource[]): Json => {
  const paths: Record<string, Json> = {};
  const add = (path: string, method: string, description: Json): void => {
    paths[path] = { ...paths[path], [method]: description };
  };
  for (const resource of resources) {
    for (const route of routesOf(resource)) {
      add(route.path, route.method.toLowerCase(), describeRoute(resource, route));
    }
  }
  for (const [id, operation] of Object.entries(operations)) {
    add(operation.path, operation.method.toLowerCase(), describeOperation(id, operation));
  }
  return {
    openapi: "3.1.0",
    info: { title: "Turnpike", version: "1.0" },
    security: security.organization,
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        key: { type: "http", scheme: "basic" },
      },
      schemas: Object.assign({ Problem: problemSchema }, ...resources.map(resourceSchemas)),
    },
  };
};
