import { type RawBuilder, sql } from "kysely";
import { z } from "zod";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Database } from "../ports/database.ts";
import { selectBills } from "./bill-queries.ts";
import type { BillRow } from "./bill-replies.ts";

/** One clause of a search, such as `locked:true`. */
export interface BillClause {
  readonly field: string;
  readonly comparator: ">=" | "<=" | ">" | "<" | ":" | "~";
  readonly value: string;
}

type Kind = "text" | "any of" | "flag" | "date" | "time";

/** What bills are searched and sorted by (m3ter semantics 2.7), and the column that holds it. */
const fields = new Map<string, { readonly kind: Kind; readonly column: RawBuilder<unknown> }>([
  ["id", { kind: "text", column: sql`bill.id::text` }],
  ["ids", { kind: "any of", column: sql`bill.id::text` }],
  ["accountId", { kind: "text", column: sql`bill.account_id::text` }],
  ["billingFrequency", { kind: "text", column: sql`bill.billing_frequency` }],
  ["status", { kind: "text", column: sql`bill.status` }],
  ["currency", { kind: "text", column: sql`bill.currency` }],
  ["createdBy", { kind: "text", column: sql`bill.created_by` }],
  ["lastModifiedBy", { kind: "text", column: sql`bill.last_modified_by` }],
  ["locked", { kind: "flag", column: sql`bill.is_locked` }],
  ["billDate", { kind: "date", column: sql`bill.bill_date` }],
  ["startDate", { kind: "date", column: sql`bill.start_date` }],
  ["endDate", { kind: "date", column: sql`bill.end_date` }],
  ["dueDate", { kind: "date", column: sql`bill.due_date` }],
  ["dtCreated", { kind: "time", column: sql`bill.dt_created` }],
  ["dtLastModified", { kind: "time", column: sql`bill.dt_last_modified` }],
]);

const refuse = (field: string, message: string) =>
  fieldProblem("VALIDATION_FAILED", field, message);

const operators = {
  ":": sql`=`,
  ">": sql`>`,
  ">=": sql`>=`,
  "<": sql`<`,
  "<=": sql`<=`,
} as const;

const shapes = {
  date: { schema: z.iso.date(), wanted: "a date such as 2024-05-01" },
  flag: { schema: z.enum(["true", "false"]), wanted: "true or false" },
  time: {
    schema: z.union([z.iso.date(), z.iso.datetime({ offset: true })]),
    wanted: "a date or an instant",
  },
} as const;

const escaped = (value: string): string => value.replaceAll(/[\\%_]/g, "\\$&");

const condition = ({ field, comparator, value }: BillClause): RawBuilder<boolean> => {
  const known = fields.get(field);
  if (known === undefined) {
    throw refuse("searchQuery", `names ${field}, which cannot be searched by`);
  }
  const { kind, column } = known;
  if (kind === "any of") {
    return sql`${column} = ANY(${value.split(",").map((one) => one.trim())}::text[])`;
  }
  if (comparator === "~") return sql`${column}::text ILIKE ${`${escaped(value)}%`}`;
  if (kind === "text") return sql`${column} COLLATE "C" ${operators[comparator]} ${value}`;
  const { schema, wanted } = shapes[kind];
  if (!schema.safeParse(value).success) {
    throw refuse("searchQuery", `compares ${field} with ${value}, not ${wanted}`);
  }
  const given = kind === "time" ? new Date(value).toISOString() : value;
  return sql`${column} ${operators[comparator]} ${given}`;
};

export interface BillSearch {
  readonly clauses: readonly BillClause[];
  readonly operator: "AND" | "OR";
  readonly sortBy?: string | undefined;
  readonly sortOrder: "ASC" | "DESC";
  readonly offset: number;
  readonly limit: number;
}

const orderOf = ({ sortBy, sortOrder }: BillSearch): RawBuilder<unknown> => {
  if (sortBy === undefined) return sql`bill.dt_created DESC, bill.id DESC`;
  const known = fields.get(sortBy);
  if (known === undefined) throw refuse("sortBy", `is ${sortBy}, which cannot be sorted by`);
  const direction = sortOrder === "ASC" ? sql`ASC` : sql`DESC`;
  return sql`${known.column} ${direction}, bill.id ${direction}`;
};

/** The bills that the clauses describe; without clauses, all of them. */
export const searchBills = (
  database: Database,
  orgId: string,
  search: BillSearch,
): Promise<BillRow[]> => {
  const all = search.clauses.map(condition);
  const joined = sql.join(all, search.operator === "AND" ? sql` AND ` : sql` OR `);
  return selectBills(database, orgId, {
    wanted: all.length === 0 ? [] : [sql<boolean>`(${joined})`],
    order: orderOf(search),
    limit: search.limit,
    offset: search.offset,
  });
};
