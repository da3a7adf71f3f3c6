import type { Pool } from "pg";
import { account } from "@turnpike/contract/accounts/account.ts";
import type { Database } from "../ports/database.ts";
import type { CatalogChange } from "../records/catalog-change.ts";
import { findRecord } from "../records/records.ts";
import { textArray } from "./rows/binary-arrays.ts";
import { readByKeys } from "./rows/packet.ts";
import { lookedUpTogether } from "./together.ts";

/** Which account codes exist, and the id of each. Only what exists is remembered: an account may be created at any time. */
export interface Customers {
  readonly idsOf: (orgId: string, codes: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  readonly codeOf: (orgId: string, id: string) => Promise<string | undefined>;
  readonly announce: (change: CatalogChange) => void;
}

interface Parts {
  readonly database: Database;
  readonly pool: Pool;
  readonly now: () => number;
}

/** How long another server may still decide for an account that was removed here, if it does not hear of it. */
const rememberedMs = 10_000;
const rememberedMax = 100_000;

const keyOf = (orgId: string, code: string): string => `${orgId} ${code}`;

export const createCustomers = ({ database, pool, now }: Parts): Customers => {
  const known = new Map<string, { readonly id: string; readonly until: number }>();
  /** What is read while accounts change is not remembered. */
  let changes = 0;

  const load = async (orgId: string, codes: readonly string[]): Promise<Map<string, string>> => {
    const readAfter = changes;
    const rows = await readByKeys<{ id: string; value: string }>(pool, {
      name: "ledger-customers",
      text: `SELECT id, value FROM unique_value
             WHERE org_id = $1 AND kind = $2 AND field = 'code' AND value = ANY($3)`,
      values: [orgId, account.kind, textArray(codes)],
    });
    const found = new Map(rows.map(({ id, value }) => [value, id]));
    if (changes !== readAfter) return found;
    if (known.size >= rememberedMax) known.clear();
    const until = now() + rememberedMs;
    for (const [code, id] of found) known.set(keyOf(orgId, code), { id, until });
    return found;
  };
  const find = lookedUpTogether(load);

  return {
    idsOf: async (orgId, codes) => {
      const found = new Map<string, string>();
      const missing: string[] = [];
      for (const code of new Set(codes)) {
        const one = known.get(keyOf(orgId, code));
        if (one !== undefined && one.until > now()) found.set(code, one.id);
        else missing.push(code);
      }
      if (missing.length === 0) return found;
      const ids = await Promise.all(missing.map((code) => find(orgId, code)));
      for (const [nth, code] of missing.entries()) {
        const id = ids[nth];
        if (id !== undefined) found.set(code, id);
      }
      return found;
    },
    codeOf: async (orgId, id) => {
      const row = await findRecord(database, { orgId, kind: account.kind, id });
      return row?.code ?? undefined;
    },
    announce: ({ orgId, kind, isNew, account: changed }) => {
      if (kind !== account.kind || isNew) return;
      changes += 1;
      for (const [key, { id }] of known)
        if (key.startsWith(orgId) && (changed === undefined || id === changed)) known.delete(key);
    },
  };
};
