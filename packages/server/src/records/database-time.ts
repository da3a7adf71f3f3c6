import { sql } from "kysely";
import type { Reader } from "../ports/database.ts";

/** The time of the database in SQL, in milliseconds, which moves within a transaction. */
export const epochMs = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/** By which is decided what time brings; the clock of this process may say another. */
export const databaseTime = async (reader: Reader): Promise<number> => {
  const { rows } = await sql<{ now: string }>`SELECT ${sql.raw(epochMs)} AS now`.execute(reader);
  return Number(rows[0]?.now);
};
