import { z } from "zod";
import type { RecordRow } from "./records.ts";

/** A write of a record, for those who remember what records say. */
export interface CatalogChange {
  readonly orgId: string;
  readonly kind: string;
  /** Who remembers only what exists has nothing to forget. */
  readonly isNew: boolean;
  /** The one account that the record says something of, by the id or code that it names; absent: any may be concerned. */
  readonly account?: string | undefined;
}

type AccountOf = (row: Pick<RecordRow, "id" | "document">) => unknown;

const byId: AccountOf = ({ document }) => document["accountId"];
const byCode: AccountOf = ({ document }) => document["account"];
const byScope: AccountOf = ({ document }) => scoped.parse(document).scope.account;

const scoped = z.object({ scope: z.object({ account: z.string().optional() }) });

const accountOf: Partial<Record<string, AccountOf>> = {
  account: ({ id }) => id,
  accountPlan: byId,
  autoTopUp: byCode,
  budget: byScope,
  concurrencyLimit: byScope,
  contract: byId,
  rateLimit: byScope,
};

/** What is told of a write. */
export const changeOf = (
  row: RecordRow,
  { action, before }: { readonly action: string; readonly before?: RecordRow | undefined },
): CatalogChange => {
  const { org_id: orgId, kind } = row;
  const named = [row, ...(before === undefined ? [] : [before])].map((one) =>
    accountOf[kind]?.(one),
  );
  const [account] = named;
  const isOne = typeof account === "string" && named.every((other) => other === account);
  return { orgId, kind, isNew: action === "created", ...(isOne ? { account } : {}) };
};

/** Of all that servers tell each other at once, in bytes; PostgreSQL takes 8,000. */
const toldMax = 4_000;

/** The same in few words: each once, and each kind once where that is too much. */
export const inShort = (changes: readonly CatalogChange[]): CatalogChange[] => {
  const distinct = new Map(changes.map((change) => [JSON.stringify(change), change]));
  if (Buffer.byteLength([...distinct.keys()].join(",")) <= toldMax) return [...distinct.values()];
  const byKind = Map.groupBy(distinct.values(), ({ kind }) => kind);
  return [...byKind.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { orgId, kind } = first;
    return [{ orgId, kind, isNew: [first, ...others].every(({ isNew }) => isNew) }];
  });
};
