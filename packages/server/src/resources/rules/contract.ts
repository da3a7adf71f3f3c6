import { contract } from "@turnpike/contract/accounts/contract.ts";
import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { lookupEvery } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { keepsItsAccountInUse } from "./contract-link.ts";

/** A filter compares texts: a field that is a number on every meter that has it is no dimension (m3ter semantics 14.3). */
const filtersByDimensions = async (
  { transaction, orgId }: Write,
  codes: readonly string[],
): Promise<void> => {
  if (codes.length === 0) return;
  const meters = await lookupEvery(transaction, meter, orgId);
  const fields = meters.flatMap(({ dataFields, derivedFields }) => [
    ...dataFields,
    ...derivedFields,
  ]);
  const index = codes.findIndex((code) => {
    const named = fields.filter((field) => field.code === code);
    return named.length > 0 && named.every(({ category }) => isNumericCategory(category));
  });
  if (index < 0) return;
  const message = `is a number, not a dimension: ${codes[index]}`;
  throw fieldProblem("RULE_VIOLATED", `usageFilters[${index}].dimensionCode`, message);
};

const standsForOneAccount = async (write: Write) => {
  const { accountId, usageFilters = [] } = contract.fields.parse(write.document);
  await keepsItsAccountInUse(write, { kind: contract.kind, accountId });
  await filtersByDimensions(
    write,
    usageFilters.map(({ dimensionCode }) => dimensionCode),
  );
  return write.document;
};

export const contractRules: Rules = { write: standsForOneAccount };
