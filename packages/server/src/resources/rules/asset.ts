import { asset } from "@turnpike/contract/authorization/asset.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { sql } from "kysely";
import type { DatabaseTransaction, Document } from "../../ports/database.ts";
import type { Rules, Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";

/** Fiat accounts keep at least this many digits (authorization semantics f.1). */
const fiatScaleMin = 6;

/** Wallets count in atoms: what an atom is worth must not change under them. */
const keepsItsAtoms = async (write: Write): Promise<Document> => {
  const { document } = write;
  const now = asset.fields.parse(document);
  if (now.kind === "fiat" && now.scale < fiatScaleMin)
    throw fieldProblem("VALIDATION_FAILED", "scale", `must be at least ${fiatScaleMin} for fiat`);
  keepFields(write, ["code", "scale"]);
  return document;
};

const isHeldBySomebody = async (
  transaction: DatabaseTransaction,
  orgId: string,
  code: string,
): Promise<boolean> => {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT FROM wallet_account WHERE org_id = ${orgId} AND asset = ${code}) AS found
  `.execute(transaction);
  return rows[0]?.found === true;
};

export const assetRules: Rules = {
  write: keepsItsAtoms,
  remove: async ({ transaction, orgId, document }) => {
    const { code } = asset.fields.parse(document);
    if (await isHeldBySomebody(transaction, orgId, code))
      throw fieldProblem("RECORD_IN_USE", "code", `wallets hold ${code}`);
  },
};
