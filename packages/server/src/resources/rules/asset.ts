import { assetRate } from "@turnpike/contract/authorization/asset-rate.ts";
import { asset } from "@turnpike/contract/authorization/asset.ts";
import { autoTopUp } from "@turnpike/contract/authorization/auto-top-up.ts";
import { budget } from "@turnpike/contract/authorization/budget.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { sql } from "kysely";
import type { Document } from "../../ports/database.ts";
import type { Rules, Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";
import { staysWhileInLedger } from "./kept-records.ts";
import { userOfCode } from "./named-users.ts";

/** Fiat accounts keep at least this many digits (authorization semantics f.1). */
const fiatScaleMin = 6;

/** Wallets count in atoms: what an atom is worth must not change under them. */
const keepsItsAtoms = async (write: Write): Promise<Document> => {
  const { document } = write;
  const now = asset.fields.parse(document);
  if (now.kind === "fiat" && now.scale < fiatScaleMin)
    throw fieldProblem("VALIDATION_FAILED", "scale", `must be at least ${fiatScaleMin} for fiat`);
  await keepFields(write, ["code", "scale"]);
  return document;
};

type Scope = Pick<Write, "transaction" | "orgId">;

/** What has been counted in the asset, and will be shown in it: what wallets hold, were given or wait for. */
const isCountedIn = async ({ transaction, orgId }: Scope, code: string): Promise<boolean> => {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT FROM wallet_account WHERE org_id = ${orgId} AND asset = ${code})
        OR EXISTS (SELECT FROM ledger_grant WHERE org_id = ${orgId} AND asset = ${code})
        OR EXISTS (SELECT FROM top_up WHERE org_id = ${orgId} AND asset = ${code}) AS found
  `.execute(transaction);
  return rows[0]?.found === true;
};

const namings = [
  { kind: budget.kind, path: "asset" },
  { kind: autoTopUp.kind, path: "asset" },
  { kind: assetRate.kind, path: "from" },
  { kind: assetRate.kind, path: "to" },
];

const staysWhileUsed = async (
  scope: Pick<Write, "transaction" | "orgId" | "id">,
  { code }: { readonly code: string },
): Promise<void> => {
  // A refusal is told again in the same amounts, which nothing but the asset says how to write.
  await staysWhileInLedger(scope, { kind: asset.kind, by: "code" });
  if (await isCountedIn(scope, code))
    throw fieldProblem("RECORD_IN_USE", "code", `is what wallets count in: ${code}`);
  const user = await userOfCode(scope, code, namings);
  if (user !== undefined)
    throw fieldProblem("RECORD_IN_USE", "code", `is the asset of ${user}: ${code}`);
};

export const assetRules: Rules = {
  write: keepsItsAtoms,
  remove: (write) => staysWhileUsed(write, asset.fields.parse(write.document)),
};
