import { type RawBuilder, sql } from "kysely";
import { z } from "zod";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { SearchQuery } from "@turnpike/contract/query.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { isRecordId } from "../records/records.ts";

export const comparators = [">=", "<=", ">", "<", ":", "~"] as const;
type Comparator = (typeof comparators)[number];

/** `name~Premium On` of a search query. */
export interface Clause {
  readonly field: string;
  readonly comparator: Comparator;
  readonly value: string;
}

const clausePattern = /^\s*([A-Za-z][A-Za-z0-9]*)\s*(>=|<=|>|<|:|~)(.*)$/s;

const refuse = (message: string) => fieldProblem("VALIDATION_FAILED", "searchQuery", message);

const isComparator = (text: string): text is Comparator =>
  comparators.some((comparator) => comparator === text);

/** `name~Premium On$currency:USD` → two clauses (m3ter semantics 2.7). */
export const parseSearch = (text: string): Clause[] =>
  text
    .split("$")
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const [, field = "", comparator = "", value = ""] = clausePattern.exec(part) ?? [];
      if (isComparator(comparator)) return { field, comparator, value: value.trim() };
      throw refuse(`must be clauses such as name~Premium, joined by $: ${part}`);
    });

type Column = "text" | "time" | "any of";

const standardColumns: Readonly<Record<string, Column>> = {
  id: "text",
  ids: "any of",
  codes: "any of",
  createdBy: "text",
  lastModifiedBy: "text",
  dtCreated: "time",
  dtLastModified: "time",
};

const columnOf = (field: string): RawBuilder<unknown> => {
  switch (field) {
    case "id":
    case "ids":
      return sql`record.id::text`;
    case "code":
    case "codes":
      return sql`record.code`;
    case "createdBy":
      return sql`record.created_by`;
    case "lastModifiedBy":
      return sql`record.last_modified_by`;
    case "dtCreated":
      return sql`record.dt_created`;
    case "dtLastModified":
      return sql`record.dt_last_modified`;
    default:
      return sql`record.document->>${sql.lit(field)}`;
  }
};

const sqlComparators: Readonly<Record<Exclude<Comparator, "~">, RawBuilder<unknown>>> = {
  ":": sql`=`,
  ">": sql`>`,
  ">=": sql`>=`,
  "<": sql`<`,
  "<=": sql`<=`,
};

const time = z.union([z.iso.date(), z.iso.datetime({ offset: true })]);

const escaped = (value: string): string => value.replaceAll(/[\\%_]/g, "\\$&");

/** `~` matches the beginning of the field or of a word in it, in any case. */
const startsWith = (column: RawBuilder<unknown>, value: string): RawBuilder<boolean> => {
  const prefix = `${escaped(value)}%`;
  return sql<boolean>`(${column} ILIKE ${prefix} OR ${column} ILIKE ${`% ${prefix}`})`;
};

const condition = (resource: Resource, clause: Clause): RawBuilder<boolean> => {
  const { field, comparator, value } = clause;
  const kind = standardColumns[field] ?? (resource.search?.includes(field) ? "text" : undefined);
  if (kind === undefined) throw refuse(`names ${field}, which cannot be searched by`);
  const column = columnOf(field);
  const values = kind === "any of" ? value.split(",").map((one) => one.trim()) : [value];
  if (isId(field) && comparator !== "~" && (kind === "any of" || comparator === ":")) {
    return sql<boolean>`record.id = ANY(${values.filter(isRecordId)}::uuid[])`;
  }
  if (kind === "any of") return sql<boolean>`${column} = ANY(${values}::text[])`;
  if (comparator === "~") return startsWith(kind === "time" ? sql`${column}::text` : column, value);
  const operator = sqlComparators[comparator];
  if (kind === "text" && comparator === ":") return equals(field, column, value);
  if (kind === "text") return sql<boolean>`${column} COLLATE "C" ${operator} ${value}`;
  if (!time.safeParse(value).success) throw refuse(`compares ${field} with ${value}, not a date`);
  return sql<boolean>`${column} ${operator} ${new Date(value).toISOString()}::timestamptz`;
};

const isId = (field: string): boolean => field === "id" || field === "ids";

/** A field that holds a list equals each of its values. */
const equals = (field: string, column: RawBuilder<unknown>, value: string): RawBuilder<boolean> =>
  field === "code"
    ? sql<boolean>`${column} = ${value}`
    : sql<boolean>`(${column} = ${value} OR record.document->${sql.lit(field)} @> ${JSON.stringify([value])}::jsonb)`;

/** The WHERE conditions that a search asks for. */
export const searchConditions = (
  resource: Resource,
  { searchQuery, operator }: SearchQuery,
): RawBuilder<boolean>[] => {
  const wanted = parseSearch(searchQuery).map((clause) => condition(resource, clause));
  if (wanted.length === 0) return [];
  const joined = sql.join(wanted, operator === "AND" ? sql` AND ` : sql` OR `);
  return [sql<boolean>`(${joined})`];
};

/** Any field sorts; without one, the newest record comes first. */
export const searchOrder = ({ sortBy, sortOrder }: SearchQuery): RawBuilder<unknown> => {
  if (sortBy === undefined) return sql`record.dt_created DESC, record.id DESC`;
  const direction = sortOrder === "ASC" ? sql`ASC` : sql`DESC`;
  const column =
    standardColumns[sortBy] === undefined ? sql`record.document->${sortBy}` : columnOf(sortBy);
  return sql`${column} ${direction} NULLS LAST, record.id ${direction}`;
};
