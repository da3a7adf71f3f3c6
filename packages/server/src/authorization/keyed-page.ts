import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Pool } from "pg";
import { z } from "zod";

interface PageRequest {
  readonly orgId: string;
  readonly account?: string | undefined;
  readonly asset?: string | undefined;
  readonly pageSize: number;
  readonly nextToken?: string | undefined;
}

interface KeyedPage<Row> {
  readonly data: Row[];
  readonly nextToken?: string;
}

/** The id of the last row that was shown. */
const lastShown = z.tuple([
  z
    .string()
    .min(1)
    .regex(/^[^\0]*$/),
]);

const encodeToken = (id: string): string =>
  Buffer.from(JSON.stringify([id] satisfies z.output<typeof lastShown>)).toString("base64url");

const decodeToken = (token: string): string => {
  try {
    return lastShown.parse(JSON.parse(Buffer.from(token, "base64url").toString()))[0];
  } catch {
    throw fieldProblem("INVALID_NEXT_TOKEN", "nextToken", "is not valid");
  }
};

/** A page of a ledger table, by id. */
export const keyedPage = async <Row extends { readonly id: string }>(
  pool: Pool,
  table: "grant_standing" | "top_up",
  { orgId, account, asset, pageSize, nextToken }: PageRequest,
): Promise<KeyedPage<Row>> => {
  const after = nextToken === undefined ? null : decodeToken(nextToken);
  const { rows } = await pool.query<Row>(
    `SELECT * FROM ${table} WHERE org_id = $1 AND ($2::text IS NULL OR account = $2)
       AND ($3::text IS NULL OR asset = $3) AND ($4::text IS NULL OR id > $4) ORDER BY id LIMIT $5`,
    [orgId, account ?? null, asset ?? null, after, pageSize + 1],
  );
  const data = rows.slice(0, pageSize);
  const last = data.at(-1);
  if (rows.length <= pageSize || last === undefined) return { data };
  return { data, nextToken: encodeToken(last.id) };
};
