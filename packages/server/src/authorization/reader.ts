import type { PoolClient } from "pg";

/** Reads rows of one organization in the transaction of a batch. */
export interface Reader {
  readonly client: PoolClient;
  readonly orgId: string;
}

/** A statement that every batch prepares once for its connection; its first parameter is the organization. */
interface Statement {
  readonly name: string;
  readonly text: string;
}

export const query = async <Columns extends object>(
  { client, orgId }: Reader,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<Columns[]> => {
  const { rows } = await client.query<Columns>({ name, text, values: [orgId, ...values] });
  return rows;
};

/** The values of each row in the order of the statement: for what every decision reads, without an object to build. */
export const queryValues = async <Values extends unknown[]>(
  { client, orgId }: Reader,
  { name, text }: Statement,
  values: readonly unknown[],
): Promise<Values[]> => {
  const { rows } = await client.query<Values>({
    name,
    text,
    values: [orgId, ...values],
    rowMode: "array",
  });
  return rows;
};

export const byId = <Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.id, row]));
