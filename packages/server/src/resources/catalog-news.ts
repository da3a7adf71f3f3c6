import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { z } from "zod";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import type { OnChange } from "./verbs.ts";

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
const readNews = (payload: string): CatalogNews | undefined => {
  const { server: sender, ...changed } = news.parse(JSON.parse(payload));
  return sender === server ? undefined : changed;
};

/** Whether it is heard what other servers change: what is remembered may be remembered for longer then. */
export interface Hearing {
  isHeard: boolean;
}

interface NewsParts {
  readonly database: Database;
  readonly resources: readonly Resource[];
  readonly onChange: OnChange;
  readonly hearing: Hearing;
}

/** What to do when it begins to be heard, with what is heard, and when no more is. */
export const heedNews = ({
  database,
  resources,
  onChange,
  hearing,
}: NewsParts): {
  readonly begin: () => Promise<void>;
  readonly heed: (payload: string) => void;
  readonly end: () => void;
} => ({
  begin: async () => {
    // What was remembered while nothing was heard may be wrong.
    const organizations = await database.selectFrom("organization").select("id").execute();
    for (const { id: orgId } of organizations)
      for (const { kind } of resources) onChange({ orgId, kind });
    hearing.isHeard = true;
  },
  heed: (payload) => {
    const changed = readNews(payload);
    for (const kind of changed?.kinds ?? []) onChange({ orgId: changed?.orgId ?? "", kind });
  },
  end: () => {
    hearing.isHeard = false;
  },
});
