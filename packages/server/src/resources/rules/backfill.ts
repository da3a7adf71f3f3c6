import { account } from "@turnpike/contract/accounts/account.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { backfill } from "@turnpike/contract/usage/backfill.ts";
import { lookupAll } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

interface Named {
  readonly resource: Resource;
  readonly property: string;
  readonly ids: readonly string[];
}

const checkExisting = async (
  { transaction, orgId }: Write,
  { resource, property, ids }: Named,
): Promise<void> => {
  const found = await lookupAll(transaction, resource, { orgId, ids });
  const missing = ids.findIndex((id) => !found.has(id));
  if (missing < 0) return;
  const message = `names no ${resource.kind}: ${ids[missing]}`;
  throw fieldProblem("REFERENCE_NOT_FOUND", `replaces.${property}[${missing}]`, message);
};

const writeHidden = async (write: Write): Promise<Write["document"]> => {
  if (write.before !== undefined) return write.document;
  const { replaces } = backfill.fields.parse(write.document);
  const { meterIds = [], accountIds = [] } = replaces ?? {};
  await checkExisting(write, { resource: meter, property: "meterIds", ids: meterIds });
  await checkExisting(write, { resource: account, property: "accountIds", ids: accountIds });
  return { ...write.document, status: "HIDDEN" };
};

export const backfillRules: Rules = { write: writeHidden };
