import { sql } from "kysely";
import { fromJson, type Json } from "@turnpike/engine/bill/facts-json.ts";
import type { MemoTerms } from "@turnpike/engine/bill/facts.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import type { Reader } from "../ports/database.ts";

/** What somebody put on the bill by hand, oldest first. */
export const memosOf = async (
  reader: Reader,
  { orgId, billId }: { orgId: string; billId: string },
): Promise<MemoTerms[]> => {
  const rows = await reader
    .selectFrom("bill_memo")
    .select("memo")
    .where("org_id", "=", orgId)
    .where(sql<boolean>`bill_id = ${billId}::uuid`)
    .orderBy("dt_created")
    .orderBy("id")
    .execute();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written from MemoTerms, by memos.ts
  return rows.map(({ memo }) => fromJson(memo as Json) as MemoTerms);
};

/** The line of a memo is found under the memo's id: the engine ends its key with it. */
export const memoIdOf = ({ key }: BillLine): string | undefined =>
  /^(?:CREDIT|DEBIT)_MEMO\/(.+)$/.exec(key)?.[1];
