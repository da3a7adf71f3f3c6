import type { Pool } from "pg";

/** Records by what the ledger names them by, which never changes. */
export interface NamedRecords {
  readonly orgId: string;
  readonly kind: string;
  readonly by: "id" | "code";
  readonly names: readonly string[];
}

/** Records that the ledger names: from then on the catalog keeps them, and their codes (`resources/rules/kept-records.ts`). */
export interface KeptRecords {
  /** Whether it is known already: there is nothing to wait for then. */
  readonly isKept: (named: Omit<NamedRecords, "names">, name: string) => boolean;
  /** The names of those that are kept: all but what was removed or renamed. */
  readonly keep: (named: NamedRecords) => Promise<ReadonlySet<string>>;
}

const rememberedMax = 50_000;

const keyOf = ({ orgId, kind }: Omit<NamedRecords, "names">, name: string): string =>
  `${orgId} ${kind} ${name}`;

export const createKeptRecords = (pool: Pool): KeptRecords => {
  // What is kept stays kept.
  const known = new Set<string>();
  const isKept: KeptRecords["isKept"] = (named, name) => known.has(keyOf(named, name));
  return {
    isKept,
    keep: async (named) => {
      const kept = new Set(named.names.filter((name) => isKept(named, name)));
      const others = named.names.filter((name) => !kept.has(name));
      if (others.length === 0) return kept;
      if (known.size >= rememberedMax) known.clear();
      for (const name of await keepRecords(pool, { ...named, names: others })) {
        known.add(keyOf(named, name));
        kept.add(name);
      }
      return kept;
    },
  };
};

const isNamed = { id: "id = ANY($3::uuid[])", code: "code = ANY($3)" };

/** The records are held meanwhile, so that none is removed or renamed in between. */
const keepRecords = async (
  pool: Pool,
  { orgId, kind, by, names }: NamedRecords,
): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string }>({
    name: `ledger-keep-by-${by}`,
    text: `WITH standing AS (
             SELECT org_id, kind, id, ${by}::text AS name FROM record
             WHERE org_id = $1 AND kind = $2 AND ${isNamed[by]} ORDER BY id FOR KEY SHARE
           ), kept AS (
             INSERT INTO ledger_record (org_id, kind, id)
             SELECT org_id, kind, id FROM standing ON CONFLICT DO NOTHING
           )
           SELECT name FROM standing`,
    values: [orgId, kind, names],
  });
  return rows.map(({ name }) => name);
};
