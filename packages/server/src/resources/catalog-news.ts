import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { z } from "zod";
import type { DatabaseTransaction } from "../ports/database.ts";

/** Where servers that share a database tell each other what they changed. */
export const newsChannel = "turnpike_catalog";

const news = z.object({ server: z.string(), orgId: z.string(), kinds: z.array(z.string()) });

/** Kinds of records of an organization that were written. */
export type CatalogNews = Omit<z.infer<typeof news>, "server">;

/** This process, which knows its own changes before the database does. */
const server = randomUUID();

/** Tells the other servers if and when the transaction commits. */
export const tellServers = async (
  transaction: DatabaseTransaction,
  changed: CatalogNews,
): Promise<void> => {
  const payload = JSON.stringify({ ...changed, server } satisfies z.infer<typeof news>);
  await sql`SELECT pg_notify(${newsChannel}, ${payload})`.execute(transaction);
};

/** What another server changed; undefined for what this one said itself. */
export const readNews = (payload: string): CatalogNews | undefined => {
  const { server: sender, ...changed } = news.parse(JSON.parse(payload));
  return sender === server ? undefined : changed;
};
