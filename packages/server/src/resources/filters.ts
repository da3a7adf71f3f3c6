import { type RawBuilder, sql } from "kysely";
import { z } from "zod";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { flag, paging, textList } from "@turnpike/contract/query.ts";
import type { Filter, Resource } from "@turnpike/contract/resource.ts";

type Condition = RawBuilder<boolean>;

const instant = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

const queryField = (filter: Filter): z.ZodType => {
  switch (filter.by) {
    case "id":
    case "code":
      return textList.optional();
    case "archived":
    case "includeInactive":
      return flag.optional();
    case "activeOn":
    case "from":
    case "before":
      return instant.optional();
    case "field":
    case "through":
      return z.string().optional();
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
  if (Array.isArray(value)) return oneOf(filter.by, value.map(String));
  return typeof value === "string" ? compare(filter, value, request) : undefined;
};

const oneOf = (by: Filter["by"], values: readonly string[]): Condition =>
  by === "id"
    ? sql<boolean>`record.id = ANY(${values.filter(isUuid)}::uuid[])`
    : sql<boolean>`record.code = ANY(${values}::text[])`;

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
      return sql<boolean>`${field(filter.field)} = ${value}`;
    case "through":
      return through(resource.kind, filter.path, { orgId, field: filter.field, value, kindOf });
    case "activeOn":
      return activeAt(asStored(value));
    case "from":
      return sql<boolean>`${field(filter.field)} >= ${value}`;
    case "before":
      return sql<boolean>`${field(filter.field)} < ${value}`;
    case "id":
    case "code":
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
    const { requires } = filter;
    if (value !== undefined && requires !== undefined && request.query[requires] === undefined) {
      throw fieldProblem("VALIDATION_FAILED", name, `must be used together with ${requires}`);
    }
    const wanted = condition(filter, value, request);
    if (wanted !== undefined) found.push(wanted);
  }
  return found;
};
