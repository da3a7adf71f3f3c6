import { sql } from "kysely";
import type { Database } from "../ports/database.ts";
import type { StoredLine } from "./bill-replies.ts";

export interface LineFilter {
  readonly billId?: string | undefined;
  readonly commitmentId?: string | undefined;
  readonly lineItemType?: string | undefined;
}

/** Lines of every bill, the latest first, at most `limit`; `after` is the id of the last line seen. */
export const findLineItems = async (
  database: Database,
  orgId: string,
  { filter, limit, after }: { filter: LineFilter; limit: number; after?: string | undefined },
): Promise<StoredLine[]> => {
  const { billId, commitmentId, lineItemType } = filter;
  const wanted = [sql<boolean>`org_id = ${orgId}`];
  if (billId !== undefined) wanted.push(sql`bill_id::text = ${billId}`);
  if (lineItemType !== undefined) wanted.push(sql`line_item_type = ${lineItemType}`);
  if (commitmentId !== undefined) {
    // As the index has it.
    wanted.push(sql`line ? 'commitmentId' AND line->>'commitmentId' = ${commitmentId}`);
  }
  if (after !== undefined) wanted.push(sql`id < ${after}::uuid`);
  const { rows } = await sql<StoredLine>`
    SELECT id, bill_id, line FROM bill_line WHERE ${sql.join(wanted, sql` AND `)}
    ORDER BY id DESC LIMIT ${limit}
  `.execute(database);
  return rows;
};
