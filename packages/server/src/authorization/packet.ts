import type { Pool, PoolClient, QueryConfig, QueryResultRow } from "pg";

/**
 * Statements are prepared and touch rows by their keys only, however long the arrays: one plan serves them all, and a
 * table that has grown since its statistics were made is still not read from end to end.
 */
export const beginByKeys = `BEGIN; SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off;
  SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off`;

/**
 * The statements that `send` asks for at once go to the database in one write and are carried out in order: one
 * round trip instead of one for each. When one fails, those behind it in a transaction fail too.
 */
export const inOnePacket = <Result>(
  { connection }: PoolClient,
  send: () => Promise<Result>,
): Promise<Result> => {
  connection.stream.cork();
  try {
    return send();
  } finally {
    connection.stream.uncork();
  }
};

/** Reads rows by their keys, in one round trip. */
export const readByKeys = async <Row extends QueryResultRow>(
  pool: Pool,
  statement: QueryConfig,
): Promise<Row[]> => {
  const client = await pool.connect();
  let isBroken = false;
  try {
    const [, { rows }] = await inOnePacket(client, () =>
      Promise.all([
        client.query(beginByKeys),
        client.query<Row>(statement),
        client.query("COMMIT"),
      ]),
    );
    return rows;
  } catch (error) {
    isBroken = true;
    throw error;
  } finally {
    client.release(isBroken);
  }
};
