import { sql } from "kysely";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import type { DatabaseTransaction } from "../ports/database.ts";
import { lookup } from "../records/lookup.ts";

/**
 * `billPrefix` and the next number of the organization's sequence; null without a prefix. With a start number of 100
 * the first is 101 (m3ter semantics 18.6). A start number that is raised later is jumped to, one that is lowered
 * changes nothing: no number is given out twice, and one whose bill is deleted is not given out again ([R]).
 */
export const nextInvoiceNumber = async (
  transaction: DatabaseTransaction,
  orgId: string,
): Promise<string | null> => {
  const config = await lookup(transaction, organizationConfig, { orgId, id: orgId });
  if (config?.billPrefix === undefined) return null;
  const start = config.sequenceStartNumber ?? 0;
  // The row lock lasts until the bill is committed: numbers come in creation order and without gaps.
  const { rows } = await sql<{ last: string }>`
    INSERT INTO bill_sequence AS sequence VALUES (${orgId}, ${start} + 1)
    ON CONFLICT (org_id) DO UPDATE SET last = greatest(sequence.last, ${start}) + 1
    RETURNING last
  `.execute(transaction);
  return `${config.billPrefix}${rows[0]?.last ?? ""}`;
};
