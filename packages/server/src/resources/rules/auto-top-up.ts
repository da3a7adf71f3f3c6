import { autoTopUp } from "@turnpike/contract/authorization/auto-top-up.ts";
import { sql } from "kysely";
import type { Document } from "../../ports/database.ts";
import { typed } from "../../records/lookup.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";
import { checkAmount, namedAccount, namedAsset } from "./named-records.ts";

/** An account and an asset that exist, and amounts no finer than it: others would never be asked for. */
const asksForMoney = async (write: Write): Promise<Document> => {
  // A top-up in flight is of the account and asset that it was started for, and lands with a batch of that account.
  await keepFields(write, ["account", "asset"]);
  const { account, threshold, creditAmount, ...fields } = autoTopUp.fields.parse(write.document);
  await namedAccount(write, { field: "account", code: account });
  const asset = await namedAsset(write, { field: "asset", code: fields.asset });
  checkAmount("threshold", threshold, asset);
  checkAmount("creditAmount", creditAmount, asset);
  return write.document;
};

interface Progress {
  readonly id: string;
  readonly payment_method: string;
  readonly in_flight: string | null;
  readonly failures: number;
  readonly is_suspended: boolean;
}

/** How far it has come; what failed with another payment method does not count any more (W14). */
const progress = async ({ reader, orgId, rows }: Read): Promise<ReadonlyMap<string, Document>> => {
  const ids = rows.map(({ id }) => id);
  const found = await sql<Progress>`
    SELECT id, payment_method, in_flight, failures, is_suspended FROM top_up_rule
    WHERE org_id = ${orgId} AND id = ANY(${ids})
  `.execute(reader);
  const known = new Map(found.rows.map((row) => [row.id, row]));
  return new Map(
    rows.map((row) => {
      const own = known.get(row.id);
      const isSameMethod = own?.payment_method === typed(autoTopUp, row).paymentMethod;
      const standing = {
        failures: isSameMethod ? own.failures : 0,
        suspended: isSameMethod && own.is_suspended,
      };
      const inFlight = own?.in_flight ?? null;
      return [row.id, inFlight === null ? standing : { ...standing, inFlight }];
    }),
  );
};

export const autoTopUpRules: Rules = { write: asksForMoney, compute: progress };
