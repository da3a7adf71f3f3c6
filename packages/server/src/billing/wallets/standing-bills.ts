import { sql } from "kysely";
import { billFactsFromText } from "@turnpike/engine/bill/facts-json.ts";
import type { BillTerms } from "@turnpike/engine/bill/facts.ts";
import type { BillingBook } from "../billing-book.ts";
import type { Reader } from "../../ports/database.ts";
import type { KnownBill } from "./other-bills.ts";
import type { BillIdentity } from "../planned-bills.ts";
import { coverageOf } from "../terms.ts";
import { familyOf } from "../bill-candidates.ts";

type Row = BillIdentity & { readonly facts: string };

/**
 * Bills of the same families that charge something of the same time, and stand as they were made, pending or not, with
 * the terms that they have.
 */
export const takeStanding = async (
  reader: Reader,
  book: BillingBook,
  { bills, except }: { readonly bills: readonly BillTerms[]; readonly except: readonly string[] },
): Promise<KnownBill[]> => {
  const charged = bills.flatMap((terms) => {
    const period = coverageOf(terms);
    return period === undefined ? [] : [{ ...period, head: familyOf(book, terms.account.id) }];
  });
  if (charged.length === 0) return [];
  const heads = new Set(charged.map(({ head }) => head));
  const members = [...book.accounts.keys()]
    .map((id) => ({ id, head: familyOf(book, id) }))
    .filter(({ head }) => heads.has(head));
  const { rows } = await sql<Row>`
    SELECT account_id AS "accountId", bill_date AS "billDate", currency, group_key AS "groupKey", facts
    FROM unnest(
      ${members.map(({ id }) => id)}::uuid[], ${members.map(({ head }) => head)}::uuid[]
    ) AS member (id, head)
    JOIN bill ON org_id = ${book.orgId} AND account_id = member.id
    WHERE NOT bill.id = ANY(${except}::uuid[]) AND EXISTS (
      SELECT FROM unnest(
        ${charged.map(({ head }) => head)}::uuid[],
        ${charged.map(({ start }) => start.toString())}::timestamptz[],
        ${charged.map(({ end }) => end.toString())}::timestamptz[]
      ) AS charged (head, starts_at, ends_at)
      WHERE charged.head = member.head AND bill.starts_at < charged.ends_at AND bill.ends_at > charged.starts_at
    )
  `.execute(reader);
  return rows.map(({ facts, ...identity }) => ({ identity, terms: billFactsFromText(facts) }));
};
