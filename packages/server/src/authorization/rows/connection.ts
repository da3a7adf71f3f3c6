import type { Pool, PoolClient } from "pg";

/**
 * Does the work on a connection that is its own until it ends. A transaction that it leaves open when it fails is undone;
 * a connection that cannot undo it is lost, and not used again.
 */
export const onConnection = async <Done>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Done>,
): Promise<Done> => {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    return await work(client);
  } catch (error) {
    await client.query("ROLLBACK").catch((cause: unknown) => {
      broken = new Error("the connection is lost", { cause });
    });
    throw error;
  } finally {
    client.release(broken);
  }
};
