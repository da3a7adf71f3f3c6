import { sql } from "kysely";
import { z } from "zod";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database, DatabaseTransaction } from "../ports/database.ts";
import type { CatalogChange } from "../records/catalog-change.ts";
import type { OnChange } from "./verbs.ts";

/** Where servers that share a database tell each other what they changed. */
export const newsChannel = "turnpike_catalog";

const news = z.array(
  z.object({
    orgId: z.string(),
    kind: z.string(),
    isNew: z.boolean(),
    account: z.string().optional(),
  }),
);

/**
 * Tells every server if and when the transaction commits: also the one that is told at once, which may lose its connection
 * before it knows that it did.
 */
export const tellServers = async (
  transaction: DatabaseTransaction,
  changes: CatalogChange[],
): Promise<void> => {
  if (changes.length === 0) return;
  const payload = JSON.stringify(changes satisfies z.infer<typeof news>);
  await sql`SELECT pg_notify(${newsChannel}, ${payload})`.execute(transaction);
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
      for (const { kind } of resources) onChange({ orgId, kind, isNew: false });
    hearing.isHeard = true;
  },
  heed: (payload) => {
    for (const change of news.parse(JSON.parse(payload))) onChange(change);
  },
  end: () => {
    hearing.isHeard = false;
  },
});
