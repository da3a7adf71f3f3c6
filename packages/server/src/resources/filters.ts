import { type RawBuilder, sql } from "kysely";
import { z } from "zod";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { flag, paging, textList } from "@turnpike/contract/query.ts";
import type { Filter, Resource } from "@turnpike/contract/resource.ts";
import type { Place } from "../records/place.ts";

type Condition = RawBuilder<boolean>;

const instant = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

const queryField = (filter: Filter): z.ZodType => {
  switch (filter.by) {
    case "id":
    case "code":
    case "in":
      return textList.optional();
    case "archived":
    case "includeInactive":
      return flag.optional();
    case "activeOn":
    case "from":
    case "before":
      return instant.optional();
    case "field":
    case "contains":
    case "through":
      return z.string().optional();
    case "order":
      return z.enum(["ASC", "DESC"]).optional();
  }
};

/** The query parameters of a resource's list route. */
export const listQuery = (resource: Resource): z.ZodObject =>
  z.object({
    ...paging(resource.pageSizeMax),
    ...Object.fromEntries(
      Object.entries(resource.filters).map(([name, filter]) => [name, queryField(filter)]),
    ),
  });

/** Instants are stored as UTC text of one length, so they compare as text. */
const asStored = (given: string): string => new Date(given).toISOString();

const field = (name: string): RawBuilder<string> => sql`record.document->>${sql.lit(name)}`;

/** A stored date, or date and time, as an instant's text, so that both compare with either. */
const asInstant = (name: string, orElse?: string): RawBuilder<string> => {
  const value =
    orElse === undefined ? field(name) : sql`coalesce(${field(name)}, ${field(orElse)})`;
  return sql`left(${value} || 'T00:00:00.000Z', 24)`;
};

const newestFirst = sql`DESC`;
export const oldestFirst = sql`ASC`;

/** The order of a list (m3ter semantics 2.7): newest first unless the query says otherwise. */
export const orderOf = (
  { filters }: Resource,
  query: Readonly<Record<string, unknown>>,
): RawBuilder<unknown> => {
  const [name] = Object.entries(filters).find(([, { by }]) => by === "order") ?? [];
  return name !== undefined && query[name] === "ASC" ? oldestFirst : newestFirst;
};

/** What every list of a collection, or of a part of it, asks for. */
export const scopeConditions = ({ resource, caller, scope = {} }: Place): Condition[] => [
  sql<boolean>`record.org_id = ${caller.orgId} AND record.kind = ${resource.kind}`,
  ...Object.entries(scope).map(([name, value]) =>
    name === resource.within && resource.references[name] !== undefined
      ? sql<boolean>`record.parent_id = ${value}`
      : sql<boolean>`${field(name)} = ${value}`,
  ),
];

const activeAt = (at: string): Condition =>
  sql<boolean>`(${field("startDate")} <= ${at} AND coalesce(${field("endDate")} > ${at}, true))`;

/** Kinds of the records along a chain of references, from the declarations. */
export type KindOf = (kind: string, field: string) => string;

const through = (
  kind: string,
  path: readonly string[],
  end: { orgId: string; field: string; value: string; kindOf: KindOf },
): Condition => {
  const [step, ...rest] = path;
  if (step === undefined) return sql<boolean>`${field(end.field)} = ${end.value}`;
  const next = end.kindOf(kind, step);
  return sql<boolean>`(${field(step)})::uuid IN (
    SELECT record.id FROM record
    WHERE record.org_id = ${end.orgId} AND record.kind = ${next} AND ${through(next, rest, end)})`;
};

interface ListRequest {
  readonly orgId: string;
  readonly resource: Resource;
  readonly query: Readonly<Record<string, unknown>>;
  readonly now: string;
  readonly kindOf: KindOf;
}

const isUuid = (text: string): boolean => z.uuid().safeParse(text).success;

const condition = (filter: Filter, value: unknown, request: ListRequest): Condition | undefined => {
  if (filter.by === "archived") {
    return value === true ? undefined : sql<boolean>`${field("archived")} IS DISTINCT FROM 'true'`;
  }
  if (filter.by === "includeInactive") return activeOnly(filter.when, value === true, request);
  if (Array.isArray(value)) return oneOf(filter, value.map(String));
  return typeof value === "string" ? compare(filter, value, request) : undefined;
};

const oneOf = (filter: Filter, values: readonly string[]): Condition => {
  if (filter.by === "id") return sql<boolean>`record.id = ANY(${values.filter(isUuid)}::uuid[])`;
  if (filter.by === "code") return sql<boolean>`record.code = ANY(${values}::text[])`;
  if (filter.by === "in") return sql<boolean>`${field(filter.field)} = ANY(${values}::text[])`;
  throw new Error(`a filter by ${filter.by} takes one value`);
};

const activeOnly = (
  when: readonly string[],
  isAll: boolean,
  { query, now }: ListRequest,
): Condition | undefined => {
  if (isAll || query["date"] !== undefined) return undefined;
  return when.some((name) => query[name] !== undefined) ? activeAt(now) : undefined;
};

const compare = (
  filter: Filter,
  value: string,
  { orgId, resource, kindOf }: ListRequest,
): Condition | undefined => {
  switch (filter.by) {
    case "field":
      return value === "" && filter.orNone === true
        ? sql<boolean>`${field(filter.field)} IS NULL`
        : sql<boolean>`${field(filter.field)} = ${value}`;
    case "through":
      return through(resource.kind, filter.path, { orgId, field: filter.field, value, kindOf });
    case "activeOn":
      return activeAt(asStored(value));
    case "contains":
      return sql<boolean>`record.document->${sql.lit(filter.field)} @> ${JSON.stringify([value])}::jsonb`;
    case "from":
      return sql<boolean>`${asInstant(filter.field, filter.orElse)} >= ${asStored(value)}`;
    case "before":
      return sql<boolean>`${asInstant(filter.field, filter.orElse)} < ${asStored(value)}`;
    case "id":
    case "code":
    case "in":
    case "order":
    case "archived":
    case "includeInactive":
      return undefined;
  }
};

/** The WHERE conditions that a validated list query asks for. */
export const conditions = (request: ListRequest): Condition[] => {
  const found: Condition[] = [];
  for (const [name, filter] of Object.entries(request.resource.filters)) {
    const value = request.query[name];
    const { requires, required } = filter;
    if (value === undefined && required === true) {
      throw fieldProblem("VALIDATION_FAILED", name, "is required");
    }
    if (value !== undefined && requires !== undefined && request.query[requires] === undefined) {
      throw fieldProblem("VALIDATION_FAILED", name, `must be used together with ${requires}`);
    }
    const wanted = condition(filter, value, request);
    if (wanted !== undefined) found.push(wanted);
  }
  return found;
};
