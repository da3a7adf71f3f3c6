import type { Pool } from "pg";
import { z } from "zod";
import { epochMs } from "../records/database-time.ts";
import { jsonPlace, type Page, pageBy, placeOf } from "../records/paging.ts";

interface PageRequest {
  readonly orgId: string;
  readonly account?: string | undefined;
  readonly asset?: string | undefined;
  readonly pageSize: number;
  readonly nextToken?: string | undefined;
}

const shownId = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/);

/** The id of the last row that was shown. */
const lastShown = jsonPlace(z.tuple([shownId]));

type KeyedTable = "grant_standing" | "top_up";

/** Organization, account or null, asset or null, the last id that was shown or null, rows at most; with when it is read. */
export const pageText = (table: KeyedTable): string =>
  `SELECT *, ${epochMs} AS read_at FROM ${table} WHERE org_id = $1 AND ($2::text IS NULL OR account = $2)
     AND ($3::text IS NULL OR asset = $3) AND ($4::text IS NULL OR id > $4) ORDER BY id LIMIT $5`;

/** A page of a ledger table, by id. */
export const keyedPage = async <Row extends { readonly id: string }>(
  pool: Pool,
  table: KeyedTable,
  { orgId, account, asset, pageSize, nextToken }: PageRequest,
): Promise<Page<Row>> => {
  const [after] = nextToken === undefined ? [null] : placeOf(nextToken, lastShown);
  // Without a name: planned for these values, of which those that are null ask nothing.
  const values = [orgId, account ?? null, asset ?? null, after, pageSize + 1];
  const { rows } = await pool.query<Row>(pageText(table), values);
  return pageBy(rows, pageSize, ({ id }) => JSON.stringify([id]));
};
