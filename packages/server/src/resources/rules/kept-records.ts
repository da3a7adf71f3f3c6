import { fieldProblem } from "@turnpike/contract/problem.ts";
import { sql } from "kysely";
import type { Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";

/** Records of a kind, by what authorizations and grants name them by. */
interface NamedByLedger {
  readonly kind: string;
  readonly by: "id" | "code";
}

const namers = "authorizations or grants";

/**
 * Whether authorizations or grants name the record, each of which is kept with what it said. The ledger takes the record's
 * lock when it names it first (`authorization/kept-records.ts`).
 */
const isNamedByLedger = async (
  { transaction, orgId, id }: Pick<Write, "transaction" | "orgId" | "id">,
  { kind }: Pick<NamedByLedger, "kind">,
): Promise<boolean> => {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT FROM ledger_record WHERE org_id = ${orgId} AND kind = ${kind} AND id = ${id}) AS found
  `.execute(transaction);
  return rows[0]?.found === true;
};

/** RECORD_IN_USE where the ledger names the record: what it has kept is told again as it was, and found by that name. */
export const staysWhileInLedger = async (
  write: Pick<Write, "transaction" | "orgId" | "id">,
  named: NamedByLedger,
): Promise<void> => {
  if (await isNamedByLedger(write, named))
    throw fieldProblem("RECORD_IN_USE", named.by, `is named by ${namers}`);
};

/** RULE_VIOLATED where another code is given to what the ledger names by its code. */
export const keepsCodeInLedger = (write: Write, kind: string): Promise<void> =>
  keepFields(write, ["code"], {
    exists: () => isNamedByLedger(write, { kind }),
    message: `must not change: ${namers} name the ${kind} by it`,
  });
