import type { PoolClient } from "pg";

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
