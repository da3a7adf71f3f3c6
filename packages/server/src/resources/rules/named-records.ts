import { account } from "@turnpike/contract/accounts/account.ts";
import { asset } from "@turnpike/contract/authorization/asset.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Resource, Stored } from "@turnpike/contract/resource.ts";
import { parseAtoms } from "@turnpike/engine/ledger/asset.ts";
import { lookupCodes, typed } from "../../records/lookup.ts";
import { findRecord } from "../../records/records.ts";
import type { Write } from "../rule.ts";

/** What names a record by its code, which no reference holds. */
interface Named {
  readonly field: string;
  readonly code: string;
}

/** The record, which stays until the write stands. */
const held = async <R extends Resource>(
  { transaction, orgId }: Write,
  resource: R,
  { field, code }: Named,
): Promise<Stored<R>> => {
  const [found] = await lookupCodes(transaction, resource, { orgId, codes: [code] });
  const key = found && { orgId, kind: resource.kind, id: found.id };
  const row = key && (await findRecord(transaction, key, "for share"));
  // It may have been renamed until it was held.
  if (row?.document["code"] !== code)
    throw fieldProblem("REFERENCE_NOT_FOUND", field, `names no ${resource.kind}: ${code}`);
  return typed(resource, row);
};

export const namedAsset = (write: Write, named: Named): Promise<Stored<typeof asset>> =>
  held(write, asset, named);
export const namedAccount = (write: Write, named: Named): Promise<Stored<typeof account>> =>
  held(write, account, named);

/** An asset counts in whole atoms. */
export const checkAmount = (
  field: string,
  amount: string,
  { scale }: Pick<Stored<typeof asset>, "scale">,
): void => {
  if (parseAtoms(amount, scale) === undefined)
    throw fieldProblem("VALIDATION_FAILED", field, "is finer than its asset");
};
