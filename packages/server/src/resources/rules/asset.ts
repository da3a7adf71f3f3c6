import { assetRate } from "@turnpike/contract/authorization/asset-rate.ts";
import { asset } from "@turnpike/contract/authorization/asset.ts";
import { autoTopUp } from "@turnpike/contract/authorization/auto-top-up.ts";
import { budget } from "@turnpike/contract/authorization/budget.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { sql } from "kysely";
import type { Document } from "../../ports/database.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";
import { staysWhileInLedger } from "./kept-records.ts";
import { userOfCode } from "./named-users.ts";

/** Fiat accounts keep at least this many digits, whatever the money has: a call may cost less than a cent (f.1). */
const fiatScaleMin = 6;

/**
 * Wallets count in atoms: what an atom is worth must not change under them. The stored scale is that of an atom, which is all
 * that readers of the record need; what its owner says is shown.
 */
const keepsItsAtoms = async (write: Write): Promise<Document> => {
  const { scale: statedScale, kind } = asset.fields.parse(write.document);
  const scale = kind === "fiat" ? Math.max(statedScale, fiatScaleMin) : statedScale;
  const document = { ...write.document, scale, statedScale };
  await keepFields({ ...write, document }, ["code", "scale"]);
  return document;
};

const asStated = ({ rows }: Pick<Read, "rows">): ReadonlyMap<string, Document> =>
  new Map(
    rows.map(({ id, document }) => [
      id,
      { scale: document["statedScale"] ?? document["scale"], statedScale: undefined },
    ]),
  );

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
  compute: async (read) => asStated(read),
  remove: (write) => staysWhileUsed(write, asset.fields.parse(write.document)),
};
