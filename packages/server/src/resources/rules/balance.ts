import { sql } from "kysely";
import { balance } from "@turnpike/contract/balances/balance.ts";
import { balanceTransaction } from "@turnpike/contract/balances/balance-transaction.ts";
import { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Document } from "../../ports/database.ts";
import { exactNumber } from "../../records/exact-number.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { checkContract, keepsItsAccountInUse } from "./contract-link.ts";
import { keepFields } from "./kept-fields.ts";

/** Amounts name no currency of their own: another one would make other money of them. */
const keepsItsCurrencyInUse = (write: Write): Promise<void> =>
  keepFields(write, ["currency"], {
    exists: async () => {
      const { transaction, orgId, id } = write;
      const amounts = await transaction
        .selectFrom("record")
        .select("id")
        .where("org_id", "=", orgId)
        .where("parent_id", "=", id)
        .where("kind", "in", [balanceTransaction.kind, balanceTransactionSchedule.kind])
        .limit(1)
        .executeTakeFirst();
      return amounts !== undefined;
    },
    message: "cannot be changed: the balance has transactions in it",
  });

const belongsToOneAccount = async (write: Write) => {
  const next = balance.fields.parse(write.document);
  await checkContract(write, next);
  await keepsItsCurrencyInUse(write);
  await keepsItsAccountInUse(write, { kind: balance.kind, accountId: next.accountId });
  return write.document;
};

/** The sum of its transactions; one dated in the future counts from then on ([R], m3ter semantics 16.2). */
const withAmounts = async ({ reader, orgId, at, rows }: Read): Promise<Map<string, Document>> => {
  const ids = rows.map(({ id }) => id);
  const sums = await sql<{ id: string; amount: string }>`
    SELECT parent_id AS id, trim_scale(sum((document->>'amount')::numeric)) AS amount FROM record
    WHERE org_id = ${orgId} AND parent_id = ANY(${ids}::uuid[])
      AND kind = ${balanceTransaction.kind} AND document->>'appliedDate' <= ${at.toISOString()}
    GROUP BY parent_id
  `.execute(reader);
  const amounts = new Map(sums.rows.map(({ id, amount }) => [id, exactNumber(amount)]));
  return new Map(ids.map((id) => [id, { amount: amounts.get(id) ?? 0 }]));
};

/** The ledger of a balance that paid for a bill stays with the bill. */
const keepBilled = async ({ transaction, orgId, id }: Omit<Write, "before">): Promise<void> => {
  const billed = await transaction
    .selectFrom("record")
    .select("id")
    .where("org_id", "=", orgId)
    .where("parent_id", "=", id)
    .where("kind", "=", balanceTransaction.kind)
    .where(sql<boolean>`document->>'entityType' = 'BILL'`)
    .limit(1)
    .executeTakeFirst();
  if (billed === undefined) return;
  throw fieldProblem("RECORD_IN_USE", "id", "has paid for a bill");
};

export const balanceRules: Rules = {
  write: belongsToOneAccount,
  compute: withAmounts,
  remove: keepBilled,
};
