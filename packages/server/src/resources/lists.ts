import { type RawBuilder, sql } from "kysely";
import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import { paging, searchQuery } from "@turnpike/contract/query.ts";
import type { View } from "@turnpike/contract/resource.ts";
import { validate } from "@turnpike/contract/validation.ts";
import type { Database } from "../ports/database.ts";
import {
  conditions,
  type KindOf,
  listQuery,
  oldestFirst,
  orderOf,
  scopeConditions,
} from "./filters.ts";
import { decodePosition, type Page, pageOf } from "../records/paging.ts";
import type { Place } from "../records/place.ts";
import { findRecord, type RecordRow } from "../records/records.ts";
import type { Reply } from "./replies.ts";
import { searchConditions, searchOrder } from "./search.ts";
import type { Catalog } from "./verbs.ts";

type Query = Readonly<Record<string, unknown>>;

/** The verbs that answer with a page. */
export interface Lists {
  readonly list: (place: Place, query: Query) => Promise<Page<Reply>>;
  /** A list whose only parameters are the page's. */
  readonly view: (place: Place, view: View, query: Query) => Promise<Page<Reply>>;
  readonly search: (place: Place, query: Query) => Promise<Page<Reply>>;
}

interface ListParts {
  readonly database: Database;
  readonly now: () => Date;
  readonly kindOf: KindOf;
  readonly replies: Catalog["replies"];
}

export const createLists = ({ database, now, kindOf, replies }: ListParts): Lists => {
  const page = async (
    place: Place,
    query: Query,
    wanted: readonly RawBuilder<boolean>[],
  ): Promise<Page<Reply>> => {
    await checkParent(database, place);
    const size = Number(query["pageSize"]);
    const order = orderOf(place.resource, query);
    const rows = await select(
      database,
      [...scopeConditions(place), ...wanted, ...after(query["nextToken"], order)],
      { order: sql`record.dt_created ${order}, record.id ${order}`, limit: size + 1 },
    );
    const found = pageOf(rows, size, (row) => ({
      createdAt: row.dt_created.toISOString(),
      id: row.id,
    }));
    return { ...found, data: await replies(database, place.resource, found.data) };
  };

  return {
    list: (place, given) => {
      const { resource, caller } = place;
      const query = validate(listQuery(resource), given);
      const request = { orgId: caller.orgId, resource, query, now: now().toISOString(), kindOf };
      return page(place, query, conditions(request));
    },

    view: (place, view, given) =>
      page(place, validate(z.object(paging(view.pageSizeMax)), given), []),

    search: async (place, given) => {
      const query = validate(searchQuery, given);
      const { fromDocument, pageSize } = query;
      const rows = await select(
        database,
        [...scopeConditions(place), ...searchConditions(place.resource, query)],
        { order: searchOrder(query), limit: pageSize + 1, offset: fromDocument },
      );
      const data = await replies(database, place.resource, rows.slice(0, pageSize));
      if (rows.length <= pageSize) return { data };
      return { data, nextToken: String(fromDocument + pageSize) };
    },
  };
};

/** The list of what lives under a record that is not there is not empty: it is not there either. */
const checkParent = async (
  database: Database,
  { resource, caller, scope }: Place,
): Promise<void> => {
  if (resource.within === undefined) return;
  const kind = resource.references[resource.within];
  const id = scope?.[resource.within];
  if (kind === undefined || id === undefined) return;
  const parent = await findRecord(database, { orgId: caller.orgId, kind, id });
  if (parent === undefined) throw new Problem("NOT_FOUND");
};

const select = async (
  database: Database,
  wanted: readonly RawBuilder<boolean>[],
  { order, limit, offset = 0 }: { order: RawBuilder<unknown>; limit: number; offset?: number },
): Promise<RecordRow[]> => {
  const { rows } = await sql<RecordRow>`
    SELECT record.* FROM record WHERE ${sql.join(wanted, sql` AND `)}
    ORDER BY ${order} LIMIT ${limit} OFFSET ${offset}
  `.execute(database);
  return rows;
};

const after = (nextToken: unknown, order: RawBuilder<unknown>): RawBuilder<boolean>[] => {
  if (typeof nextToken !== "string" || nextToken === "") return [];
  const { createdAt, id } = decodePosition(nextToken);
  const comparator = order === oldestFirst ? sql`>` : sql`<`;
  const position = sql`(${createdAt}::timestamptz, ${id}::uuid)`;
  return [sql<boolean>`(record.dt_created, record.id) ${comparator} ${position}`];
};
